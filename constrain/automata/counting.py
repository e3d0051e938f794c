"""How many texts of a length a grammar has, and draws from them with equal chances.

Every text is counted once because it has one derivation: automata are deterministic, and for
recursive rules that is proved first (`lookahead`). Counts are exact integers (Flajolet,
Zimmermann and Van Cutsem 1994, the recursive method).
"""

from __future__ import annotations

from functools import lru_cache
from itertools import accumulate
from math import prod

import numpy as np

from constrain.errors import EmptyLanguage, SpecError, Unsupported
from constrain.syntax.grammar import Grammar

from .assembly import runnable
from .language import SCANNERLESS, to_dfa
from .lookahead import is_deterministic
from .normal_form import START, NormalForm, used_rules
from .productions import Productions, of_automaton, productions

MAX_LENGTH = 100_000


def count(grammar: Grammar, length: int) -> int:
    """How many texts of exactly `length` bytes the grammar has.

    O(productions x length^2), for a regular grammar O(productions x length), in big integers.

    Raises Unsupported for a recursive grammar that is not proved unambiguous, LimitExceeded.

    >>> from constrain.front import regex
    >>> count(regex("(a|b)*"), 10)
    1024
    """
    _check(length)
    try:
        table = _table(grammar)
    except EmptyLanguage:
        return 0
    table.extend(length)
    return table.counts[table.grammar.start][length]


def sample(grammar: Grammar, length: int, rng: np.random.Generator | int = 0) -> bytes:
    """A text of exactly `length` bytes, each of them with the same chance.

    rng: a generator or the seed for one. Costs and errors as `count`; EmptyLanguage if the
    grammar has no text of this length.
    """
    generator = np.random.default_rng(rng)
    if count(grammar, length) == 0:
        raise EmptyLanguage(f"no text of the grammar has {length} bytes")
    return _table(grammar).draw(length, generator)


def _check(length: int) -> None:
    if not 0 <= length <= MAX_LENGTH:
        raise SpecError(f"a length is from 0 to {MAX_LENGTH} bytes, not {length}")


@lru_cache(maxsize=16)
def _table(grammar: Grammar) -> Counts:
    return Counts(unambiguous(runnable(grammar)))


def unambiguous(form: NormalForm) -> Productions:
    """Productions in which each text has one derivation. Raises Unsupported, LimitExceeded."""
    if form.terminals:
        raise Unsupported("counting texts of a contextual lexer", note=SCANNERLESS)
    try:
        return of_automaton(to_dfa(form))
    except Unsupported:
        flat = productions(used_rules(form), START)
    if not is_deterministic(flat):
        note = "it is recursive, and no parser with one byte of look-ahead proves it"
        raise Unsupported("counting texts of a grammar that may be ambiguous", note=note)
    return flat


class Counts:
    """The number of texts of each nonterminal, by length; grows as lengths are asked for."""

    def __init__(self, grammar: Productions):
        self.grammar = grammar
        self.counts: list[list[int]] = [[] for _ in grammar.rows]
        self._sizes = [
            [prod(members.bit_count() for members in row.bytes) for row in rows]
            for rows in grammar.rows
        ]

    def extend(self, length: int) -> None:
        """Count all texts up to `length` bytes."""
        for n in range(len(self.counts[self.grammar.start]), length + 1):
            for symbol in self.grammar.order:
                rows = range(len(self.grammar.rows[symbol]))
                self.counts[symbol].append(sum(self._row(symbol, i, n) for i in rows))

    def _row(self, symbol: int, i: int, length: int) -> int:
        """Texts of one right-hand side."""
        row = self.grammar.rows[symbol][i]
        left = length - len(row.bytes)
        if left < 0:
            return 0
        return self._sizes[symbol][i] * sum(n for _, n in self._splits(row.rest, left))

    def _splits(self, rest: tuple[int, ...], length: int) -> list[tuple[int, int]]:
        """(length of the first nonterminal's text, number of such texts), where there are any."""
        if not rest:
            return [(0, 1)] if length == 0 else []
        if len(rest) == 1:
            return [(length, self.counts[rest[0]][length])]
        least = [int(self.grammar.least[part]) for part in rest]
        first, second = self.counts[rest[0]], self.counts[rest[1]]
        return [
            (n, first[n] * second[length - n])
            for n in range(least[0], length - least[1] + 1)
            if first[n]
        ]

    def draw(self, length: int, rng: np.random.Generator) -> bytes:
        """A text of the start symbol, which has some of this length."""
        out = bytearray()
        todo = [(self.grammar.start, length)]
        while todo:
            symbol, n = todo.pop()
            rows = self.grammar.rows[symbol]
            row = rows[_choose([self._row(symbol, i, n) for i in range(len(rows))], rng)]
            for members in row.bytes:
                out.append(_member(members, rng))
            if row.rest:
                left = n - len(row.bytes)
                splits = self._splits(row.rest, left)
                first, _ = splits[_choose([ways for _, ways in splits], rng)]
                todo += reversed(list(zip(row.rest, (first, left - first), strict=False)))
        return bytes(out)


def _choose(weights: list[int], rng: np.random.Generator) -> int:
    """An index with the chance of its weight, exactly."""
    at = _below(sum(weights), rng)
    return next(i for i, below in enumerate(accumulate(weights)) if at < below)


def _below(n: int, rng: np.random.Generator) -> int:
    """An integer from 0 to n - 1, each with the same chance, however large n is."""
    bits = (n - 1).bit_length()
    while True:
        drawn = int.from_bytes(rng.bytes((bits + 7) // 8), "little") & ((1 << bits) - 1)
        if drawn < n:
            return drawn


def _member(members: int, rng: np.random.Generator) -> int:
    found = [byte for byte in range(256) if members >> byte & 1]
    return found[_below(len(found), rng)]
