#include <stdio.h>
#include <string.h>

/* The sieve of Eratosthenes, odd numbers only. */
int main(void) {
    static char composite[5000];
    int count = 1;
    memset(composite, 0, 5000);
    for (int i = 3; i < 10000; i += 2) {
        if (composite[i / 2])
            continue;
        count++;
        for (int j = i * i; j < 10000; j += 2 * i)
            composite[j / 2] = 1;
    }
    printf("%d primes below %d\n", count, 10000);
    return !(count == 1229);
}
