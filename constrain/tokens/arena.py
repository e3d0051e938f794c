"""The arena: one int32 array that holds a program and all that is known about running it.

Segments grow by doubling; a full kernel says which. Arenas are recycled: memory that was
touched once is far cheaper than fresh memory.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded

from . import _kernels as kernels, layout as at

Words = NDArray[np.int32]

MAX_THREADS = 4096
CAPACITIES = {
    at.PROGRAM: 1 << 15,
    at.RULE: 1 << 12,
    at.BYTE_SET: 1 << 9,
    at.TRIE: 1 << 9,
    at.TRIE_NODE: 1 << 14,
    at.NODE: 1 << 15,
    at.EDGE: 1 << 16,
    at.UNION: 1 << 11,
    at.CONFIG: 1 << 16,
    at.THREAD: 1 << 17,
    at.EXPANDED: 1 << 18,
    at.TERMINAL_INFO: 1 << 8,
    at.SITE: 1 << 10,
    at.LIST: MAX_THREADS,
    at.LIST_HASH: 2 * MAX_THREADS,
    at.QUEUE: MAX_THREADS,
    at.STAGE: 1 << 13,
    at.PAIRS: 1 << 12,
    at.DRIVE: 1 << 10,
    at.WALK: 1 << 15,
    at.WALK2: 1 << 15,
}
"""Records at first: address space mostly, for memory is only taken where it is written to.
NODE_HASH, CONFIG_HASH and ROW follow NODE and CONFIG."""

HASHED = {at.NODE_HASH: at.NODE, at.CONFIG_HASH: at.CONFIG}
FIRST_HASH = 1 << 12
"""Slots of a hash table at first; it doubles within the room that is reserved for it."""

FIXED = {at.LIST, at.LIST_HASH, at.QUEUE}
SCRATCH = {at.STAGE, at.PAIRS, at.DRIVE, at.WALK, at.WALK2} | FIXED
RESERVED = {at.TRIE_NODE: 1, at.NODE: 2, at.CONFIG: 1}
"""Records that stand for "none" (for NODE: the empty stack, and HOLE)."""


def _with_followers(capacities: dict[int, int]) -> dict[int, int]:
    return capacities | {
        at.NODE_HASH: 2 * capacities[at.NODE],
        at.CONFIG_HASH: 2 * capacities[at.CONFIG],
        at.ROW: capacities[at.CONFIG],
    }


def allocate(capacities: dict[int, int]) -> Words:
    """An empty arena with room for these numbers of records.

    Only what must be zero is touched: records are written before they are read.
    """
    sizes = _with_followers(capacities)
    offsets: list[int] = []
    total = at.HEADER
    for segment in range(at.N_SEGMENTS):
        offsets.append(total)
        total += sizes[segment] * at.WIDTH[segment]
    if total >= 1 << 30:
        raise LimitExceeded("arena words", total, "the grammar needs too many states")
    words = np.empty(total, np.int32)
    words[: at.HEADER] = 0
    for segment, offset in enumerate(offsets):
        size = FIRST_HASH if segment in HASHED else sizes[segment]
        words[4 * segment : 4 * segment + 3] = (offset, size, RESERVED.get(segment, 0))
    words[words[4 * at.NODE] : words[4 * at.NODE] + 4] = (0, 1, 0, 2)  # nodes 0 and HOLE
    for segment in (at.TRIE_NODE, at.CONFIG):  # number 0: none
        words[offsets[segment] : offsets[segment] + at.WIDTH[segment]] = 0
    words[offsets[at.LIST_HASH] : offsets[at.LIST_HASH] + 2 * sizes[at.LIST_HASH]] = 0
    words[at.LIST_STAMP] = 1
    kernels.rehash(words)
    return words


class Arena:
    """Owns the words; `words` is replaced when a segment grows."""

    def __init__(self, max_bytes: int):
        self.max_bytes = max_bytes
        self.capacities = dict(CAPACITIES)
        self.words = allocate(self.capacities)

    def used(self, segment: int) -> int:
        return int(self.words[4 * segment + at.USED])

    def segment(self, segment: int) -> Words:
        """The words of a segment, used or not."""
        offset, size = (int(n) for n in self.words[4 * segment : 4 * segment + 2])
        return self.words[offset : offset + size * at.WIDTH[segment]]

    def append(self, segment: int, records: Words) -> None:
        """Add records (a flat array) to a segment."""
        count = len(records) // at.WIDTH[segment]
        used = self.used(segment)
        while used + count > self.words[4 * segment + at.CAPACITY]:
            self.grow(segment)
        width = at.WIDTH[segment]
        self.segment(segment)[used * width : (used + count) * width] = records
        self.words[4 * segment + at.USED] = used + count

    def reserve(self, segment: int, records: int) -> None:
        """Make room for so many more records."""
        while self.used(segment) + records > self.words[4 * segment + at.CAPACITY]:
            self.grow(segment)

    def grow(self, segment: int) -> None:
        """Double a segment. Raises LimitExceeded beyond `max_bytes`."""
        if segment in FIXED:
            raise LimitExceeded("threads", MAX_THREADS)
        if segment in HASHED:  # there is always room: twice the records that it holds
            self.words[4 * segment + at.CAPACITY] *= 2
            kernels.rehash(self.words)
            return
        self.capacities[segment] *= 2
        total = sum(size * at.WIDTH[s] for s, size in _with_followers(self.capacities).items())
        if 4 * total > self.max_bytes:
            self.capacities[segment] //= 2
            raise LimitExceeded(
                "arena bytes", 4 * total, "the text or the grammar needs too many states"
            )
        old, self.words = self.words, allocate(self.capacities)
        for s in range(at.N_SEGMENTS):
            if s in SCRATCH or s in (at.NODE_HASH, at.CONFIG_HASH, at.UNION):
                continue
            start, _, count = (int(n) for n in old[4 * s : 4 * s + 3])
            if s == at.ROW:
                count = int(old[4 * at.CONFIG + at.USED])
            to = int(self.words[4 * s])
            size = count * at.WIDTH[s]
            self.words[to : to + size] = old[start : start + size]
            self.words[4 * s + at.USED] = count
        for s in HASHED:
            self.words[4 * s + at.CAPACITY] = old[4 * s + at.CAPACITY]
        self.words[at.COUNTERS : at.HEADER] = old[at.COUNTERS : at.HEADER]
        self.words[at.LIST_N] = 0
        self.words[at.QUEUED] = 0
        self.words[at.LIST_STAMP] = 1
        kernels.rehash(self.words)


MAX_IDLE = 4
MAX_IDLE_WORDS = 1 << 26
TOUCHED = {at.ROW: 1 << 13, at.CONFIG: 1 << 13, at.THREAD: 1 << 14, at.EXPANDED: 1 << 15}
"""Records at the start of the large segments that `prepare` writes to."""

_idle: list[Arena] = []


def prepare() -> None:
    """Have an arena ready whose memory has been touched; fresh memory costs page faults."""
    if _idle:
        return
    arena = Arena(1 << 29)
    for segment, records in TOUCHED.items():
        arena.segment(segment)[: records * at.WIDTH[segment]] = 0
    _idle.append(arena)


def obtain(max_bytes: int) -> Arena:
    """An arena, used before if there is one; `renew` it before use."""
    try:
        arena = _idle.pop()
    except IndexError:
        return Arena(max_bytes)
    arena.max_bytes = max_bytes
    return arena


def recycle(arena: Arena) -> None:
    """Keep an arena for somebody else."""
    if len(_idle) < MAX_IDLE and len(arena.words) <= MAX_IDLE_WORDS:
        _idle.append(arena)
