"""What a regex tree tells without building an automaton: width, the empty word, looking around.

All of it is read off the tree from the leaves up (Brzozowski 1964 for the empty word).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from .regex_ast import (
    EPSILON,
    NOTHING,
    Atomic,
    Chars,
    Complement,
    Concat,
    Intersect,
    Look,
    Node,
    Repeat,
    Text,
    Token,
    Union,
    concat,
    repeat,
    union,
)


def walk(node: Node) -> Iterator[Node]:
    """Every node of the tree, outer before inner."""
    stack = [node]
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, Concat | Union | Intersect):
            stack.extend(node.items)
        elif isinstance(node, Repeat | Complement | Look | Atomic):
            stack.append(node.item)


def looks_around(node: Node) -> bool:
    """Does any part of `node` ask about the text around it? (Atomic ones ask what follows.)"""
    return any(type(part) in (Look, Atomic) for part in walk(node))


def is_nullable(node: Node) -> bool:
    """Does `node`, as a pattern for a whole text, match the empty text?

    >>> is_nullable(Repeat(Text(b"a"), 0, None))
    True
    """
    return _NULLABLE[type(node)](node)


def width(node: Node) -> tuple[int, int | None]:
    """Least and most code points that a match can take, read off the tree (None: no end).

    >>> width(Repeat(Text("é".encode()), 2, 3))
    (2, 3)
    """
    return _WIDTH[type(node)](node)


def without_empty(node: Node) -> Node:
    """What `node` matches, less the empty text.

    >>> without_empty(Repeat(Text(b"a"), 0, None))
    Repeat(item=Text(data=b'a'), lo=1, hi=None, lazy=False)
    """
    if not is_nullable(node):
        return node
    if looks_around(node):  # its parts mean nothing apart from their neighbours
        return Intersect((node, Complement(EPSILON)))
    return _WITHOUT_EMPTY[type(node)](node)


def _all_nullable(node: Concat | Intersect) -> bool:
    return all(is_nullable(item) for item in node.items)


_NULLABLE: dict[type, Callable[[Any], bool]] = {
    Chars: lambda node: False,
    Text: lambda node: not node.data,
    Concat: _all_nullable,
    Union: lambda node: any(is_nullable(item) for item in node.items),
    Repeat: lambda node: node.lo == 0 or is_nullable(node.item),
    Intersect: _all_nullable,
    Complement: lambda node: not is_nullable(node.item),
    Look: lambda node: is_nullable(node.item) != node.negative,
    Atomic: lambda node: is_nullable(node.item),
    Token: lambda node: False,
}


def _text_width(node: Text) -> tuple[int, int | None]:
    n_starts = sum(byte & 0xC0 != 0x80 for byte in node.data)
    return n_starts, n_starts


def _concat_width(node: Concat) -> tuple[int, int | None]:
    lows, highs = zip((0, 0), *map(width, node.items), strict=True)
    return sum(lows), None if None in highs else sum(highs)


def _union_width(node: Union) -> tuple[int, int | None]:
    lows, highs = zip(*map(width, node.items), strict=True)
    return min(lows), None if None in highs else max(highs)


def _intersect_width(node: Intersect) -> tuple[int, int | None]:
    lows, highs = zip(*map(width, node.items), strict=True)
    bounded = [high for high in highs if high is not None]
    return max(lows), min(bounded, default=None)


def _repeat_width(node: Repeat) -> tuple[int, int | None]:
    low, high = width(node.item)
    if high is None or node.hi is None:
        return low * node.lo, 0 if high == 0 or node.hi == 0 else None
    return low * node.lo, high * node.hi


_WIDTH: dict[type, Callable[[Any], tuple[int, int | None]]] = {
    Chars: lambda node: (1, 1),
    Text: _text_width,
    Concat: _concat_width,
    Union: _union_width,
    Repeat: _repeat_width,
    Intersect: _intersect_width,
    Complement: lambda node: (0, None),
    Look: lambda node: (0, 0),
    Atomic: lambda node: width(node.item),
    Token: lambda node: (1, 1),
}


def _concat_without_empty(node: Concat) -> Node:
    """The first item that is not empty is some item; all before it are."""
    items = node.items
    return union(concat((without_empty(item), *items[i + 1 :])) for i, item in enumerate(items))


_WITHOUT_EMPTY: dict[type, Callable[[Any], Node]] = {
    Text: lambda node: NOTHING,
    Concat: _concat_without_empty,
    Union: lambda node: union(without_empty(item) for item in node.items),
    Repeat: lambda node: repeat(without_empty(node.item), 1, node.hi),
    Intersect: lambda node: Intersect((without_empty(node.items[0]), *node.items[1:])),
    Complement: lambda node: Complement(union((node.item, EPSILON))),
}


def extend(
    kind: type,
    nullable: Callable[[Any], bool],
    widths: Callable[[Any], tuple[int, int | None]],
    nonempty: Callable[[Any], Node],
) -> None:
    """Say what this module should tell of a kind of leaf that is defined a floor above."""
    _NULLABLE[kind], _WIDTH[kind], _WITHOUT_EMPTY[kind] = nullable, widths, nonempty
