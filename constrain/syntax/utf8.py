"""Sets of code points as automata over the bytes of their UTF-8 forms.

A code point is a lead byte that holds its highest bits and up to three bytes that hold six bits
each. So a set of code points of one length is a tree of base-64 digits; subtrees that are equal
are shared, and neighbouring digits with the same subtree become one edge.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TypeAlias

from .regex_ast import Ranges

Edge: TypeAlias = tuple[int, int, int]
"""First byte, last byte, target state."""

FINAL = -1

# First and last code point, number of continuation bytes, what is added to the highest bits.
_LENGTHS = (
    (0x00, 0x7F, 0, 0x00),
    (0x80, 0x7FF, 1, 0xC0),
    (0x800, 0xFFFF, 2, 0xE0),
    (0x10000, 0x10FFFF, 3, 0xF0),
)


@lru_cache(maxsize=4096)
def byte_automaton(ranges: Ranges) -> tuple[tuple[Edge, ...], ...]:
    """Return the minimal deterministic automaton of the UTF-8 forms of `ranges`.

    State 0 is the start, `FINAL` the only accepting state; the edges of a state are sorted and
    do not overlap. Unicode `\\w` takes some 300 states and 2 ms.

    >>> byte_automaton(((0x61, 0x7A), (0xE9, 0xE9)))
    (((97, 122, -1), (195, 195, 1)), ((169, 169, -1),))
    """
    builder = _Builder()
    start: list[Edge] = []
    for first, last, depth, mark in _LENGTHS:
        part = tuple((max(lo, first), min(hi, last)) for lo, hi in ranges if hi >= first)
        part = tuple((lo, hi) for lo, hi in part if lo <= hi)
        start += [(lo + mark, hi + mark, to) for lo, hi, to in builder.digits(part, depth)]
    builder.states[0] = tuple(start)
    return tuple(builder.states)


class _Builder:
    """States so far, and the state that reads each (set of offsets, number of bytes left)."""

    def __init__(self) -> None:
        self.states: list[tuple[Edge, ...]] = [()]
        self.known: dict[tuple[Ranges, int], int] = {}

    def state(self, ranges: Ranges, depth: int) -> int:
        if depth == 0:
            return FINAL
        if (ranges, depth) not in self.known:
            edges = self.digits(ranges, depth - 1)
            self.known[ranges, depth] = len(self.states)
            self.states.append(tuple((lo + 0x80, hi + 0x80, to) for lo, hi, to in edges))
        return self.known[ranges, depth]

    def digits(self, ranges: Ranges, depth: int) -> list[Edge]:
        """Split `ranges` by their highest digit, `depth` digits being below it."""
        edges: list[Edge] = []
        for lo, hi, inner in _split(ranges, 64**depth):
            target = self.state(inner, depth)
            if edges and edges[-1][1] == lo - 1 and edges[-1][2] == target:
                edges[-1] = (edges[-1][0], hi, target)
            else:
                edges.append((lo, hi, target))
        return edges


def _split(ranges: Ranges, block: int) -> Iterator[tuple[int, int, Ranges]]:
    """Yield (first block, last block, offsets within each of them), in order, nothing twice."""
    full: Ranges = ((0, block - 1),)
    pending, offsets = -1, list[tuple[int, int]]()  # a block that is not yet known in full
    for lo, hi in ranges:
        first, last = lo // block, hi // block
        if offsets and first != pending:
            yield pending, pending, tuple(offsets)
            offsets = []
        if first == last:
            pending = first
            offsets.append((lo % block, hi % block))
            continue
        if offsets or lo % block:
            yield first, first, (*offsets, (lo % block, block - 1))
            offsets = []
            first += 1
        if hi % block == block - 1:
            yield first, last, full
        else:
            if first < last:
                yield first, last - 1, full
            pending = last
            offsets = [(0, hi % block)]
    if offsets:
        yield pending, pending, tuple(offsets)


@lru_cache(maxsize=1024)
def byte_sequences(ranges: Ranges) -> tuple[tuple[tuple[int, int], ...], ...]:
    """Return sequences of byte ranges that together spell exactly `ranges`, in order.

    >>> byte_sequences(((0x7F, 0x80),))
    (((127, 127),), ((194, 194), (128, 128)))
    """
    states = byte_automaton(ranges)

    def paths(state: int) -> Iterator[tuple[tuple[int, int], ...]]:
        if state == FINAL:
            yield ()
            return
        for lo, hi, target in states[state]:
            for rest in paths(target):
                yield ((lo, hi), *rest)

    return tuple(paths(0))
