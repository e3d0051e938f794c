"""Regular expressions as trees over Unicode code points.

Trees are values: frozen, hashable, compared by content. The smart constructors (`concat`,
`union`, `repeat`) drop what cannot match, so a tree that is not `NOTHING` has at least one
member unless it holds `Intersect` or `Complement`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

MAX_CODE_POINT = 0x10FFFF
SURROGATES = (0xD800, 0xDFFF)

Ranges: TypeAlias = tuple[tuple[int, int], ...]
"""Inclusive code point ranges: sorted, disjoint, not adjacent, without surrogates."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One code point out of `ranges`; `Chars(())` is the empty language."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Text:
    """Exactly these bytes (UTF-8 of some text, or any bytes)."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Concat:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Union:
    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`item` from `lo` to `hi` times; `hi=None` is without end.

    `lazy`: rather fewer times than more. It matters, and is found, inside of `Atomic` only.
    """

    item: Node
    lo: int
    hi: int | None
    lazy: bool = False


@dataclass(frozen=True, slots=True)
class Intersect:
    """Strings in every one of `items`."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Complement:
    """Well-formed UTF-8 strings that are not in `item`."""

    item: Node


@dataclass(frozen=True, slots=True)
class Look:
    """A lookahead or lookbehind: takes no text, asks about the text around it."""

    item: Node
    behind: bool
    negative: bool


@dataclass(frozen=True, slots=True)
class Atomic:
    """Of the matches of `item` at a place, the first that a backtracking search tries.

    So here the order of alternatives counts, and whether repetitions are lazy.
    """

    item: Node


@dataclass(frozen=True, slots=True)
class Token:
    """One special token of the vocabulary: with this text, or with an id in one of `ids`.

    With `others` any but those, or one character. A grammar knows no vocabulary, so `compile`
    puts what it finds there in the place of this.
    """

    text: str | None
    ids: Ranges = ()
    others: bool = False


Node: TypeAlias = (
    "Chars | Text | Concat | Union | Repeat | Intersect | Complement | Look | Atomic | Token"
)

NOTHING = Chars(())
EPSILON = Concat(())
ANY_CHAR = Chars(((0, SURROGATES[0] - 1), (SURROGATES[1] + 1, MAX_CODE_POINT)))


def concat(items: Iterable[Node]) -> Node:
    """Concatenation, flattened; the empty language if any part is empty."""
    flat: list[Node] = []
    for item in items:
        if item == NOTHING:
            return NOTHING
        if isinstance(item, Concat):
            flat.extend(item.items)
        elif isinstance(item, Text) and flat and isinstance(flat[-1], Text):
            flat[-1] = Text(flat[-1].data + item.data)
        else:
            flat.append(item)
    return flat[0] if len(flat) == 1 else Concat(tuple(flat))


def union(items: Iterable[Node]) -> Node:
    """Alternation, flattened, without repeats; character sets are merged."""
    flat: dict[Node, None] = {}
    chars: list[tuple[int, int]] = []
    for item in items:
        for part in item.items if isinstance(item, Union) else (item,):
            if isinstance(part, Chars):
                chars.extend(part.ranges)
            else:
                flat[part] = None
    if chars:
        flat[Chars(normalize(chars))] = None
    if not flat:
        return NOTHING
    return next(iter(flat)) if len(flat) == 1 else Union(tuple(flat))


def repeat(item: Node, lo: int, hi: int | None) -> Node:
    """Repetition; the empty language stays empty unless zero times is allowed."""
    if item == NOTHING:
        return NOTHING if lo else EPSILON
    if hi == 0 or item == EPSILON:
        return EPSILON
    return item if (lo, hi) == (1, 1) else Repeat(item, lo, hi)


def look(item: Node, behind: bool, negative: bool) -> Node:
    """A look around; none where the answer is plain."""
    if item in (NOTHING, EPSILON):
        return EPSILON if (item == NOTHING) == negative else NOTHING
    return Look(item, behind, negative)


def normalize(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sort and merge ranges and cut the surrogates out.

    >>> normalize([(5, 9), (1, 4), (20, 20)])
    ((1, 9), (20, 20))
    """
    merged: list[tuple[int, int]] = []
    for lo, hi in sorted(ranges):
        if merged and lo <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(hi, merged[-1][1]))
        else:
            merged.append((lo, hi))
    low, high = SURROGATES
    out: list[tuple[int, int]] = []
    for lo, hi in merged:
        if lo < low:
            out.append((lo, min(hi, low - 1)))
        if hi > high:
            out.append((max(lo, high + 1), hi))
    return tuple(out)


def invert(ranges: Ranges) -> Ranges:
    """All code points outside `ranges`.

    >>> invert(((0, 0x10FFFE),))
    ((1114111, 1114111),)
    """
    out: list[tuple[int, int]] = []
    start = 0
    for lo, hi in ranges:
        if start < lo:
            out.append((start, lo - 1))
        start = hi + 1
    if start <= MAX_CODE_POINT:
        out.append((start, MAX_CODE_POINT))
    return normalize(out)


def text(value: str) -> Node:
    """Exactly `value`."""
    return Text(value.encode()) if value else EPSILON
