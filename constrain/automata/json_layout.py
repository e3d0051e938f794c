"""Code for JSON objects and arrays.

An object is one thread, not a chain of alternatives: a window into the sorted trie of its member
names, from the next declared member to the next required one, and beside it, where other names
are allowed, the automaton of names. Counted arrays are loops.
"""

from __future__ import annotations

from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from constrain.syntax.grammar import NEVER, Call, Expr, JsonArray, JsonObject, Space

from . import json_text
from .program import AUTOMATON, CALL, JUMP, KEYS, SPLIT, Program, word

QUOTE, COMMA, COLON = 0x22, 0x2C, 0x3A
OPEN_OBJECT, CLOSE_OBJECT, OPEN_ARRAY, CLOSE_ARRAY = 0x7B, 0x7D, 0x5B, 0x5D

Lowering = Any  # automata.lower.Lowering, which imports this module


def canonical_name(name: str) -> bytes:
    """The one spelling of a declared name, without its quotes."""
    return encode_basestring(name)[1:-1].encode()


class _Holes:
    """Jumps to a place that is not known yet."""

    def __init__(self, program: Program):
        self.program = program
        self.at: list[int] = []

    def jump(self) -> None:
        self.at.append(self.program.emit((0,)))

    def fill(self) -> None:
        for at in self.at:
            self.program.patch(at, word(JUMP, self.program.here()))


def _either(program: Program, leave: _Holes) -> None:
    """Emit a split: out through `leave`, or on with the code that follows."""
    at = program.here()
    program.emit((word(SPLIT, 2), at + 3, at + 4, 0))
    leave.at.append(at + 3)


def next_required(members: tuple[tuple[str, Expr, bool], ...]) -> list[int]:
    """For each member, and the end: the first required member from there on.

    >>> next_required((("a", NEVER, False), ("b", NEVER, True), ("c", NEVER, False)))
    [1, 1, 3, 3]
    """
    n = len(members)
    out = [n] * (n + 1)
    for i in range(n - 1, -1, -1):
        out[i] = i if members[i][2] else out[i + 1]
    return out


def emit_object(lowering: Lowering, expr: JsonObject) -> None:
    """Data: trie, then pointers to (next required, entry of each member, member of each name in
    sorted order) and the entry for other names. Code: the brace, members, one close."""
    p: Program = lowering.program
    members, n = expr.members, len(expr.members)
    names = [canonical_name(name) for name, _, _ in members]
    order = sorted(range(n), key=names.__getitem__)
    banned = [value == NEVER for _, value, _ in members]
    required = next_required(members)
    skip = p.emit((0,))
    record = p.here()
    entries = record + 6 + n
    p.emit((p.trie([names[i] for i in order], names=True), record + 5, entries, entries + n, 0))
    p.emit(required)
    p.emit([0] * n)
    p.emit(-1 if banned[i] else i for i in order)
    p.patch(skip, word(JUMP, p.here()))
    close = _Holes(p)
    space = lowering.space_words(expr.space)
    separator = (COMMA, *space)
    colon = (*space, COLON, *space)

    def name_or_close(i: int, comma: bool) -> None:
        """What may follow when member `i` is the next declared one."""
        complete = required[i] == n
        other = int(complete and expr.other is not None)
        last = min(required[i], n - 1)
        more = other or not all(banned[i : last + 1])
        if complete and more:
            _either(p, close)
        if not more:
            close.jump()
            return
        p.emit((*(separator if comma else ()), QUOTE, word(KEYS, record), i, other))

    def value(inner: Expr) -> None:
        if isinstance(inner, Call):
            p.emit((*colon, word(CALL, lowering.rule(inner.rule)), *space))
            return
        p.emit(colon)
        lowering.emit(inner)
        p.emit(space)

    p.emit((OPEN_OBJECT, *space))
    name_or_close(0, comma=False)
    for i, (_, inner, _) in enumerate(members):
        if not banned[i]:
            p.patch(entries + i, p.here())
            value(inner)
            name_or_close(i + 1, comma=True)
    if expr.other is not None:
        p.patch(record + 4, p.here())
        lowering.fragments.reference(AUTOMATON, json_text.canonical_name(), 0, 1)
        p.emit((QUOTE,))
        value(expr.other)
        name_or_close(n, comma=True)
    close.fill()
    p.emit((CLOSE_OBJECT,))


def emit_array(lowering: Lowering, expr: JsonArray) -> None:
    """Positions of the prefix one by one, the rest as a star or a counted loop."""
    p: Program = lowering.program
    close = _Holes(p)
    p.emit((OPEN_ARRAY,))
    lowering.space(expr.space)
    taken = 0
    while taken < len(expr.prefix) + 1:
        item = expr.prefix[taken] if taken < len(expr.prefix) else expr.items
        more = item is not None and (expr.hi is None or taken < expr.hi)
        if item is None or not more:
            break
        if taken == len(expr.prefix) and taken > 0:
            break
        if taken >= expr.lo:
            _either(p, close)
        if taken:
            _comma(lowering, expr.space)
        lowering.emit(item)
        lowering.space(expr.space)
        taken += 1
    if expr.items is not None and taken >= max(1, len(expr.prefix)):
        hi = None if expr.hi is None else expr.hi - taken
        _rest(lowering, expr.items, expr.space, max(0, expr.lo - taken), hi, close)
    close.fill()
    p.emit((CLOSE_ARRAY,))


def _comma(lowering: Lowering, space: Space) -> None:
    lowering.program.emit((COMMA,))
    lowering.space(space)


def _rest(
    lowering: Lowering, item: Expr, space: Space, lo: int, hi: int | None, close: _Holes
) -> None:
    """`lo` to `hi` times a comma and an item."""
    p: Program = lowering.program

    def one(emit: Callable[[Expr], None]) -> None:
        _comma(lowering, space)
        emit(item)
        lowering.space(space)

    if hi is None and lo == 0:
        start = p.here()
        _either(p, close)
        one(lowering.emit)
        p.emit((word(JUMP, start),))
    elif hi is None or hi > 0:
        lowering.loop(lo, hi, lambda: one(lowering.loop_body))
