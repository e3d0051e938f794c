from itertools import product


def neighbours(cell):
    x, y = cell
    for dx, dy in product((-1, 0, 1), repeat=2):
        if dx or dy:
            yield x + dx, y + dy


def step(alive):
    counts = {}
    for cell in alive:
        for other in neighbours(cell):
            counts[other] = counts.get(other, 0) + 1
    return {cell for cell, n in counts.items() if n == 3 or (n == 2 and cell in alive)}


glider = {(1, 0), (2, 1), (0, 2), (1, 2), (2, 2)}
for generation in range(4):
    glider = step(glider)
print(sorted(glider))
