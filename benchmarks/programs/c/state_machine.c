#include <stdio.h>

/* A traffic light: 0 red, 1 red and yellow, 2 green, 3 yellow. */
int next_state(int state, int *seconds) {
    switch (state) {
    case 0:
        *seconds = 2;
        return 1;
    case 1:
        *seconds = 30;
        return 2;
    case 2:
        *seconds = 4;
        return 3;
    case 3:
    default:
        *seconds = 25;
        return 0;
    }
}

int main(void) {
    int state = 0, seconds = 25, total = 0;
    while (total < 120) {
        printf("t=%3d state=%d for %d s\n", total, state, seconds);
        total += seconds;
        state = next_state(state, &seconds);
    }
    return 0;
}
