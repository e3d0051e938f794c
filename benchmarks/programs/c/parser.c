// A recursive descent calculator.
#include <stdio.h>
#include <stdlib.h>

static const char *input;

double expression(void);

double factor(void) {
    double value;
    if (*input == '(') {
        input++;
        value = expression();
        if (*input == ')')
            input++;
        return value;
    }
    if (*input == '-') {
        ++input;
        return -factor();
    }
    value = strtod(input, (char **)&input);
    return value;
}

double term(void) {
    double value = factor();
    while (*input == '*' || *input == '/') {
        char op = *input++;
        if (op == '*')
            value *= factor();
        else
            value /= factor();
    }
    return value;
}

double expression(void) {
    double value = term();
    for (;;) {
        if (*input == '+') {
            input++;
            value += term();
        } else if (*input == '-') {
            input++;
            value -= term();
        } else {
            return value;
        }
    }
}
