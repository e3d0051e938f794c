#include <stdio.h>

struct Stack {
    int items[256];
    int top;
};

int push(struct Stack *s, int item) {
    if (s->top >= 256)
        return 0;
    s->items[s->top++] = item;
    return 1;
}

int pop(struct Stack *s, int *item) {
    if (s->top <= 0)
        return 0;
    *item = s->items[--s->top];
    return 1;
}

/* Reads a postfix expression such as "3 4 + 2 *". */
int evaluate(const char *text) {
    struct Stack s;
    int a, b;
    s.top = 0;
    while (*text) {
        char c = *text++;
        if (c >= '0' && c <= '9') {
            push(&s, c - '0');
            continue;
        }
        if (c == ' ')
            continue;
        pop(&s, &b);
        pop(&s, &a);
        switch (c) {
        case '+':
            push(&s, a + b);
            break;
        case '-':
            push(&s, a - b);
            break;
        case '*':
            push(&s, a * b);
            break;
        default:
            printf("unknown operator '%c'\n", c);
            return -1;
        }
    }
    pop(&s, &a);
    return a;
}
