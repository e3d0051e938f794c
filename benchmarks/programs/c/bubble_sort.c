#include <stdio.h>

static void swap(int *a, int *b) {
    int t = *a;
    *a = *b;
    *b = t;
}

void bubble_sort(int values[], int n) {
    for (int i = 0; i < n - 1; i++) {
        int swapped = 0;
        for (int j = 0; j < n - i - 1; j++) {
            if (values[j] > values[j + 1]) {
                swap(&values[j], &values[j + 1]);
                swapped = 1;
            }
        }
        if (!swapped)
            break;
    }
}

int main(void) {
    int values[8] = {64, 34, 25, 12, 22, 11, 90, 5};
    bubble_sort(values, 8);
    for (int i = 0; i < 8; i++)
        printf("%d%s", values[i], i < 7 ? ", " : "\n");
    return 0;
}
