from math import sqrt


def mean(values):
    values = list(values)
    if not values:
        raise ValueError("mean of nothing")
    return sum(values) / len(values)


def variance(values, sample=True):
    m = mean(values)
    n = len(values) - (1 if sample else 0)
    return sum((x - m) ** 2 for x in values) / n


def median(values):
    ordered = sorted(values)
    half, odd = divmod(len(ordered), 2)
    return ordered[half] if odd else (ordered[half - 1] + ordered[half]) / 2


data = [2.5, 3.1, 4.7, 5.0, 1.9, 3.3]
deviation = sqrt(variance(data))
print(f"mean={mean(data):.3f} sd={deviation:.3f} median={median(data):.3f}")
