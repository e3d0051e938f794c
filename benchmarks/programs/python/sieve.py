def primes_below(limit: int) -> list[int]:
    """The sieve of Eratosthenes."""
    composite = bytearray(limit)
    for i in range(2, int(limit ** 0.5) + 1):
        if not composite[i]:
            composite[i * i::i] = b"\x01" * len(range(i * i, limit, i))
    return [i for i in range(2, limit) if not composite[i]]


assert primes_below(20) == [2, 3, 5, 7, 11, 13, 17, 19]
print(len(primes_below(10_000)))
