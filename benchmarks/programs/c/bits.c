int count_bits(unsigned int x) {
    int n = 0;
    for (; x; x &= x - 1)
        n++;
    return n;
}

int is_power_of_two(unsigned int x) {
    return x != 0 && (x & (x - 1)) == 0;
}

unsigned int reverse_bits(unsigned int x) {
    x = ((x >> 1) & 0x55555555u) | ((x & 0x55555555u) << 1);
    x = ((x >> 2) & 0x33333333u) | ((x & 0x33333333u) << 2);
    x = ((x >> 4) & 0x0f0f0f0fu) | ((x & 0x0f0f0f0fu) << 4);
    x = ((x >> 8) & 0x00ff00ffu) | ((x & 0x00ff00ffu) << 8);
    return (x >> 16) | (x << 16);
}

int parity(unsigned int x) {
    int p = 0;
    do {
        p ^= x & 1;
        x >>= 1;
    } while (x);
    return p;
}
