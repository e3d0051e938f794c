"""Looks at the next character whose answer is plain from what stands beside them.

`\\b` behind `\\w+` and in front of a space always holds; in front of a letter it never does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal, TypeAlias

from .regex_analysis import looks_around, width
from .regex_ast import (
    EPSILON,
    NOTHING,
    Chars,
    Concat,
    Look,
    Node,
    Ranges,
    Repeat,
    Text,
    Union,
    concat,
    normalize,
    repeat,
    union,
)

Side: TypeAlias = "Ranges | Literal['edge'] | None"
"""The characters that one side can have next to a place, or the edge of the text; None: unknown."""


def decided(node: Node, whole: bool = False) -> Node:
    """The same language, with looks decided where their neighbours in a sequence tell.

    whole: `node` is matched against whole texts, so that its edges are those of the text.

    >>> from constrain.syntax.regex_parser import parse
    >>> decided(parse("a(?!a)b").node)
    Text(data=b'ab')
    """
    if isinstance(node, Concat):
        return concat(decide([decided(item) for item in node.items], whole))
    if isinstance(node, Union):
        return union(decided(item, whole) for item in node.items)
    if isinstance(node, Repeat) and not node.lazy:
        return repeat(decided(node.item), node.lo, node.hi)
    return concat(decide([node], whole)) if whole else node


def decide(items: Sequence[Node], whole: bool = False) -> list[Node]:
    """A sequence with looks decided where the items beside them tell."""
    outer: Side = "edge" if whole else None
    return [
        _answer(item, _side(items[:i][::-1], outer, -1), _side(items[i + 1 :], outer, 0))
        if _only_looks(item)
        else item
        for i, item in enumerate(items)
    ]


def _only_looks(node: Node) -> bool:
    """Is `node` made of looks alone?"""
    if isinstance(node, Concat | Union):
        return bool(node.items) and all(map(_only_looks, node.items))
    return isinstance(node, Look)


def _answer(node: Node, left: Side, right: Side) -> Node:
    if isinstance(node, Concat):
        return concat(_answer(item, left, right) for item in node.items)
    if isinstance(node, Union):
        return union(_answer(item, left, right) for item in node.items)
    if not isinstance(node, Look):
        return node
    found = _found(node, left if node.behind else right)
    if found is None:
        return node
    return EPSILON if found != node.negative else NOTHING


def _found(look: Look, side: Side) -> bool | None:
    """Does what `look` asks for stand on this side?"""
    if side is None or not width(look.item)[0]:
        return None
    if side == "edge":
        return False
    wanted = _outer(look.item, -1 if look.behind else 0)
    if wanted is None or not side:
        return None
    if not any(a <= d and c <= b for a, b in side for c, d in wanted):
        return False
    inside = all(any(c <= a and b <= d for c, d in wanted) for a, b in side)
    one_char = isinstance(look.item, Chars | Text) and width(look.item) == (1, 1)
    return True if inside and one_char else None


def _side(items: Iterable[Node], outer: Side, end: int) -> Side:
    """What the nearest of `items` that takes text has next to a place before (end 0) or behind
    (-1) all of them."""
    for item in items:
        if width(item) != (0, 0):
            return _outer(item, end) if width(item)[0] else None
        if not looks_around(item) and item != EPSILON:
            return None
    return outer


def _outer(node: Node, end: int) -> Ranges | None:
    """The characters that a match can begin (0) or end (-1) with, where that is easily seen."""
    if isinstance(node, Chars):
        return node.ranges
    if isinstance(node, Text) and node.data:
        char = node.data.decode("utf-8", "replace")[end]
        return ((ord(char), ord(char)),)
    if isinstance(node, Concat) and node.items:
        return _outer(node.items[end], end)
    if isinstance(node, Union):
        sides = [_outer(item, end) for item in node.items]
        known = [side for side in sides if side is not None]
        return normalize(p for side in known for p in side) if len(known) == len(sides) else None
    return _outer(node.item, end) if isinstance(node, Repeat) and node.lo else None
