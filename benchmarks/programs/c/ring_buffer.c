struct Ring {
    unsigned char bytes[1024];
    unsigned int read, write;
};

static unsigned int used(const struct Ring *ring) {
    return ring->write - ring->read;
}

int ring_write(struct Ring *ring, const unsigned char *data, int n) {
    int i;
    for (i = 0; i < n && used(ring) < 1024; i++)
        ring->bytes[ring->write++ & 1023] = data[i];
    return i;
}

int ring_read(struct Ring *ring, unsigned char *data, int n) {
    int i = 0;
    while (i < n && used(ring) > 0)
        data[i++] = ring->bytes[ring->read++ & 1023];
    return i;
}
