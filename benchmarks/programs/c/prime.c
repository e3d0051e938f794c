#include <stdio.h>
#include <math.h>

int is_prime(int n) {
    if (n < 2) return 0;
    if (n % 2 == 0) return n == 2;
    for (int d = 3; d * d <= n; d += 2)
        if (n % d == 0) return 0;
    return 1;
}

int main(void) {
    int found = 0;
    for (int n = 2; found < 20; n++) {
        if (is_prime(n)) {
            printf("%d ", n);
            found++;
        }
    }
    printf("\n");
    return 0;
}
