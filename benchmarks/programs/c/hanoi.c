#include <stdio.h>

static int moves = 0;

void hanoi(int n, char from, char to, char via) {
    if (n == 0)
        return;
    hanoi(n - 1, from, via, to);
    printf("%3d: move disk %d from %c to %c\n", ++moves, n, from, to);
    hanoi(n - 1, via, to, from);
}

int main(void) {
    hanoi(4, 'A', 'C', 'B');
    return moves == 15 ? 0 : 1;
}
