"""Forgetting: what is still referred to is copied to a second arena and numbered anew.

Mark and copy (Cheney 1970, with the order of age in place of a queue: everything in an arena
refers only to what is older). The program stays word for word; the standard configurations keep
their numbers; rows, expansions and memos are left behind and come back when they are needed.
"""

from __future__ import annotations

import numpy as np

from . import _kernels as kernels, layout as at
from .arena import CAPACITIES, FIRST_HASH, HASHED, Arena, Words, allocate
from .standard import renew

KEPT = (at.PROGRAM, at.RULE, at.BYTE_SET, at.TRIE, at.TRIE_NODE, at.TERMINAL_INFO)
"""Segments that are copied as they are."""


def sweep(old: Arena, new: Arena, marks: Words) -> Words:
    """Copy to `new` what the marked configurations of `old` need; `new` may be any arena.

    marks: int32[configurations], 1 for those to keep; becomes their new numbers and is returned.
    """
    nodes = np.zeros(old.used(at.NODE), np.int32)
    kernels.mark(old.words, marks, nodes)
    sizes = _sizes(old, marks != 0, nodes != 0)
    _make_room(new, old.capacities | {s: _capacity(old, s, n) for s, n in sizes.items()})
    renew(new)
    for word in (at.LONGEST, at.LONGEST_SPACE):
        new.words[word] = old.words[word]
    for segment in KEPT:
        size = old.used(segment) * at.WIDTH[segment]
        new.segment(segment)[:size] = old.segment(segment)[:size]
        new.words[4 * segment + at.USED] = old.used(segment)
    for hashed, segment in HASHED.items():
        slots = min(_power_of_two(FIRST_HASH, 4 * sizes[segment]), 2 * new.capacities[segment])
        new.words[4 * hashed + at.CAPACITY] = slots
    kernels.rehash(new.words)
    kernels.compact(old.words, new.words, marks, nodes)
    return marks


def _sizes(arena: Arena, configs: np.ndarray, nodes: np.ndarray) -> dict[int, int]:
    """Records that the copy will hold, the standard ones among them."""
    n_standard = int(arena.words[at.N_STANDARD])
    configs[:n_standard] = True
    records = arena.segment(at.CONFIG).reshape(-1, at.WIDTH[at.CONFIG])[: len(configs)]
    infos = arena.segment(at.NODE).reshape(-1, at.WIDTH[at.NODE])[: len(nodes), 1]
    return {
        at.CONFIG: int(configs.sum()),
        at.THREAD: int(records[configs, at.CONFIG_N].sum()),
        at.NODE: int(nodes.sum()),
        at.EDGE: int((infos[nodes] >> 2).sum()),
        at.EXPANDED: 0,
        at.UNION: 0,
    }


def _capacity(old: Arena, segment: int, records: int) -> int:
    """Room for what is kept and as much again, but no more than there was."""
    return min(_power_of_two(CAPACITIES[segment], 2 * records + 16), old.capacities[segment])


def _power_of_two(least: int, wanted: int) -> int:
    while least < wanted:
        least *= 2
    return least


def _make_room(arena: Arena, capacities: dict[int, int]) -> None:
    if any(arena.capacities[s] < n for s, n in capacities.items()):
        arena.capacities = capacities
        arena.words = allocate(capacities)
