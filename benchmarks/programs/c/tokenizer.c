#include <stdio.h>
#include <ctype.h>

/* Splits a line into words, numbers and signs. */
int next_token(const char **line, char *token) {
    const char *p = *line;
    int kind = 0, n = 0;
    while (*p == ' ' || *p == '\t')
        p++;
    if (isalpha(*p) || *p == '_') {
        kind = 1;
        while (isalnum(*p) || *p == '_')
            token[n++] = *p++;
    } else if (isdigit(*p)) {
        kind = 2;
        while (isdigit(*p))
            token[n++] = *p++;
    } else if (*p != '\0' && *p != '\n') {
        kind = 3;
        token[n++] = *p++;
    }
    token[n] = '\0';
    *line = p;
    return kind;
}
