"""Dense tables: for automaton states inside which most tokens may come.

Such a state (a JSON string's body, a comment) keeps an inside mask, the tokens that stay inside;
the same in tiers by the units they add, where the automaton is counted; and for each byte that
can follow the automaton an exit trie: the tokens that leave it, from that byte on, with the
number of units before it. Tables belong to a vocabulary and are found by content.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from . import _kernels as kernels, layout as at
from .lookup import between

Words = NDArray[np.int32]

SPARSE = 1
MAX_TIERS = 24
"""Tokens of more units are listed one by one."""
MAX_ALPHABETS = 256
_NONE = np.zeros(1, np.int32)
FIRST_WORDS = 1 << 14


def _scratch(n_words: int, size: int) -> tuple[NDArray[np.uint32], Words, Words, Words]:
    """Arrays to build frame tables in: mask, exits found, members of merged nodes, result."""
    return (
        np.zeros(n_words, np.uint32),
        np.zeros(size, np.int32),
        np.zeros(64 * size, np.int32),
        np.zeros(16 * size, np.int32),
    )


class Runner(Protocol):
    """The part of an engine that tables are built with."""

    @property
    def words(self) -> Words: ...

    def supply(self, code: int) -> None: ...


class DenseTables:
    """The dense tables of one vocabulary, in one growing array `words`.

    Offsets below 16 mean something else (`SPARSE`), so tables start at 16.
    """

    def __init__(self, vocabulary_tables: Words, n_words: int, max_bytes: int = 1 << 28):
        self.vocabulary = vocabulary_tables
        self.n_words = n_words
        self.max_words = max_bytes // 4
        self.words = np.zeros(FIRST_WORDS, np.int32)
        self.used = 16
        self.generation = 0  # goes up when tables are dropped
        self._stored = np.zeros(16, np.int32)  # what stays: tables of the standard automata
        self._offsets: dict[Hashable, int] = {}
        children = vocabulary_tables[vocabulary_tables[at.V_NODES] :][:2] >> 8
        self.parts = [np.arange(*children.tolist(), dtype=np.int32)]  # trie nodes, by their bytes
        self._part_numbers: dict[Hashable, int] = {}
        self._alphabets: dict[int, NDArray[np.uint32]] = {}
        self._scratch = _scratch(n_words, 1 << 12)

    def find(self, key: Hashable) -> int:
        """Offset of the table with this content, SPARSE, or 0."""
        return self._offsets.get(key, 0)

    def load(self, stored: Words) -> None:
        """Start with tables built before; these are never dropped."""
        self._stored = stored
        self.words = np.concatenate([stored, np.zeros(FIRST_WORDS + 512 * self.n_words, np.int32)])
        self.used = len(stored)

    @property
    def kept(self) -> int:
        """Words that are never dropped."""
        return len(self._stored)

    def _allocate(self, size: int) -> int:
        """Room for `size` words; drops all but the kept tables when over the budget.

        Dropped tables stay as they are in the old array, which other threads may be reading.
        """
        if self.used + size > self.max_words and self.used > self.kept:
            self.generation += 1
            self._offsets.clear()
            self.used = self.kept
            self.words = np.concatenate([self._stored, np.zeros(size, np.int32)])
        while self.used + size > len(self.words):
            self.words = np.concatenate([self.words, np.zeros_like(self.words)])
        start = self.used
        self.words[start : start + size] = 0
        self.used += size
        return start

    def is_sparse(self, engine: Runner, q: int) -> bool:
        """Is a plain walk of the vocabulary from automaton state `q` short?"""
        scratch = np.zeros(self.n_words, np.uint32)
        while True:
            args = (scratch, 0, 0, q, _NONE, at.SHORT_WALK, 0, -1)
            code = int(kernels.walk_(engine.words, self.vocabulary, *args))
            if code in (at.OK, at.OVER_BUDGET):
                return code == at.OK
            engine.supply(code)

    def inside(self, engine: Runner, q: int, out: NDArray[np.uint32]) -> None:
        """Fill `out` with the tokens that stay inside the automaton from state `q`.

        Those over the state's closed alphabet come at once (a mask kept for each alphabet); the
        walk then skips them.
        """
        v = self.vocabulary
        while (alphabet := int(kernels.closed_alphabet(engine.words, v, q, 0))) < 0:
            engine.supply(alphabet)
        kept = self._alphabets.get(alphabet)
        if kept is None:
            kept = np.zeros_like(out)
            kernels.tokens_over(v, alphabet, kept)
            if len(self._alphabets) < MAX_ALPHABETS:
                self._alphabets[alphabet] = kept
        out[:] = kept
        while code := int(kernels.walk_beyond(engine.words, v, out, 0, q, alphabet)):
            engine.supply(code)

    def add(self, engine: Runner, key: Hashable, q: int, home: int) -> int:
        """Build the table of automaton state `q`, or find that it is sparse."""
        if self.is_sparse(engine, q):
            self._offsets[key] = SPARSE
            return SPARSE
        return self.add_dense(engine, key, q, home)

    def add_dense(self, engine: Runner, key: Hashable, q: int, home: int) -> int:
        """Build the table of automaton state `q`."""
        mask = np.zeros(self.n_words, np.uint32)
        self.inside(engine, q, mask)
        table = self._allocate(at.T_SIZE + self.n_words)
        inside = table + at.T_SIZE
        self.words[inside : inside + self.n_words] = mask.view(np.int32)
        self.words[table + at.T_INSIDE] = inside
        self.words[table + at.T_HOME] = home
        self._offsets[key] = table
        return table

    def add_tiers(self, engine: Runner, table: int, q: int, home: int) -> None:
        """Add to a table its inside masks by the units that tokens need."""
        v = self.vocabulary
        units = np.empty(int(v[at.V_N_TOKENS]), np.int32)
        while (code := kernels.token_units(engine.words, v, q, home, units)) != at.OK:
            engine.supply(int(code))
        n = min(int(units.max()) + 1, MAX_TIERS)
        tiers = np.zeros((n, self.n_words), np.uint32)
        kernels.spread_tiers(units, tiers)
        longer = np.flatnonzero(units >= n)
        entries = longer | units[longer] << 20
        packed = np.concatenate([tiers.view(np.int32).ravel(), [len(longer)], entries])
        generation = self.generation
        start = self._allocate(len(packed))
        if self.generation != generation:
            return  # `table` itself was dropped; the caller builds it anew
        self.words[start : start + len(packed)] = packed
        self.words[table + at.T_TIERS] = start
        self.words[table + at.T_N_TIERS] = n

    def add_frame(self, engine: Runner, key: Hashable, frame: int) -> int:
        """Build the frame table of a configuration that stands on HOLE; returns its offset."""
        mask, found, members, out = self._scratch
        args = (self.vocabulary, frame, mask, found, members, out)
        while (size := int(kernels.build_frame(engine.words, *args))) < 0:
            if size == at.FULL and int(engine.words[at.REQUEST]) == at.WALK:
                self._scratch = _scratch(self.n_words, 2 * len(found))
                mask, found, members, out = self._scratch
                args = (self.vocabulary, frame, mask, found, members, out)
            engine.supply(size)
        table = self._allocate(size)
        if out[at.F_TRIE] != at.NO_EXIT:
            out[at.F_TRIE] += table
        self.words[table : table + size] = out[:size]
        if key is not None:
            self._offsets[key] = table
        return table

    def add_lexer(self, engine: Runner, key: Hashable, lexer: int, number: int) -> int:
        """Build the table of a lexer state for part `number` of the vocabulary (0: all of it)."""
        v = self.vocabulary
        inside, dead = np.zeros(self.n_words, np.uint32), np.zeros(self.n_words, np.uint32)
        found = np.empty(3 << 14, np.int32)
        roots = self.parts[number]
        while (
            n := int(kernels.lexer_exits(engine.words, v, lexer, roots, inside, dead, found))
        ) < 0:
            if n == at.OVER_BUDGET:
                found = np.empty(2 * len(found), np.int32)
            else:
                engine.supply(n)
        exits = found[: 3 * n].reshape(n, 3)
        winners, nodes, places = exits.T
        at_once = v[v[at.V_PARENTS] + nodes] == places
        behind = {
            winner: np.sort(nodes[at_once & (winners == winner)])
            for winner in np.unique(winners[at_once]).tolist()
        }
        singles: list[int] = []
        for winner, node, place in exits[~at_once].tolist():
            path = between(v, place, node)
            singles += (winner, node, len(path), *path)
        masks = inside.view(np.int32), dead.view(np.int32)
        table = self._enter_lexer(masks, behind, singles, int((~at_once).sum()))
        self._offsets[key] = table
        return table

    def _enter_lexer(
        self,
        masks: tuple[Words, Words],
        behind: dict[int, Words],
        singles: list[int],
        n_singles: int,
    ) -> int:
        """Write the table of a lexer state: all at once, for room may be made by a drop."""
        small = {w: nodes for w, nodes in behind.items() if self._size(nodes) < at.HUGE_SUBTREE}
        keys = {winner: ("behind", nodes.tobytes()) for winner, nodes in small.items()}
        while True:
            generation = self.generation
            new = {keys[w]: self._trie_of(small[w]) for w in small if keys[w] not in self._offsets}
            parts = [np.zeros(at.X_WINNERS + 2 * len(behind), np.int32), *masks]
            parts += [np.array(singles, np.int32), *new.values()]
            starts = np.cumsum([0, *map(len, parts)])
            table = self._allocate(int(starts[-1]))
            if generation == self.generation or len(new) == len(set(keys.values())):
                break  # else tries that are already there have just been dropped
        starts += table
        self._offsets.update(zip(new, starts[4:].tolist(), strict=False))
        head = parts[0]
        head[: at.X_WINNERS] = (*starts[1:3], len(behind), starts[3], n_singles)
        for k, (winner, nodes) in enumerate(behind.items()):
            trie = self._offsets[keys[winner]] if winner in keys else -self._part(nodes)
            head[at.X_WINNERS + 2 * k : at.X_WINNERS + 2 * k + 2] = (winner, trie)
        self.words[table : starts[-1]] = np.concatenate(parts)
        return table

    def _size(self, nodes: Words) -> int:
        """Tokens strictly below these trie nodes."""
        v = self.vocabulary
        return int((v[v[at.V_ORDER_STOP] + nodes] - v[v[at.V_ORDER_START] + nodes]).sum())

    def _trie_of(self, nodes: Words) -> Words:
        """An exit trie with these nodes below its root."""
        pairs = np.stack([nodes, np.zeros_like(nodes)], 1).ravel()
        return self._exit_trie(pairs, len(nodes), at_root=False)

    def _part(self, nodes: Words) -> int:
        """The number of the part of the vocabulary behind these nodes."""
        key = nodes.tobytes()
        if key not in self._part_numbers:
            self._part_numbers[key] = len(self.parts)
            self.parts.append(nodes.copy())
        return self._part_numbers[key]

    def _exit_trie(self, roots: Words, m: int, *, at_root: bool = True) -> Words:
        """The vocabulary below `m` (node, units) pairs as one trie (`kernels.merge_subtrees`)."""
        size = 1 << 14
        while True:
            out, members = np.empty(size, np.int32), np.empty(8 * size, np.int32)
            args = (self.vocabulary, roots, m, out, members, at_root)
            length = int(kernels.merge_subtrees(*args))
            if length > 0:
                return out[:length]
            size *= 2

    def add_exit(self, engine: Runner, table: int, q: int, home: int, byte: int) -> None:
        """Add to a table the trie of tokens that leave by `byte`."""
        v = self.vocabulary
        first = int(v[v[at.V_BY_BYTE_START] + byte])
        last = int(v[v[at.V_BY_BYTE_START] + byte + 1])
        found = np.empty(2 * (last - first) + 2, np.int32)
        while (m := int(kernels.exit_roots(engine.words, v, q, home, byte, found))) < 0:
            engine.supply(m)
        if m == 0:
            self.words[table + at.T_EXITS + byte] = at.NO_EXIT
            return
        trie = self._exit_trie(found, m)
        length = len(trie)
        generation = self.generation
        start = self._allocate(length)
        if self.generation != generation:
            return  # `table` itself was dropped; the caller builds it anew
        self.words[start : start + length] = trie
        self.words[table + at.T_EXITS + byte] = start
