"""All that stands somewhere in a text, as rules: the suffix automaton of its words or characters.

It has fewer than twice as many states as the text has units (Blumer et al. 1985). Each state is
a rule, made when a generated text reaches it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from constrain.errors import SpecError

from .grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Grammar,
    Literal,
    Sequence,
    choice,
    sequence,
    utf8,
)

_UNITS: dict[str, Callable[[str], list[str]]] = {
    "words": re.compile(r"\w+|\s+|[^\w\s]").findall,
    "characters": list,
}


@dataclass(frozen=True, slots=True)
class Suffixes:
    """Names the rule for what may follow, once a state of the automaton has been reached, and
    perhaps the beginning of the next unit."""

    state: int
    begun: bytes = b""


def substring_of(text: str, unit: str = "words") -> Grammar:
    """Any part of `text`, also none of it and all of it.

    unit: where a part may begin and end. "words": at the ends of runs of letters and digits, of
        runs of white space, and of single other marks; "characters": anywhere.

    O(len(text)) time, some 2 us a unit; states are made into code when text reaches them.
    """
    if unit not in _UNITS:
        known = " or ".join(f'"{name}"' for name in _UNITS)
        raise SpecError(f"a part of a text is measured in {known}, not {unit!r}")
    units = [utf8(part) for part in _UNITS[unit](text)]
    rules = SuffixRules(tuple(suffix_automaton(units)))
    return Grammar(("substring_of", text, unit), rules, "start", ready=True)


def suffix_automaton(units: list[bytes]) -> list[dict[bytes, int]]:
    """The minimal automaton of all suffixes, grown unit by unit: state -> unit -> state.

    State 0 is the start; every state stands for parts of the text. No state leads back to one
    that comes before it in a text.

    >>> suffix_automaton([b"a", b"b", b"b"])
    [{b'a': 1, b'b': 4}, {b'b': 2}, {b'b': 3}, {}, {b'b': 3}]
    """
    edges: list[dict[bytes, int]] = [{}]
    link, length = [-1], [0]
    last = 0
    for unit in units:
        new = _state(edges, link, length, {}, 0, length[last] + 1)
        state = last
        while state >= 0 and unit not in edges[state]:
            edges[state][unit] = new
            state = link[state]
        if state >= 0:
            target = edges[state][unit]
            if length[target] != length[state] + 1:
                copy = dict(edges[target])
                target, old = (
                    _state(edges, link, length, copy, link[target], length[state] + 1),
                    target,
                )
                while state >= 0 and edges[state].get(unit) == old:
                    edges[state][unit] = target
                    state = link[state]
                link[old] = target
            link[new] = target
        last = new
    return edges


def _state(
    edges: list[dict[bytes, int]],
    link: list[int],
    length: list[int],
    out: dict[bytes, int],
    suffix: int,
    size: int,
) -> int:
    edges.append(out)
    link.append(suffix)
    length.append(size)
    return len(edges) - 1


@dataclass(frozen=True, eq=False)
class SuffixRules(Mapping[Hashable, Expr]):
    """A rule for each state that goes on; "start" is the one of the start, or nothing.

    Where many units may come, they are taken byte by byte.
    """

    edges: tuple[dict[bytes, int], ...]
    _sorted: dict[int, list[bytes]] = field(default_factory=dict[int, list[bytes]], repr=False)

    def __getitem__(self, name: Hashable) -> Expr:
        if name == "start":
            return self._after(0)
        if not isinstance(name, Suffixes) or not self.edges[name.state]:
            raise KeyError(name)
        if name.state not in self._sorted:
            self._sorted[name.state] = sorted(self.edges[name.state])
        units = self._sorted[name.state]
        lo, hi = bisect_right(units, name.begun), bisect_left(units, name.begun + b"\xff")
        runs = groupby(units[lo:hi], lambda unit: unit[len(name.begun)])
        return choice(self._run(name, list(run)) for _, run in runs)

    def _run(self, name: Suffixes, units: list[bytes]) -> Expr:
        """Units with the same next byte: all that they have in common, then each on its own."""
        shared = _shared(units[0], units[-1])
        rest = self._after(self.edges[name.state][shared]) if units[0] == shared else NEVER
        if len(units) > (units[0] == shared):
            rest = choice((rest, Call(Suffixes(name.state, shared))))
        return sequence((Literal(shared[len(name.begun) :]), rest))

    def _after(self, state: int) -> Expr:
        """What may follow a state: nothing at least."""
        return Choice((EMPTY, Call(Suffixes(state)))) if self.edges[state] else EMPTY

    def __iter__(self) -> Iterator[Hashable]:
        seen: dict[Hashable, None] = {"start": None}
        todo: list[Hashable] = ["start"]
        while todo:
            name = todo.pop()
            yield name
            new = [call for call in calls_of(self[name]) if call not in seen]
            seen.update(dict.fromkeys(new))
            todo += new

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _shared(a: bytes, b: bytes) -> bytes:
    """The longest beginning of both."""
    pairs = enumerate(zip(a, b, strict=False))
    return a[: next((i for i, (x, y) in pairs if x != y), min(len(a), len(b)))]


def calls_of(expr: Expr) -> Iterator[Hashable]:
    """The rules that an expression of calls, sequences and choices calls."""
    if isinstance(expr, Call):
        yield expr.rule
    elif isinstance(expr, Choice | Sequence):
        for item in expr.items:
            yield from calls_of(item)
