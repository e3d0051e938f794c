#include <stdlib.h>

struct Queue {
    double *data;
    int capacity;
    int head, tail;
};

struct Queue *queue_new(int capacity) {
    struct Queue *q = malloc(sizeof(struct Queue));
    q->data = malloc(capacity * sizeof(double));
    q->capacity = capacity;
    q->head = q->tail = 0;
    return q;
}

int queue_put(struct Queue *q, double value) {
    int next = (q->tail + 1) % q->capacity;
    if (next == q->head)
        return -1; // full
    q->data[q->tail] = value;
    q->tail = next;
    return 0;
}

double queue_get(struct Queue *q) {
    double value = q->data[q->head];
    q->head = (q->head + 1) % q->capacity;
    return value;
}

int queue_size(const struct Queue *q) {
    return (q->tail - q->head + q->capacity) % q->capacity;
}
