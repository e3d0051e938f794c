"""Rules as a network of places: arcs that read a leaf, call a rule or read nothing (Woods 1970)."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import (
    EMPTY,
    Call,
    Choice,
    Expr,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Words,
    repeat,
    sequence,
)

from .plain import plain
from .rule_graph import Rules

EXIT = 0
"""The place behind each rule."""

MAX_PLACES = 200_000


class Network:
    """Places of all rules. Built backwards, so that each knows what follows it.

    Repetitions with bounds are written out. Raises LimitExceeded past MAX_PLACES.
    """

    def __init__(self, rules: Rules):
        self.rules = rules
        self.arcs: list[list[tuple[Expr | None, int]]] = [[]]  # place -> (what is read, next)
        self.rest: list[Expr] = [EMPTY]  # place -> what follows it in its rule
        self.loops: set[int] = set()  # places that can come again within one rule
        self.entries: dict[Hashable, int] = {}
        try:
            for name, expr in rules.items():
                self.entries[name] = self._add(expr, EXIT)
        except RecursionError:
            note = "name the inner parts as rules"
            raise LimitExceeded("expression depth", len(self.arcs), note) from None

    def _place(self, expr: Expr, after: int) -> int:
        """A place without arcs, before `expr` and what follows `after`."""
        if len(self.arcs) > MAX_PLACES:
            raise LimitExceeded("places in rules, written out", len(self.arcs))
        self.arcs.append([])
        self.rest.append(sequence((expr, self.rest[after])))
        return len(self.arcs) - 1

    def _add(self, expr: Expr, after: int) -> int:
        """The place from which `expr` leads to `after`."""
        expr = plain(expr)
        return _ADD[type(expr)](self, expr, after)

    def leaf(self, expr: Expr, after: int) -> int:
        place = self._place(expr, after)
        self.arcs[place].append((expr, after))
        return place

    def sequence(self, expr: Sequence, after: int) -> int:
        for item in reversed(expr.items):
            after = self._add(item, after)
        return after

    def choice(self, expr: Choice, after: int) -> int:
        targets = [self._add(item, after) for item in expr.items]
        place = self._place(expr, after)
        self.arcs[place] += ((None, target) for target in dict.fromkeys(targets))
        return place

    def repeat(self, expr: Repeat, after: int) -> int:
        here = after
        if expr.hi is None:
            here = self._place(repeat(expr.item, 0, None), after)
            self.loops.add(here)
            self.arcs[here] += ((None, self._add(expr.item, here)), (None, after))
        else:
            for n in range(1, expr.hi - expr.lo + 1):
                again = self._add(expr.item, here)
                here = self._place(repeat(expr.item, 0, n), after)
                self.arcs[here] += ((None, again), (None, after))
        for _ in range(expr.lo):
            here = self._add(expr.item, here)
        return here


_ADD: dict[type, Callable[[Network, Any, int], int]] = {
    Literal: Network.leaf,
    Words: Network.leaf,
    Regular: Network.leaf,
    Call: Network.leaf,
    Lexeme: Network.leaf,
    Sequence: Network.sequence,
    Choice: Network.choice,
    Repeat: Network.repeat,
}
