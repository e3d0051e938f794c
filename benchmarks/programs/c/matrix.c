#include <stdio.h>

// Multiplies two square matrices and prints the product.
void multiply(double a[3][3], double b[3][3], double c[3][3]) {
    int i, j, k;
    for (i = 0; i < 3; i++) {
        for (j = 0; j < 3; j++) {
            c[i][j] = 0.0;
            for (k = 0; k < 3; k++)
                c[i][j] += a[i][k] * b[k][j];
        }
    }
}

int main(void) {
    double a[3][3] = {{1.0, 2.0, 3.0}, {4.0, 5.0, 6.0}, {7.0, 8.0, 9.0}};
    double b[3][3] = {{0.5, 0, 0}, {0, 0.5, 0}, {0, 0, 0.5}};
    double c[3][3];
    multiply(a, b, c);
    for (int i = 0; i < 3; i++)
        printf("%6.2f %6.2f %6.2f\n", c[i][0], c[i][1], c[i][2]);
    return 0;
}
