#include <stdio.h>

int main(void) {
    long lines = 0, words = 0, characters = 0;
    int c, inside = 0;
    while ((c = getchar()) != -1) {
        characters++;
        if (c == '\n')
            lines++;
        if (c == ' ' || c == '\n' || c == '\t') {
            inside = 0;
        } else if (!inside) {
            inside = 1;
            words++;
        }
    }
    printf("%ld %ld %ld\n", lines, words, characters);
    return 0;
}
