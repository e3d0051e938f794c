"""The byte transitions of an engine's configurations as a table, and where tokens lead in it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded

from . import _walk_kernels as kernels
from .engine import Engine
from .preorder import Preorder

DEAD, UNKNOWN = kernels.DEAD, kernels.UNKNOWN

Int32s = NDArray[np.int32]


class ByteTable:
    """rows[state, byte] is the next state, DEAD, or UNKNOWN where nobody has asked yet.

    States are numbered as they are found, the start is 0. Not thread-safe. Raises LimitExceeded
    beyond `max_states`.
    """

    def __init__(self, engine: Engine, trie: Preorder, max_states: int):
        self._engine = engine
        self._trie = trie
        self._max_states = max_states
        self._numbers: dict[int, int] = {}
        self._configs: list[int] = []
        self.rows = np.full((64, 256), UNKNOWN, np.int32)
        self._stamp = np.zeros(64, np.int64)
        self._mark = 0
        self._accepts: list[bool] = []
        self._number(engine.start)

    def __len__(self) -> int:
        return len(self._configs)

    def accepts(self, state: int) -> bool:
        """May a text end here?"""
        return self._accepts[state]

    def depth(self, state: int) -> int:
        """How many rules of the grammar are open, on the shallowest reading."""
        return self._engine.depth(self._configs[state])

    def row(self, state: int) -> Int32s:
        """The next states, complete: [256]."""
        if self.rows[state, 0] == UNKNOWN:
            config = self._configs[state]
            live = self._engine.live(config)
            after = [self._number(self._engine.successor(config, byte)) for byte in live]
            self.rows[state] = DEAD
            self.rows[state, live] = after
        return self.rows[state]

    def run(self, state: int, data: bytes) -> int:
        """The state after `data`, or DEAD."""
        for byte in data:
            state = int(self.row(state)[byte])
            if state == DEAD:
                break
        return state

    def explore(self) -> None:
        """Find every state that bytes lead to."""
        state = 0
        while state < len(self):
            self.row(state)
            state += 1

    def after_words(self, state: int) -> Int32s:
        """The state after each word of the vocabulary, or DEAD: [words]. O(live trie nodes)."""
        out = np.full(self._trie.n_words, DEAD, np.int32)
        path, cursor = self._begin(state), np.zeros(1, np.int64)
        while (missing := kernels.targets(self.rows, *self._trie.nodes, path, cursor, out)) >= 0:
            self.row(missing)
        return out

    def successors(self, state: int) -> Int32s:
        """The states that some token leads to, each once."""
        self._mark += 1
        path, cursor = self._begin(state), np.zeros(2, np.int64)
        found = np.empty(len(self.rows), np.int32)
        while True:
            arguments = (self.rows, *self._trie.nodes, path, cursor, self._stamp, self._mark)
            missing = kernels.distinct_targets(*arguments, found)
            if missing == DEAD:
                return found[: cursor[1]].copy()
            self.row(missing)
            if len(found) < len(self.rows):
                found = np.concatenate([found, np.empty(len(self.rows) - len(found), np.int32)])

    def _begin(self, state: int) -> Int32s:
        path = np.empty(self._trie.longest + 1, np.int32)
        path[0] = state
        return path

    def _number(self, config: int) -> int:
        number = self._numbers.get(config)
        if number is None:
            number = self._numbers[config] = len(self._configs)
            if number >= self._max_states:
                raise LimitExceeded("states of a byte table", number + 1)
            self._configs.append(config)
            self._accepts.append(self._engine.accepts(config))
            if number >= len(self.rows):
                self._grow()
        return number

    def _grow(self) -> None:
        n = len(self.rows)
        self.rows = np.concatenate([self.rows, np.full((n, 256), UNKNOWN, np.int32)])
        self._stamp = np.concatenate([self._stamp, np.zeros(n, np.int64)])
