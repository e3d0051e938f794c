"""The members of a language: whether there are any, whether they end, the shortest.

Everything here reads the flat productions of the grammar's normal form, in which nothing
recurs on the left and no cycle stands still.
"""

from __future__ import annotations

from collections.abc import Hashable
from heapq import heappop, heappush
from math import inf
from typing import cast

from constrain.errors import EmptyLanguage, LimitExceeded, Unsupported
from constrain.syntax.grammar import Grammar

from .assembly import runnable
from .language import SCANNERLESS
from .lexing import never_stuck
from .normal_form import START, NormalForm, used_rules
from .productions import Productions, Row, productions
from .rule_graph import Graph, components, cyclic

MAX_TEXT = 10_000_000


def is_empty(grammar: Grammar) -> bool:
    """Has the grammar no text at all? O(size).

    Raises Unsupported for a contextual lexer that may get stuck, where compiling would tell.
    """
    try:
        form = runnable(grammar)
    except EmptyLanguage:
        return True
    if form.terminals and not never_stuck(form):
        raise Unsupported("to tell if this contextual lexer finds any text", note=SCANNERLESS)
    return False


def is_finite(grammar: Grammar) -> bool:
    """Has the grammar only finitely many texts? O(size)."""
    found = flat(grammar)
    return found is None or longest_length(found) is not None


def shortest(grammar: Grammar) -> bytes | None:
    """The shortest text, the first in byte order among equals; None if there is none.

    O(productions x log) (Knuth 1977, a generalization of Dijkstra's algorithm).
    """
    found = flat(grammar)
    return None if found is None else _Best(found).text()


def flat(grammar: Grammar) -> Productions | None:
    """The productions of the normal form; None for a grammar without texts."""
    try:
        form = runnable(grammar)
    except EmptyLanguage:
        return None
    return of_form(form)


def of_form(form: NormalForm) -> Productions:
    """The productions of a normal form. Raises Unsupported for a contextual lexer."""
    if form.terminals:
        raise Unsupported("listing texts of a contextual lexer", note=SCANNERLESS)
    return productions(used_rules(form), START)


def longest_length(grammar: Productions) -> int | None:
    """The length of the longest text; None if there is no end."""
    graph = _alive(grammar)
    if cyclic(graph):  # without left recursion and empty calls every cycle takes some text
        return None
    length: dict[int, int] = {}
    for (symbol,) in cast(list[list[int]], components(graph)):
        rows = [row for row in grammar.rows[symbol] if all(part in length for part in row.rest)]
        length[symbol] = max(len(r.bytes) + sum(length[p] for p in r.rest) for r in rows)
    return length[grammar.start]


def _alive(grammar: Productions) -> Graph:
    """The nonterminals in use that have a text, each with those in its right-hand sides."""
    graph: dict[Hashable, list[int]] = {}
    todo = [grammar.start]
    while todo:
        symbol = todo.pop()
        if symbol not in graph:
            rows = [r for r in grammar.rows[symbol] if all(grammar.least[p] < inf for p in r.rest)]
            graph[symbol] = [part for row in rows for part in row.rest]
            todo += graph[symbol]
    return graph


class _Best:
    """The best text of each nonterminal, found in the order of length and bytes."""

    def __init__(self, grammar: Productions):
        self.grammar = grammar
        self.best: dict[int, bytes] = {}
        self._users: dict[int, list[tuple[int, Row]]] = {}
        for symbol, rows in enumerate(grammar.rows):
            for row in rows:
                for part in set(row.rest):
                    self._users.setdefault(part, []).append((symbol, row))

    def text(self) -> bytes | None:
        heap: list[tuple[int, bytes, int]] = []
        for symbol, rows in enumerate(self.grammar.rows):
            for row in rows:
                self._offer(heap, symbol, row)
        while heap and self.grammar.start not in self.best:
            _, text, symbol = heappop(heap)
            if symbol not in self.best:
                self.best[symbol] = text
                for user, row in self._users.get(symbol, ()):
                    self._offer(heap, user, row)
        return self.best.get(self.grammar.start)

    def _offer(self, heap: list[tuple[int, bytes, int]], symbol: int, row: Row) -> None:
        if symbol in self.best or not all(part in self.best for part in row.rest):
            return
        first = bytes(lowest(members) for members in row.bytes)
        length = len(first) + sum(len(self.best[part]) for part in row.rest)
        if length > MAX_TEXT:
            raise LimitExceeded("bytes of the shortest text", length)
        heappush(heap, (length, first + b"".join(self.best[p] for p in row.rest), symbol))


def lowest(members: int) -> int:
    """The first byte of a set."""
    return (members & -members).bit_length() - 1
