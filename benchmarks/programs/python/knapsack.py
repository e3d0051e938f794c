def knapsack(items, capacity):
    """The best value of items (weight, value), each used at most once."""
    best = [0] * (capacity + 1)
    chosen = [[] for _ in best]
    for index, (weight, value) in enumerate(items):
        for c in range(capacity, weight - 1, -1):
            candidate = best[c - weight] + value
            if candidate > best[c]:
                best[c] = candidate
                chosen[c] = chosen[c - weight] + [index]
    return best[capacity], chosen[capacity]


value, picked = knapsack([(12, 4), (2, 2), (1, 1), (4, 10), (1, 2)], 15)
print(value, picked)
