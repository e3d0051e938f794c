"""Looks at the text around a match, removed exactly.

Anchors at the ends of a text are nearly all that occurs in practice: to remove them the tree is
only rewritten, so that large patterns stay trees. All other looks go into an automaton of the
part of the tree that they can see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import chain, product
from math import prod
from typing import Any

from constrain.syntax.anchors import END, END_OR_LAST_NEWLINE, START
from constrain.syntax.regex_analysis import is_nullable, looks_around, walk
from constrain.syntax.regex_ast import (
    EPSILON,
    Atomic,
    Chars,
    Complement,
    Concat,
    Intersect,
    Look,
    Node,
    Repeat,
    Text,
    Union,
    concat,
    union,
)
from constrain.syntax.regex_edges import decide, decided

from .dfa import MAX_STATES, leaf
from .whole_text import from_node_with_looks

MAX_ALTERNATIVES = 64
"""Up to here a sequence is written out as alternatives to bring its anchors to the top."""

_ANCHORS = {START, END, END_OR_LAST_NEWLINE}


def eliminate(node: Node, max_states: int = MAX_STATES) -> Node:
    """Return a tree without looks for the texts that, taken whole, match `node`.

    Raises LimitExceeded, and Unsupported where a look stands in an intersection or complement
    that is itself part of a sequence.

    >>> from constrain.syntax.regex_parser import parse
    >>> eliminate(parse("(^a|b|c$)d").node)
    Union(items=(Text(data=b'bd'), Text(data=b'ad')))
    """
    if not looks_around(node):
        return node
    if isinstance(node, Complement):
        return Complement(eliminate(node.item, max_states))
    if isinstance(node, Intersect):
        return Intersect(tuple(eliminate(item, max_states) for item in node.items))
    node = decided(node, whole=True)
    if not looks_around(node):
        return node
    alternatives = (_without_anchors(decide(items, whole=True)) for items in _spread(node))
    return union(_without_looks(items, max_states) for items in alternatives)


# Anchors.


def _spread(node: Node) -> list[list[Node]]:
    """Write `node` as alternative sequences, with the anchors at the top of them if possible."""
    if isinstance(node, Union):
        plain = [item for item in node.items if not looks_around(item)]
        looking = [item for item in node.items if looks_around(item)]
        return [[union(plain)]] * bool(plain) + [items for i in looking for items in _spread(i)]
    if isinstance(node, Repeat) and (node.lo, node.hi) == (0, 1) and _has_anchor(node):
        return [[EPSILON], *_spread(node.item)]
    if isinstance(node, Concat):
        choices = [_spread(item) if _has_anchor(item) else [[item]] for item in node.items]
        if prod(map(len, choices)) <= MAX_ALTERNATIVES:
            return [list(chain(*sequences)) for sequences in product(*choices)]
    return [[node]]


def _has_anchor(node: Node) -> bool:
    return any(type(part) is Look and part in _ANCHORS for part in walk(node))


def _without_anchors(items: list[Node]) -> list[Node]:
    """Remove the anchors between whose end of the text and themselves nothing else looks."""
    kept: list[Node] = []
    for item in items:
        if item == START and not any(map(looks_around, kept)):
            kept = [_only(kept, newline=False)]
        else:
            kept.append(item)
    items, kept = kept, []
    for item in reversed(items):
        if item in (END, END_OR_LAST_NEWLINE) and not any(map(looks_around, kept)):
            kept = [_only(kept[::-1], newline=item == END_OR_LAST_NEWLINE)]
        else:
            kept.append(item)
    return kept[::-1]


def _only(items: list[Node], newline: bool) -> Node:
    """Of the sequence `items` keep the empty text and, if asked for, a single newline."""
    node = concat(items)
    empty = [EPSILON] if is_nullable(node) else []
    return union([*empty, Text(b"\n")] if newline and _matches_newline(node) else empty)


def _matches_newline(node: Node) -> bool:
    """Is a single newline in the language of `node`, which has no looks?"""
    return _MATCHES_NEWLINE[type(node)](node)


def _concat_matches_newline(node: Concat) -> bool:
    needed = [item for item in node.items if not is_nullable(item)]
    return len(needed) < 2 and any(map(_matches_newline, needed or node.items))


_MATCHES_NEWLINE: dict[type, Callable[[Any], bool]] = {
    Chars: lambda node: any(lo <= 0x0A <= hi for lo, hi in node.ranges),
    Text: lambda node: node.data == b"\n",
    Concat: _concat_matches_newline,
    Union: lambda node: any(map(_matches_newline, node.items)),
    Repeat: lambda node: (
        node.hi != 0 and (node.lo < 2 or is_nullable(node.item)) and _matches_newline(node.item)
    ),
    Intersect: lambda node: all(map(_matches_newline, node.items)),
    Complement: lambda node: not _matches_newline(node.item),
}


# Other looks.


def _without_looks(items: list[Node], max_states: int) -> Node:
    """Replace by an automaton what the looks in a sequence can see; the rest stays a tree."""
    looking = [i for i, item in enumerate(items) if looks_around(item)]
    if not looking:
        return concat(items)
    first = 0 if _has_look(items, behind=True) else looking[0]
    last = len(items) if _has_look(items, behind=False) else looking[-1] + 1
    seen = leaf(from_node_with_looks(concat(items[first:last]), max_states))
    return concat([*items[:first], seen, *items[last:]])


def _has_look(items: Iterable[Node], behind: bool) -> bool:
    parts = chain.from_iterable(map(walk, items))
    return any(
        part.behind == behind if isinstance(part, Look) else isinstance(part, Atomic) > behind
        for part in parts
    )
