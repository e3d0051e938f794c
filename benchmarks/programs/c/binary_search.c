#include <stdio.h>

/* Index of key in a sorted array, or -1. */
int binary_search(const int *values, int count, int key) {
    int low = 0;
    int high = count - 1;
    while (low <= high) {
        int middle = low + (high - low) / 2;
        if (values[middle] == key) {
            return middle;
        } else if (values[middle] < key) {
            low = middle + 1;
        } else {
            high = middle - 1;
        }
    }
    return -1;
}

int main(void) {
    int values[] = {1, 3, 5, 7, 11, 13, 17};
    int count = sizeof(int) * 7 / sizeof(int);
    printf("%d %d\n", binary_search(values, count, 11), binary_search(values, count, 4));
    return 0;
}
