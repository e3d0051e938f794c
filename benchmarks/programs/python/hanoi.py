def hanoi(n, source="A", target="C", spare="B"):
    if n == 0:
        return
    yield from hanoi(n - 1, source, spare, target)
    yield source, target
    yield from hanoi(n - 1, spare, target, source)


moves = list(hanoi(4))
for number, (a, b) in enumerate(moves, start=1):
    print(f"{number:>3}: {a} -> {b}")
assert len(moves) == 2 ** 4 - 1
