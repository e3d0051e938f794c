#include <stdio.h>
#include <string.h>

static char grid[24][80], next[24][80];

static int neighbours(int row, int column) {
    int count = 0;
    for (int dr = -1; dr <= 1; dr++)
        for (int dc = -1; dc <= 1; dc++)
            if (dr != 0 || dc != 0)
                count += grid[(row + dr + 24) % 24][(column + dc + 80) % 80];
    return count;
}

void step(void) {
    for (int r = 0; r < 24; r++) {
        for (int c = 0; c < 80; c++) {
            int n = neighbours(r, c);
            next[r][c] = n == 3 || (n == 2 && grid[r][c]);
        }
    }
    memcpy(grid, next, 24 * 80);
}

void show(void) {
    for (int r = 0; r < 24; r++) {
        for (int c = 0; c < 80; c++)
            putchar(grid[r][c] ? '#' : '.');
        putchar('\n');
    }
}
