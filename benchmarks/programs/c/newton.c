#include <math.h>
#include <stdio.h>

double square_root(double x) {
    double guess = x > 1.0 ? x / 2.0 : 1.0;
    int i = 0;
    do {
        guess = 0.5 * (guess + x / guess);
    } while (fabs(guess * guess - x) > 1e-10 && ++i < 100);
    return guess;
}

/* The root of f between a and b, by bisection. */
double f(double x);

double bisect(double a, double b, double tolerance) {
    double fa = f(a);
    while (b - a > tolerance) {
        double m = (a + b) / 2, fm = f(m);
        if ((fa < 0) == (fm < 0)) {
            a = m;
            fa = fm;
        } else {
            b = m;
        }
    }
    return (a + b) / 2;
}
