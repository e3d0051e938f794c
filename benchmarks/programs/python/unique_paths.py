from functools import cache


def unique_paths(rows: int, columns: int, blocked: set = frozenset()) -> int:
    @cache
    def paths(r: int, c: int) -> int:
        if r < 0 or c < 0 or (r, c) in blocked:
            return 0
        if (r, c) == (0, 0):
            return 1
        return paths(r - 1, c) + paths(r, c - 1)

    return paths(rows - 1, columns - 1)


cases = [((3, 3), 6), ((3, 7), 28), ((1, 1), 1)]
for (rows, columns), expected in cases:
    found = unique_paths(rows, columns)
    print(rows, columns, found, "ok" if found == expected else f"wrong, not {expected}")
print(unique_paths(3, 3, frozenset({(1, 1)})))
