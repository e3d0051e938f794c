"""Grammars as flat productions over sets of bytes: what counting and parsing theory works on.

Each place of the network of rules is a nonterminal, which reads one thing and goes on as the
next place; the states of regular leaves are nonterminals, too. So a right-hand side is some sets
of bytes and at most two nonterminals, in this order.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cached_property
from math import inf
from typing import Any, TypeAlias, cast

import numpy as np

from constrain.errors import LimitExceeded
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import Call, Expr, Lexeme, Literal, Regular, Words

from .dfa import DEAD, DFA, minimize
from .network import EXIT, Network
from .regex_to_dfa import from_node
from .resolve import resolve
from .rule_graph import Rules, components, cyclic

MAX_PRODUCTIONS = 300_000

Bytes: TypeAlias = int
"""A set of bytes: bit b is byte b. Bits from ATOMS on stand for whole lexemes."""

ATOMS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One right-hand side: sets of bytes, then nonterminals."""

    bytes: tuple[Bytes, ...]
    rest: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Productions:
    """Not to be written to."""

    rows: list[list[Row]]  # nonterminal -> its right-hand sides
    names: dict[int, Hashable]  # nonterminal -> the rule that it stands for
    atoms: tuple[str, ...]  # the lexeme that bit ATOMS + i stands for
    start: int

    @property
    def least(self) -> list[float]:
        """The length of the shortest text of each nonterminal; inf if it has none."""
        return self._shortest[0]

    @property
    def shortest_rows(self) -> list[Row | None]:
        """A right-hand side of each nonterminal by which a shortest text is found in the end."""
        return self._shortest[1]

    @cached_property
    def _shortest(self) -> tuple[list[float], list[Row | None]]:
        least = [inf] * len(self.rows)
        by: list[Row | None] = [None] * len(self.rows)
        changed = True
        while changed:
            changed = False
            for symbol in range(len(least) - 1, -1, -1):  # later ones are used by earlier ones
                for row in self.rows[symbol]:
                    length = len(row.bytes) + sum(least[part] for part in row.rest)
                    if length < least[symbol]:
                        least[symbol], by[symbol], changed = length, row, True
        return least, by

    @cached_property
    def order(self) -> list[int]:
        """Nonterminals, each behind those whose texts of the same length it may consist of.

        There is such an order unless some nonterminal holds just itself.
        """
        graph: dict[Hashable, list[int]] = {s: self._same_length(s) for s in range(len(self.rows))}
        if cyclic(graph):
            raise ValueError("a nonterminal holds just itself")
        return [symbol for group in components(graph) for symbol in cast(list[int], group)]

    def _same_length(self, symbol: int) -> list[int]:
        return [
            part
            for row in self.rows[symbol]
            if not row.bytes
            for i, part in enumerate(row.rest)
            if all(self.least[other] == 0 for other in row.rest[:i] + row.rest[i + 1 :])
        ]


def productions(rules: Rules, start: Hashable) -> Productions:
    """The productions of rules. Raises LimitExceeded past MAX_PRODUCTIONS."""
    return _Flattener(Network(rules)).flatten(start)


def of_automaton(dfa: DFA) -> Productions:
    """The productions of an automaton; its texts have one derivation each."""
    flattener = _Flattener(Network({}))
    start = flattener.automaton(dfa)
    return Productions(flattener.rows, {}, (), start)


class _Flattener:
    def __init__(self, net: Network):
        self.rows: list[list[Row]] = []
        self._net = net
        self._rules: dict[Hashable, int] = {}
        self._places: dict[int, int] = {}
        self._leaves: dict[Expr, int] = {}
        self._atoms: dict[str, int] = {}
        self._todo: list[int] = []
        self._n_rows = 0

    def flatten(self, start: Hashable) -> Productions:
        first = self.rule(start)
        while self._todo:
            place = self._todo.pop()
            for label, after in self._net.arcs[place]:
                rest = () if after == EXIT else (self._place(after),)
                self._add(self._places[place], self._row(label, rest))
        names = {number: name for name, number in self._rules.items()}
        return Productions(self.rows, names, tuple(self._atoms), first)

    def _new(self) -> int:
        self.rows.append([])
        return len(self.rows) - 1

    def _add(self, symbol: int, row: Row) -> None:
        self.rows[symbol].append(row)
        self._n_rows += 1
        if self._n_rows > MAX_PRODUCTIONS:
            raise LimitExceeded("productions", self._n_rows)

    def rule(self, name: Hashable) -> int:
        if name not in self._rules:
            number = self._rules[name] = self._new()
            entry = self._net.entries[name]
            self._add(number, Row((), () if entry == EXIT else (self._place(entry),)))
        return self._rules[name]

    def _place(self, place: int) -> int:
        if place not in self._places:
            self._places[place] = self._new()
            self._todo.append(place)
        return self._places[place]

    def _row(self, label: Expr | None, rest: tuple[int, ...]) -> Row:
        return Row((), rest) if label is None else _ROW[type(label)](self, label, rest)

    def literal(self, expr: Literal, rest: tuple[int, ...]) -> Row:
        return Row(tuple(1 << byte for byte in expr.data), rest)

    def call(self, expr: Call, rest: tuple[int, ...]) -> Row:
        return Row((), (self.rule(expr.rule), *rest))

    def lexeme(self, expr: Lexeme, rest: tuple[int, ...]) -> Row:
        atom = self._atoms.setdefault(expr.terminal, len(self._atoms))
        return Row((1 << ATOMS + atom,), rest)

    def leaf(self, expr: Regular | Words, rest: tuple[int, ...]) -> Row:
        if expr not in self._leaves:
            node = expr.node if isinstance(expr, Regular) else rx.union(map(rx.Text, expr.words))
            self._leaves[expr] = self.automaton(minimize(from_node(resolve(node))))
        return Row((), (self._leaves[expr], *rest))

    def automaton(self, dfa: DFA) -> int:
        """A nonterminal for each state of a minimal automaton; returns the one of the start."""
        symbols = [self._new() for _ in dfa.table]
        bits = [sum(1 << b for b in np.flatnonzero(dfa.classes == c).tolist()) for c in _range(dfa)]
        for state, targets in enumerate(dfa.table.tolist()):
            edges: dict[int, int] = {}
            for byte_class, target in enumerate(targets):
                edges[target] = edges.get(target, 0) | bits[byte_class]
            edges.pop(DEAD, None)
            for target, members in edges.items():
                goes_on = dfa.table[target].any()
                self._add(symbols[state], Row((members,), (symbols[target],) if goes_on else ()))
            if dfa.accepting[state]:
                self._add(symbols[state], Row((), ()))
        return symbols[dfa.start]


def _range(dfa: DFA) -> range:
    return range(dfa.table.shape[1])


_ROW: dict[type, Callable[[_Flattener, Any, tuple[int, ...]], Row]] = {
    Literal: _Flattener.literal,
    Call: _Flattener.call,
    Lexeme: _Flattener.lexeme,
    Regular: _Flattener.leaf,
    Words: _Flattener.leaf,
}
