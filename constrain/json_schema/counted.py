"""Strings of a language and of bounded length, where one automaton for both would be too large.

The automaton of the language runs beside a count of code points. Each pair of the two is a rule
of its own, made when text reaches it. From which pairs a string can be finished is known before:
a table says from which states the end is so many code points away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from json.encoder import encode_basestring as quote  # pyright: ignore[reportPrivateUsage]
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constrain.automata.dfa import DEAD, DFA
from constrain.errors import LimitExceeded
from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import Call, Expr, Literal, Regular, Sequence, Words, choice

MAX_CELLS = 30_000_000

_CONTINUATION = range(0x80, 0xC0)
_ESCAPED = frozenset((*range(0x20), 0x22, 0x5C))


@dataclass(frozen=True, eq=False)
class Counted:
    """The strings of `dfa` with `lo` to `hi` code points (None: without end)."""

    dfa: DFA
    lo: int
    hi: int | None

    @cached_property
    def _ends(self) -> NDArray[np.bool_]:
        """[n, state] is there a way to the end with just `n` more code points?

        Without an upper bound: with `n` or more.
        """
        depth = self.lo if self.hi is None else self.hi
        if (depth + 1) * self.dfa.n_states > MAX_CELLS:
            raise LimitExceeded("cells of a table of lengths", depth * self.dfa.n_states)
        leads, rests = self._steps()
        table = np.zeros((depth + 1, self.dfa.n_states), np.bool_)
        table[0] = self.dfa.accepting
        if self.hi is None:  # the automaton is trim: there is some way to the end
            table[0] = True
            table[0, DEAD] = False
        _close(table[0], rests)
        for n in range(1, depth + 1):
            table[n] = _before(table[n - 1], leads)
            _close(table[n], rests)
        return table

    def _steps(self) -> tuple[_Edges, _Edges]:
        """Edges that begin a code point, and those within one."""
        by_byte = self.dfa.table[:, self.dfa.classes]
        within = np.zeros(256, np.bool_)
        within[list(_CONTINUATION)] = True
        return _edges(by_byte[:, ~within]), _edges(by_byte[:, within])

    @property
    def breadth(self) -> int:
        """How many bytes may follow in some state."""
        return int((self.dfa.table[:, self.dfa.classes] != DEAD).sum(axis=1).max())

    def is_live(self, state: int, n: int) -> bool:
        """Can a string be finished in `state` after `n` code points?"""
        if state == DEAD:
            return False
        if self.hi is None:
            return bool(self._ends[max(0, self.lo - n), state])
        if n > self.hi:
            return False
        return bool(self._ends[max(0, self.lo - n) : self.hi - n + 1, state].any())

    @property
    def is_empty(self) -> bool:
        return not self.is_live(self.dfa.start, 0)

    def after(self, state: int, n: int, byte: int) -> tuple[int, int] | None:
        """State and count after a byte of the string (not of its spelling); None if it may not
        come."""
        target = int(self.dfa.table[state, self.dfa.classes[byte]])
        count = n if byte in _CONTINUATION else n + 1
        if self.hi is None:
            count = min(count, self.lo)
        return (target, count) if self.is_live(target, count) else None

    def rest(self, state: int, n: int, rule: Callable[[tuple[int, int]], Call]) -> Expr:
        """What may follow in the spelling of a string, up to the closing quote."""
        ways: list[Expr] = []
        if self.dfa.accepting[state] and n >= self.lo:
            ways.append(Literal(b'"'))
        targets: dict[tuple[int, int], list[int]] = {}
        for byte in range(256):
            after = self.after(state, n, byte)
            if after is not None:
                targets.setdefault(after, []).append(byte)
        for after, some in targets.items():
            ways.extend(Sequence((spelling, rule(after))) for spelling in _spellings(some))
        return choice(ways)


_Edges = tuple[NDArray[np.intp], NDArray[np.int32]]


def _edges(table: NDArray[np.int32]) -> _Edges:
    """(source, target) of every edge, each once."""
    sources, columns = np.nonzero(table)
    pairs = np.unique(np.stack((sources, table[sources, columns])), axis=1)
    return pairs[0], pairs[1]


def _before(ends: NDArray[np.bool_], edges: _Edges) -> NDArray[np.bool_]:
    """The states with an edge to one of `ends`."""
    found = np.zeros_like(ends)
    sources, targets = edges
    found[sources[ends[targets]]] = True
    return found


def _close(ends: NDArray[np.bool_], edges: _Edges) -> None:
    """Add the states with a way to `ends` over `edges`; a code point has at most four bytes."""
    for _ in range(3):
        ends |= _before(ends, edges)


def _spellings(some: list[int]) -> Iterator[Expr]:
    """Ways to spell one of these bytes: escapes one by one, plain ones together."""
    escaped = [byte for byte in some if byte in _ESCAPED]
    if escaped:
        yield Words(tuple(sorted(quote(chr(byte))[1:-1].encode() for byte in escaped)))
    ascii_only = regex.normalize((b, b) for b in some if b < 0x80 and b not in _ESCAPED)
    if ascii_only:
        yield Regular(regex.Chars(ascii_only))
    beyond = tuple(bytes((byte,)) for byte in some if byte >= 0x80)
    if beyond:
        yield Words(beyond)


def whole(rule: Callable[[Any], Call], start: tuple[int, int]) -> Expr:
    """The string from its quote on."""
    return Sequence((Literal(b'"'), rule(start)))
