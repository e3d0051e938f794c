"""JSON's own kinds of expressions, spelled out in the general ones.

The engine runs them as they are; the algebra and the services know only sequences, choices,
repetitions, calls and regular languages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence as ListLike
from typing import Any

from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Expr,
    JsonArray,
    JsonObject,
    JsonString,
    Literal,
    Regular,
    Space,
    choice,
    repeat,
    sequence,
)

from . import json_text
from .json_layout import canonical_name

_SPACE = rx.Chars(rx.normalize((ord(c), ord(c)) for c in " \t\n\r"))


def plain(expr: Expr) -> Expr:
    """`expr` without JSON's kinds at the top; those inside are left for their turn.

    An object with n optional members takes n(n + 1)/2 of them.
    """
    handler = _PLAIN.get(type(expr))
    return handler(expr) if handler else expr


def _space(expr: Space) -> Expr:
    return EMPTY if expr.limit == 0 else Regular(rx.repeat(_SPACE, 0, expr.limit))


def _string(expr: JsonString) -> Expr:
    if (expr.lo, expr.hi) == (0, None):
        return _quoted(json_text.any_string())
    unit = json_text.counted_string()
    assert isinstance(unit, rx.Repeat)
    return _quoted(rx.repeat(unit.item, expr.lo, expr.hi))


def _quoted(inside: rx.Node) -> Expr:
    return Regular(rx.concat((rx.Text(b'"'), inside, rx.Text(b'"'))))


def _array(expr: JsonArray) -> Expr:
    """Positions of the prefix one by one, each perhaps the last one; then the rest."""
    comma = (Literal(b","), expr.space)
    tail = _more_items(expr, comma)
    for i in range(len(expr.prefix) - 1, -1, -1):
        if expr.hi is not None and i >= expr.hi:
            tail = EMPTY
            continue
        item = sequence((*(comma if i else ()), expr.prefix[i], expr.space, tail))
        tail = item if i < expr.lo else choice((item, EMPTY))
    return sequence((Literal(b"["), expr.space, tail, Literal(b"]")))


def _more_items(expr: JsonArray, comma: tuple[Expr, ...]) -> Expr:
    """What follows the prefix."""
    n = len(expr.prefix)
    lo, hi = max(expr.lo - n, 0), None if expr.hi is None else expr.hi - n
    if expr.items is None or (hi is not None and hi <= 0):
        return EMPTY if lo == 0 else NEVER
    item = sequence((expr.items, expr.space))
    later = sequence((*comma, item))
    if n:
        return repeat(later, lo, hi)
    first = sequence((item, repeat(later, max(lo - 1, 0), None if hi is None else hi - 1)))
    return first if lo else choice((first, EMPTY))


def _object(expr: JsonObject) -> Expr:
    """The first member there is, then the others, each behind a comma."""
    comma = (Literal(b","), expr.space)
    pairs = [(_pair(_name(name), value, expr.space), r) for name, value, r in expr.members]
    later: list[Expr] = []
    for (_, value, required), (pair, _) in zip(expr.members, pairs, strict=True):
        member = sequence((*comma, pair))
        if value == NEVER and not required:
            member = EMPTY
        later.append(member if required else repeat(member, 0, 1))
    other = NEVER if expr.other is None else _pair(_other_name(expr), expr.other, expr.space)
    rest = repeat(sequence((*comma, other)), 0, None)
    alternatives: list[Expr] = []
    for i, (_, value, required) in enumerate(expr.members):
        if value != NEVER or required:
            alternatives.append(sequence((pairs[i][0], *later[i + 1 :], rest)))
        if required:
            break
    else:
        alternatives += [sequence((other, rest)), EMPTY]
    return sequence((Literal(b"{"), expr.space, _some(alternatives), Literal(b"}")))


def _some(alternatives: ListLike[Expr]) -> Expr:
    return choice(item for item in alternatives if item != NEVER)


def _pair(name: Expr, value: Expr, space: Space) -> Expr:
    return sequence((name, space, Literal(b":"), space, value, space))


def _name(name: str) -> Expr:
    return Literal(b'"' + canonical_name(name) + b'"')


def _other_name(expr: JsonObject) -> Expr:
    """Any name in canonical spelling that is not declared."""
    declared = rx.union(rx.Text(canonical_name(name)) for name, _, _ in expr.members)
    names = rx.Intersect((json_text.canonical_name(), rx.Complement(declared)))
    return Regular(rx.concat((rx.Text(b'"'), names, rx.Text(b'"'))))


_PLAIN: dict[type, Callable[[Any], Expr]] = {
    Space: _space,
    JsonString: _string,
    JsonArray: _array,
    JsonObject: _object,
}
