#include <stddef.h>

unsigned long length(const char *s) {
    const char *p = s;
    while (*p)
        p++;
    return (unsigned long)(p - s);
}

int compare(const char *a, const char *b) {
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return (unsigned char)*a - (unsigned char)*b;
}

char *copy(char *to, const char *from) {
    char *start = to;
    while ((*to++ = *from++))
        ;
    return start;
}

int is_palindrome(const char *s) {
    unsigned long i = 0, j = length(s);
    while (i < j) {
        if (s[i++] != s[--j])
            return 0;
    }
    return 1;
}

void upper(char *s) {
    for (; *s != '\0'; s++)
        if (*s >= 'a' && *s <= 'z')
            *s -= 'a' - 'A';
}
