from functools import lru_cache


@lru_cache(maxsize=None)
def fibonacci(n):
    return n if n < 2 else fibonacci(n - 1) + fibonacci(n - 2)


def generate():
    a, b = 0, 1
    while True:
        yield a
        a, b = b, a + b


for i, value in enumerate(generate()):
    if i >= 20:
        break
    assert value == fibonacci(i), "the two must agree"
    print(i, value, sep="\t")
