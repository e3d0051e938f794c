"""How many tokens a text still needs: from every state to the nearest one that accepts.

A grammar without recursion has finitely many states, and the answer is exact: a search backwards
on the graph whose edges are tokens. For a recursive one the answer is an upper bound that some
completion reaches: the shortest text found by closing what is open, spelled with the fewest
tokens.
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.tokens.byte_table import DEAD, ByteTable
from constrain.tokens.vocabulary import Vocabulary

NEVER = 1 << 30
"""Tokens needed where no completion can be spelled."""

MAX_SEARCHED = 20_000


class Distances(Protocol):
    """needed(s): tokens from state s to the end of a text, without the end token."""

    exact: bool

    def needed(self, state: int) -> int: ...
    def worst(self, state: int) -> int:
        """The largest `needed` that a token may lead to from here."""
        ...

    def of_states(self, states: NDArray[np.int32]) -> NDArray[np.int64]:
        """`needed` of many states; NEVER for those below 0."""
        ...


class Exact:
    """Every state's distance, by breadth-first search backwards from those that accept."""

    exact = True

    def __init__(self, table: ByteTable):
        table.explore()
        n = len(table)
        edges = [table.successors(state) for state in range(n)]
        sources = np.repeat(np.arange(n), [len(e) for e in edges])
        targets = np.concatenate(edges) if edges else np.zeros(0, np.int32)
        order = np.argsort(targets, kind="stable")
        first = np.searchsorted(targets[order], np.arange(n + 1))
        before = sources[order]
        self._needed = np.full(n + 1, NEVER, np.int64)  # the last is for DEAD
        level = np.array([s for s in range(n) if table.accepts(s)], np.int64)
        distance = 0
        while len(level):
            self._needed[level] = distance
            near = [before[first[s] : first[s + 1]] for s in level.tolist()]
            sources_of = np.unique(np.concatenate(near))
            level = sources_of[self._needed[sources_of] == NEVER]
            distance += 1
        self._worst = np.array([self._needed[e].max() if len(e) else 0 for e in edges])

    def needed(self, state: int) -> int:
        return int(self._needed[state])

    def worst(self, state: int) -> int:
        return int(self._worst[state])

    def of_states(self, states: NDArray[np.int32]) -> NDArray[np.int64]:
        return self._needed[states]


class Searched:
    """Upper bounds, found when asked for: the state with the fewest open rules goes first."""

    exact = False

    def __init__(self, table: ByteTable, vocabulary: Vocabulary):
        self._table = table
        self._words = {token for token in vocabulary.tokens if token is not None}
        self._endings: dict[int, bytes] = {}  # state -> a short text that ends there
        self._needed: dict[int, int] = {DEAD: NEVER}
        self._worst: dict[int, int] = {}

    def needed(self, state: int) -> int:
        found = self._needed.get(state)
        if found is None:
            found = self._needed[state] = self._fewest(self._ending(state))
        return found

    def worst(self, state: int) -> int:
        found = self._worst.get(state)
        if found is None:
            after = self._table.successors(state).tolist()
            found = self._worst[state] = max(map(self.needed, after), default=0)
        return found

    def of_states(self, states: NDArray[np.int32]) -> NDArray[np.int64]:
        distinct, inverse = np.unique(states, return_inverse=True)
        return np.array([self.needed(s) for s in distinct.tolist()], np.int64)[inverse]

    def _ending(self, state: int) -> bytes:
        """Bytes that finish a text from here; remembered for every state on the way."""
        came: dict[int, tuple[int, int]] = {state: (DEAD, 0)}  # state -> the one before, byte
        heap = [(self._table.depth(state), 0, state)]
        while heap:
            _, length, here = heappop(heap)
            known = b"" if self._table.accepts(here) else self._endings.get(here)
            if known is not None:
                return self._settle(came, here, known)
            for byte, after in _firsts(self._table.row(here)):
                if after not in came:
                    came[after] = here, byte
                    heappush(heap, (self._table.depth(after), length + 1, after))
            if len(came) > MAX_SEARCHED:
                note = "no end of a text was found among them"
                raise LimitExceeded("states searched for an end", len(came), note)
        raise LimitExceeded("states searched for an end", len(came), "the text cannot be finished")

    def _settle(self, came: dict[int, tuple[int, int]], here: int, ending: bytes) -> bytes:
        while True:
            if len(ending) <= len(self._endings.get(here, ending)):
                self._endings[here] = ending
            ending = self._endings[here]
            before, byte = came[here]
            if before == DEAD:
                return ending
            here, ending = before, bytes([byte]) + ending

    def _fewest(self, text: bytes) -> int:
        """The fewest tokens that spell `text`."""
        fewest = [0] + [NEVER] * len(text)
        for start in range(len(text)):
            for stop in range(start + 1, len(text) + 1):
                if fewest[start] + 1 < fewest[stop] and text[start:stop] in self._words:
                    fewest[stop] = fewest[start] + 1
        return fewest[-1]


def _firsts(row: NDArray[np.int32]) -> list[tuple[int, int]]:
    """(byte, state) for each state of a row, by the first byte that leads to it."""
    states, first = np.unique(row, return_index=True)
    return [(b, s) for s, b in zip(states.tolist(), first.tolist(), strict=True) if s != DEAD]
