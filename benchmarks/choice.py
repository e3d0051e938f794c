"""A choice among very many strings: how long until the first mask, and what masks cost.

    python benchmarks/choice.py [--words 1000000] [--seed 0]

The strings are made-up titles of two or three words, 17 bytes on average; the vocabulary is that
of a 131,072-token tokenizer. Times are those of the thread, without waiting for others. Every
state is new when its mask is measured, but for those that titles share.
"""

from __future__ import annotations

import argparse
import random
import resource
import time

import job
import numpy as np

import constrain

SYLLABLES = "ka to mi ra ne so li ber ton gra pos tri ent al er ing ion ex con de".split()


def titles(n: int, rng: random.Random) -> list[str]:
    """`n` different titles."""
    names = ["".join(rng.choices(SYLLABLES, k=rng.randint(1, 3))) for _ in range(3000)]
    found: set[str] = set()
    while len(found) < n:
        found.add(" ".join(rng.choices(names, k=rng.randint(2, 3))).title())
    return sorted(found)


def megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def seconds() -> float:
    return time.thread_time_ns() * 1e-9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--words", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    rng = random.Random(args.seed)
    tokenizer = job.tekken()
    tokens = job.decode_tokens(job.vocabulary(tokenizer))
    vocabulary = constrain.Vocabulary(tokens, [tokenizer.eos_id])
    warm = constrain.compile(constrain.choice(["a", "b"]), vocabulary)
    warm.mask(warm.init())
    words = titles(args.words, rng)
    before, began = megabytes(), seconds()
    c = constrain.compile(constrain.choice(words), vocabulary)
    c.mask(c.init())
    print(f"to the first mask: {seconds() - began:.1f} s, {megabytes() - before:.0f} MB")
    spent: list[float] = []
    for word in rng.sample(words, 1000):
        state = c.init()
        for token in [*tokenizer.encode(word, bos=False, eos=False), tokenizer.eos_id]:
            began = seconds()
            c.mask(state)
            spent.append(1e6 * (seconds() - began))
            state = c.advance(state, token)
    p50, p99 = np.percentile(spent, [50, 99])
    print(
        f"masks: mean {np.mean(spent):.0f} us, p50 {p50:.0f}, p99 {p99:.0f}; {len(spent)} of them"
    )
    print(f"at the most: {megabytes() - before:.0f} MB")


if __name__ == "__main__":
    main()
