#include <stdio.h>

struct Rational { int numerator, denominator; };

int gcd(int a, int b);

struct Rational reduce(struct Rational r) {
    int g = gcd(r.numerator, r.denominator);
    if (r.denominator < 0)
        g = -g;
    r.numerator /= g;
    r.denominator /= g;
    return r;
}

struct Rational times(struct Rational a, struct Rational b) {
    struct Rational r = {a.numerator * b.numerator, a.denominator * b.denominator};
    return reduce(r);
}

void print(struct Rational r) {
    if (r.denominator == 1)
        printf("%d\n", r.numerator);
    else
        printf("%d/%d\n", r.numerator, r.denominator);
}
