#include <math.h>

struct Vector {
    double x, y, z;
};

struct Vector add(struct Vector a, struct Vector b) {
    struct Vector r;
    r.x = a.x + b.x;
    r.y = a.y + b.y;
    r.z = a.z + b.z;
    return r;
}

double dot(const struct Vector *a, const struct Vector *b) {
    return a->x * b->x + a->y * b->y + a->z * b->z;
}

double norm(const struct Vector *v) {
    return sqrt(dot(v, v));
}

void normalize(struct Vector *v) {
    double n = norm(v);
    if (n > 1e-12) {
        v->x /= n;
        v->y /= n;
        v->z /= n;
    }
}
