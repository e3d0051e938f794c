#include <math.h>

double mean(const double *x, int n) {
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i];
    return n > 0 ? sum / n : 0.0;
}

double deviation(const double *x, int n) {
    double m = mean(x, n), sum = 0;
    int i = n;
    while (i-- > 0)
        sum += (x[i] - m) * (x[i] - m);
    return n > 1 ? sqrt(sum / (n - 1)) : 0.0;
}

void range(const double *x, int n, double *low, double *high) {
    *low = *high = x[0];
    for (int i = 1; i < n; i++) {
        if (x[i] < *low) *low = x[i];
        if (x[i] > *high) *high = x[i];
    }
}
