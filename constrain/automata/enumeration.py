"""All texts of a grammar in order: shorter ones first, those of one length in byte order."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import cast

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Grammar

from .members import MAX_TEXT, flat, longest_length, lowest
from .productions import Productions, Row
from .rule_graph import components

MAX_CELLS = 1_000_000


def enumerate(grammar: Grammar) -> Iterator[bytes]:
    """All texts, each once: shorter ones first, those of one length in byte order.

    Between two texts O(length x ways to read a prefix). Ends if the language is finite.

    >>> from constrain.front import regex
    >>> list(enumerate(regex("a{1,2}|b")))
    [b'a', b'b', b'aa']
    """
    found = flat(grammar)
    if found is None:
        return
    end = longest_length(found)
    texts = Enumeration(found)
    length = int(found.least[found.start])
    while end is None or length <= end:
        yield from texts.of_length(length)
        length += 1


def longest(grammar: Grammar) -> bytes | None:
    """The longest text, the first in byte order among equals; None if there is none.

    Raises LimitExceeded for a text of over MAX_TEXT bytes, and where texts have no longest one.
    """
    found = flat(grammar)
    if found is None:
        return None
    length = longest_length(found)
    if length is None or length > MAX_TEXT:
        note = "the grammar has texts of any length" if length is None else ""
        raise LimitExceeded("bytes of the longest text", length or MAX_TEXT, note)
    return next(Enumeration(found).of_length(length))


class Enumeration:
    """Texts by length, read off the prefixes that can still be finished in time.

    A cell is what remains to be read on one way: a nonterminal or a set of bytes, and the cell
    below it. A prefix has come to a set of cells, so each text comes once, however ambiguous it
    is.
    """

    def __init__(self, grammar: Productions):
        self.grammar = grammar
        self._cells: list[tuple[int, int, int]] = [(-1, 0, 0)]  # nonterminal or -1, bytes, below
        self._numbers: dict[tuple[int, int, int], int] = {}
        self._expanded: dict[int, frozenset[int]] = {0: frozenset({0})}
        self._moves: dict[frozenset[int], list[tuple[int, frozenset[int]]]] = {}
        self._lengths: list[int] = [0] * len(grammar.rows)  # bit n: has a text of n bytes
        self._cell_lengths: dict[int, int] = {}
        self._horizon = -1
        graph: dict[Hashable, list[int]] = {
            symbol: [part for row in rows for part in row.rest]
            for symbol, rows in zip(range(len(grammar.rows)), grammar.rows, strict=True)
        }
        self._groups = cast(list[list[int]], components(graph))

    def of_length(self, length: int) -> Iterator[bytes]:
        """The texts of exactly `length` bytes, in byte order."""
        if length > self._horizon:
            self._look_ahead(max(16, length + length // 4))
        start = self._expand(self._cell(self.grammar.start, 0, 0))
        trail = [iter([(-1, start)])]
        text = bytearray()
        while trail:
            step = next(trail[-1], None)
            if step is None:
                trail.pop()
                del text[-1:]
                continue
            byte, place = step
            left = length - len(trail) + 1
            place = frozenset(cell for cell in place if self._cell_length(cell) >> left & 1)
            if not place:
                continue
            text += bytes((byte,)) if byte >= 0 else b""
            if left == 0:
                yield bytes(text)
                del text[-1:]
            else:
                trail.append(iter(self._next(place)))

    def _cell(self, symbol: int, members: int, below: int) -> int:
        key = symbol, members, below
        if key not in self._numbers:
            self._numbers[key] = len(self._cells)
            self._cells.append(key)
            if len(self._cells) > MAX_CELLS:
                raise LimitExceeded("ways to read prefixes", len(self._cells))
        return self._numbers[key]

    def _expand(self, cell: int) -> frozenset[int]:
        """The cells that begin with a byte, or are empty, that a cell can become."""
        if cell not in self._expanded:
            symbol, _, below = self._cells[cell]
            if symbol < 0:
                self._expanded[cell] = frozenset({cell})
            else:
                found = (self._expand(self._push(row, below)) for row in self.grammar.rows[symbol])
                self._expanded[cell] = frozenset[int]().union(*found)
        return self._expanded[cell]

    def _push(self, row: Row, below: int) -> int:
        for part in reversed(row.rest):
            below = self._cell(part, 0, below)
        for members in reversed(row.bytes):
            below = self._cell(-1, members, below)
        return below

    def _next(self, place: frozenset[int]) -> list[tuple[int, frozenset[int]]]:
        """Each byte that goes on, in order, with the cells after it."""
        if place not in self._moves:
            ways = [self._cells[cell][1:] for cell in place if cell]
            live = [b for b in range(256) if any(members >> b & 1 for members, _ in ways)]
            after: dict[frozenset[int], frozenset[int]] = {}
            moves: list[tuple[int, frozenset[int]]] = []
            for b in live:
                belows = frozenset(below for members, below in ways if members >> b & 1)
                if belows not in after:
                    after[belows] = frozenset[int]().union(*map(self._expand, belows))
                moves.append((b, after[belows]))
            self._moves[place] = moves
        return self._moves[place]

    # -- lengths

    def _look_ahead(self, horizon: int) -> None:
        """Find the lengths of texts of each nonterminal, up to `horizon`: callees first."""
        self._horizon = horizon
        self._cell_lengths = {0: 1}
        for group in self._groups:
            changed = True
            while changed:
                found = [self._row_lengths(symbol) for symbol in group]
                changed = found != [self._lengths[symbol] for symbol in group]
                for symbol, lengths in zip(group, found, strict=True):
                    self._lengths[symbol] = lengths

    def _row_lengths(self, symbol: int) -> int:
        """The lengths of texts of a nonterminal, by what is known of others."""
        found = 0
        for row in self.grammar.rows[symbol]:
            lengths = 1 << len(row.bytes)
            for part in row.rest:
                lengths = self._sums(lengths, self._lengths[part])
            found |= lengths
        return found & ((2 << self._horizon) - 1)

    def _sums(self, a: int, b: int) -> int:
        """The sums of a length out of each of two sets, up to the horizon."""
        if a.bit_count() < b.bit_count():
            a, b = b, a
        found = 0
        while b:
            low = lowest(b)
            found |= a << low
            b &= b - 1
        return found & ((2 << self._horizon) - 1)

    def _cell_length(self, cell: int) -> int:
        """The lengths of texts that a cell can become, as bits."""
        trail: list[int] = []
        while cell not in self._cell_lengths:
            trail.append(cell)
            cell = self._cells[cell][2]
        lengths = self._cell_lengths[cell]
        for above in reversed(trail):
            symbol = self._cells[above][0]
            own = 2 if symbol < 0 else self._lengths[symbol]
            lengths = self._cell_lengths[above] = self._sums(lengths, own)
        return lengths
