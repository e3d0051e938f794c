#include <stdio.h>

float to_celsius(float f) {
    return (f - 32.0f) * 5.0f / 9.0f;
}

float to_fahrenheit(float c) {
    return c * 9.0f / 5.0f + 32.0f;
}

int main(void) {
    float f;
    printf("%10s %10s\n", "F", "C");
    for (f = 0.0f; f <= 212.0f; f += 21.2f)
        printf("%10.1f %10.1f\n", f, to_celsius(f));
    return 0;
}
