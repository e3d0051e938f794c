"""Does memory stay flat? A million random tokens through recursive and ambiguous grammars.

    python benchmarks/memory.py [--tokens 1000000] [--seed 0]

Each grammar is walked in a process of its own, mask and advance for every token, over the bytes
and a few longer tokens. A text longer than 200 tokens is closed where the grammar allows it.
Printed per grammar: resident memory after each tenth of the walk, sweeps, the longest pause for
one, and the longest step without one.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

import constrain

GRAMMARS = {
    "json": constrain.json,
    "sql": lambda: constrain.library("sql"),
    "ambiguous": lambda: constrain.cfg(
        'start: e\ne: e "+" e | e e | "(" e ")" | /[ab]{1,3}/', lexer="scannerless"
    ),
}
WORDS = [b'{"', b'":', b'",', b"],", b"true", b'":{"', b"}}", b"x ", b" (", b"SELECT ", b"=1"]
CLOSING = set(b'")]};')
LONG = 200


def resident() -> float:
    """Resident memory in MB (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 1e6


def walk(name: str, n_tokens: int, seed: int) -> None:
    eos = 256 + len(WORDS)
    tokens = [*(bytes([b]) for b in range(256)), *WORDS, None]
    c = constrain.compile(GRAMMARS[name](), constrain.Vocabulary(tokens, [eos]))
    c.forget()  # its kernels are compiled now
    rng = random.Random(seed)
    sweeps: list[float] = []
    longest, inside = 0.0, c._sweep

    def sweep() -> None:
        began = time.perf_counter()
        inside()
        sweeps.append(time.perf_counter() - began)

    c._sweep = sweep
    state, length = c.init(), 0
    memory: list[str] = []
    for i in range(n_tokens):
        before = len(sweeps)
        bits = np.unpackbits(c.mask(state).view(np.uint8), bitorder="little")
        ids = np.flatnonzero(bits).tolist()
        if length > LONG:
            ids = [t for t in ids if t == eos or t in CLOSING] or ids
        token = rng.choice(ids)
        began = time.perf_counter()
        state = c.advance(state, token)
        if i > n_tokens // 10 and len(sweeps) == before:
            longest = max(longest, time.perf_counter() - began)
        length += 1
        if c.is_terminal(state):
            state, length = c.init(), 0
        if (i + 1) % max(1, n_tokens // 10) == 0:
            memory.append(f"{resident():.0f}")
    pause = f"longest {1e3 * max(sweeps):.0f} ms" if sweeps else "none"
    print(f"{name}: MB {' '.join(memory)}; {len(sweeps)} sweeps, {pause};", end=" ")
    print(f"other steps at most {1e3 * longest:.1f} ms", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tokens", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--grammar", choices=GRAMMARS, help="only this one, in this process")
    args = parser.parse_args()
    if args.grammar:
        walk(args.grammar, args.tokens, args.seed)
        return
    for name in GRAMMARS:
        options = ["--tokens", str(args.tokens), "--seed", str(args.seed), "--grammar", name]
        subprocess.run([sys.executable, __file__, *options], check=True)


if __name__ == "__main__":
    main()
