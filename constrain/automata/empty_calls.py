"""Rules whose calls always take some text, for the same language.

A rule N that can be empty becomes `Nonempty(N)`, for all its texts but the empty one, and
whoever called N calls "that, or nothing" (Bar-Hillel, Perles and Shamir 1961). Likewise nothing
that is repeated is empty: counting empty rounds would only make a machine guess.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Set
from dataclasses import dataclass, replace
from typing import Any

from constrain.syntax import regex_analysis, regex_ast as regex
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    JsonArray,
    JsonObject,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
    choice,
    repeat,
    sequence,
)

from .analysis import is_nullable
from .rule_graph import Graph, Rules, walk

_JSON_SPACE = regex.Chars(regex.normalize((ord(c), ord(c)) for c in " \t\n\r"))


@dataclass(frozen=True, slots=True)
class Nonempty:
    """Names the rule for all texts of `rule` but the empty one."""

    rule: Hashable


def without_empty_calls(rules: Rules, graph: Graph, empty: Set[Hashable]) -> dict[Hashable, Expr]:
    """The same rules, with `Nonempty(name)` instead of each `name` in `empty`.

    graph: who calls whom; empty: the rules that are nullable. Linear, but for a sequence of n
    parts that can all be empty: n(n + 1)/2. A rule that is not nullable, calls no rule that is
    and repeats nothing that is stays the same object.
    """
    changed: dict[Hashable, Expr] = {}
    for name, expr in rules.items():
        if name in empty:
            changed[Nonempty(name)] = nonempty(expr, empty)
        elif not empty.isdisjoint(graph[name]) or _repeats_empty(expr, empty):
            changed[name] = solid(expr, empty)
        else:
            changed[name] = expr
    return changed


def _repeats_empty(expr: Expr, empty: Set[Hashable]) -> bool:
    return any(type(e) is Repeat and is_nullable(e.item, empty) for e in walk(expr))


def or_empty(name: Hashable, empty: Set[Hashable]) -> Expr:
    """What to write now for a call of `name`."""
    return Choice((Call(Nonempty(name)), EMPTY)) if name in empty else Call(name)


def solid(expr: Expr, empty: Set[Hashable]) -> Expr:
    """The same language, with calls of `empty` rules replaced and no nullable repetition."""
    handler = _SOLID.get(type(expr))
    return handler(expr, empty) if handler else expr


def nonempty(expr: Expr, empty: Set[Hashable]) -> Expr:
    """All texts of `expr` but the empty one, in the manner of `solid`."""
    if not is_nullable(expr, empty):
        return solid(expr, empty)
    return _NONEMPTY[type(expr)](expr, empty)


# Handlers are at most two stack frames per level, so no generators in those that recur.


def _solid_items(items: tuple[Expr, ...], empty: Set[Hashable]) -> tuple[Expr, ...]:
    kept: list[Expr] = []
    for item in items:
        handler = _SOLID.get(type(item))
        kept.append(handler(item, empty) if handler else item)
    return tuple(kept)


def _solid_repeat(expr: Repeat, empty: Set[Hashable]) -> Expr:
    lo = 0 if is_nullable(expr.item, empty) else expr.lo
    return repeat(nonempty(expr.item, empty), lo, expr.hi)


def _solid_object(expr: JsonObject, empty: Set[Hashable]) -> Expr:
    values = _solid_items(tuple(value for _, value, _ in expr.members), empty)
    members = tuple((n, v, r) for v, (n, _, r) in zip(values, expr.members, strict=True))
    other = None if expr.other is None else solid(expr.other, empty)
    return replace(expr, members=members, other=other)


def _solid_array(expr: JsonArray, empty: Set[Hashable]) -> Expr:
    items = None if expr.items is None else solid(expr.items, empty)
    return replace(expr, prefix=_solid_items(expr.prefix, empty), items=items)


_SOLID: dict[type, Callable[[Any, Set[Hashable]], Expr]] = {
    Sequence: lambda expr, empty: sequence(_solid_items(expr.items, empty)),
    Choice: lambda expr, empty: choice(_solid_items(expr.items, empty)),
    Repeat: _solid_repeat,
    Call: lambda expr, empty: or_empty(expr.rule, empty),
    JsonObject: _solid_object,
    JsonArray: _solid_array,
}


def _nonempty_sequence(expr: Sequence, empty: Set[Hashable]) -> Expr:
    """Some part is the first that is not empty."""
    rest = _solid_items(expr.items, empty)
    branches: list[Expr] = []
    for i, item in enumerate(expr.items):
        branches.append(sequence((nonempty(item, empty), *rest[i + 1 :])))
    return choice(branches)


def _nonempty_choice(expr: Choice, empty: Set[Hashable]) -> Expr:
    branches: list[Expr] = []
    for item in expr.items:
        branches.append(nonempty(item, empty))
    return choice(branches)


def _nonempty_repeat(expr: Repeat, empty: Set[Hashable]) -> Expr:
    if expr.hi == 0:
        return NEVER
    lo = 1 if is_nullable(expr.item, empty) else max(expr.lo, 1)
    return repeat(nonempty(expr.item, empty), lo, expr.hi)


def _nonempty_space(expr: Space, empty: Set[Hashable]) -> Expr:
    return NEVER if expr.limit == 0 else Regular(regex.repeat(_JSON_SPACE, 1, expr.limit))


_NONEMPTY: dict[type, Callable[[Any, Set[Hashable]], Expr]] = {
    Sequence: _nonempty_sequence,
    Choice: _nonempty_choice,
    Repeat: _nonempty_repeat,
    Call: lambda expr, empty: Call(Nonempty(expr.rule)),
    Literal: lambda expr, empty: NEVER,
    Regular: lambda expr, empty: Regular(regex_analysis.without_empty(expr.node)),
    Words: lambda expr, empty: Words(tuple(word for word in expr.words if word)),
    Space: _nonempty_space,
}
