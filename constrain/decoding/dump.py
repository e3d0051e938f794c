"""States as bytes, to be carried to another process: a text that leads to the state.

Configurations are numbered as text happens to reach them, so their numbers and program counters
mean nothing elsewhere; but which configuration a text leads to depends on the grammar alone. The
rows of successors are a graph in which a text for any known configuration is found by breadth
first search. It may differ from the text that was read; what may follow is the same.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Mapping, Set
from dataclasses import dataclass

import numpy as np

from constrain.errors import SpecError
from constrain.syntax.grammar import Grammar
from constrain.tokens import layout as at
from constrain.tokens.engine import Engine

MAGIC = b"constrain state 1\n"
GOES_ON, ENDED = b".", b"$"


@dataclass(frozen=True)
class Place:
    """What is dumped: a text that leads to the state, and whether an end token came after it."""

    text: bytes
    ended: bool


def pack(grammar: Grammar, place: Place) -> bytes:
    return MAGIC + _digest(grammar) + (ENDED if place.ended else GOES_ON) + place.text


def unpack(grammar: Grammar, data: bytes) -> Place:
    """The place in dumped bytes. Raises SpecError for other bytes, or another grammar's."""
    digest, flag, text = _split(data)
    if digest != _digest(grammar):
        raise SpecError(f"the state was dumped under another grammar than {grammar!r}")
    return Place(text, flag == ENDED)


def _split(data: bytes) -> tuple[bytes, bytes, bytes]:
    start = len(MAGIC)
    digest, flag, text = data[start : start + 16], data[start + 16 : start + 17], data[start + 17 :]
    if not data.startswith(MAGIC) or flag not in (GOES_ON, ENDED):
        raise SpecError(f"expected the bytes of a dumped state, found {data[:40]!r}")
    return digest, flag, text


def _digest(grammar: Grammar) -> bytes:
    return hashlib.blake2b(repr(grammar.key).encode(), digest_size=16).digest()


def texts(engine: Engine, known: Mapping[int, bytes], wanted: Set[int]) -> dict[int, bytes]:
    """A text for each wanted configuration, given texts for some from which all are reached.

    Costs some milliseconds for ten thousand configurations.
    """
    starts, targets, bytes_ = _edges(engine)
    came: dict[int, tuple[int, int]] = {}  # configuration -> where from, by which byte
    todo = deque(sorted(known, key=lambda c: len(known[c])))
    seen = set(todo)
    missing = set(wanted) - seen
    while missing and todo:
        c = todo.popleft()
        for edge in range(starts[c], starts[c + 1]):
            target = targets[edge]
            if target not in seen:
                seen.add(target)
                missing.discard(target)
                came[target] = c, bytes_[edge]
                todo.append(target)
    return {c: _text(came, known, c) for c in wanted}


def _edges(engine: Engine) -> tuple[list[int], list[int], list[int]]:
    """All known successors: where those of each configuration start, targets, bytes."""
    n = engine.n_configs
    rows = engine.arena.segment(at.ROW)[: 256 * n]
    places = np.flatnonzero(rows > 1)
    starts = np.searchsorted(places, np.arange(0, 256 * (n + 1), 256))
    return starts.tolist(), (rows[places] - 2).tolist(), (places & 255).tolist()


def _text(came: Mapping[int, tuple[int, int]], known: Mapping[int, bytes], config: int) -> bytes:
    reverse = bytearray()
    while config in came:
        config, byte = came[config]
        reverse.append(byte)
    return known[config] + bytes(reversed(reverse))
