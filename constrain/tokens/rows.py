"""Rows for masks: cut from large blocks and used again.

Fresh memory costs several microseconds a row in page faults; a block of a few megabytes costs
a tenth of that (the system backs it with huge pages), and a row used before costs nothing.
"""

from __future__ import annotations

import sys

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint32]

BLOCK_BYTES = 1 << 22
FIRST_BYTES = 1 << 25
MAX_IDLE_BYTES = 1 << 27


class Rows:
    """Rows of `n_words` words. `take` gives a writable one with undefined contents."""

    def __init__(self, n_words: int):
        self.n_words = n_words
        self.per_block = min(256, max(1, BLOCK_BYTES // (4 * n_words)))
        self.most = max(2 * self.per_block, MAX_IDLE_BYTES // (4 * n_words))
        self.idle: list[Mask] = []
        for _ in range(min(16, FIRST_BYTES // (4 * n_words * self.per_block))):
            self._cut()

    def _cut(self) -> None:
        block = np.empty((self.per_block, self.n_words), np.uint32)
        block.fill(0)
        self.idle.extend(block)

    def take(self) -> Mask:
        if not self.idle:
            self._cut()
        return self.idle.pop()

    def give_unshared(self, rows: list[Mask]) -> None:
        """Take back the rows that nobody else refers to; empties the list."""
        while rows:
            row = rows.pop()
            if sys.getrefcount(row) == 2 and len(self.idle) < self.most:
                row.setflags(write=True)
                self.idle.append(row)


_pools: dict[int, Rows] = {}


def pool(n_words: int) -> Rows:
    """The pool of this width, one per process."""
    found = _pools.get(n_words)
    if found is None:
        found = _pools[n_words] = Rows(n_words)
    return found


__all__ = ["Mask", "Rows", "pool"]
