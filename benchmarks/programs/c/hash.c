#include <stdint.h>

// FNV-1a and djb2, two small hash functions for strings.
unsigned int fnv1a(const char *text) {
    unsigned int hash = 2166136261u;
    while (*text) {
        hash ^= (unsigned char)*text++;
        hash *= 16777619u;
    }
    return hash;
}

unsigned long djb2(const unsigned char *text) {
    unsigned long hash = 5381;
    int c;
    while ((c = *text++) != 0)
        hash = ((hash << 5) + hash) + c;
    return hash;
}

unsigned int mix(unsigned int x) {
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bU;
    x ^= x >> 16;
    return x;
}
