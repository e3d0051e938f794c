"""Looking tokens up in a vocabulary's trie, a few at a time."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from . import layout as at

Words = NDArray[np.int32]


def path(v: Words, data: bytes) -> list[int]:
    """The trie nodes of the prefixes of `data`, from the root on, as far as there are any."""
    nodes = v[at.V_NODES]
    found = [0]
    for byte in data:
        first, last = (v[nodes + found[-1] : nodes + found[-1] + 2] >> 8).tolist()
        hits = np.flatnonzero(v[nodes + first : nodes + last] & 255 == byte)
        if not len(hits):
            break
        found.append(first + int(hits[0]))
    return found


def between(v: Words, above: int, below: int) -> list[int]:
    """The bytes on the way down the trie from node `above` to node `below`."""
    found: list[int] = []
    while below != above:
        found.append(int(v[v[at.V_NODES] + below]) & 255)
        below = int(v[v[at.V_PARENTS] + below])
    return found[::-1]


def token_at(v: Words, node: int) -> int:
    """The first token whose bytes lead to `node`, or -1."""
    return int(v[v[at.V_TOKENS] + node])


def below(v: Words, node: int) -> Words:
    """The first token of each byte string that leads through `node` and further."""
    start, stop = int(v[v[at.V_ORDER_START] + node]), int(v[v[at.V_ORDER_STOP] + node])
    return v[v[at.V_ORDER] + start : v[at.V_ORDER] + stop]


def longest_prefix(v: Words, data: bytes) -> int:
    """The longest token that `data` starts with, or -1."""
    return next((t for x in reversed(path(v, data)) if (t := token_at(v, x)) >= 0), -1)


def chosen(mask: NDArray[np.uint32], ids: Words) -> Words:
    """Those of `ids` whose bit is set."""
    return ids[(mask[ids >> 5] >> (ids & 31).astype(np.uint32)) & np.uint32(1) != 0]
