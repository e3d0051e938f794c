#include <stdio.h>

static int max(int a, int b) { return a > b ? a : b; }

int knapsack(const int *weights, const int *values, int n, int capacity) {
    int best[1001] = {0};
    for (int i = 0; i < n; i++) {
        for (int c = capacity; c >= weights[i]; c--) {
            best[c] = max(best[c], best[c - weights[i]] + values[i]);
        }
    }
    return best[capacity];
}

int main(void) {
    int weights[] = {12, 2, 1, 4, 1};
    int values[] = {4, 2, 1, 10, 2};
    printf("best value: %d\n", knapsack(weights, values, 5, 15));
    return 0;
}
