#include <stdio.h>
#include <stdlib.h>

struct Node {
    int value;
    struct Node *next;
};

struct Node *push(struct Node *head, int value) {
    struct Node *node = malloc(sizeof(struct Node));
    if (node == 0) {
        fprintf(stderr, "out of memory\n");
        exit(1);
    }
    node->value = value;
    node->next = head;
    return node;
}

struct Node *reverse(struct Node *head) {
    struct Node *previous = 0;
    while (head) {
        struct Node *next = head->next;
        head->next = previous;
        previous = head;
        head = next;
    }
    return previous;
}

void release(struct Node *head) {
    while (head) {
        struct Node *next = head->next;
        free(head);
        head = next;
    }
}

int main(void) {
    struct Node *list = 0;
    for (int i = 1; i <= 5; ++i)
        list = push(list, i * i);
    list = reverse(list);
    for (struct Node *p = list; p; p = p->next)
        printf("%d -> ", p->value);
    printf("end\n");
    release(list);
    return 0;
}
