"""Membership by derivatives (Brzozowski 1964), over code points, straight from the tree.

No automaton, no bytes, no normal forms beyond the tree's own constructors: slow and obvious.
Looks are outside its reach; `positions` has them.
"""

from __future__ import annotations

from constrain.syntax.regex_ast import (
    EPSILON,
    NOTHING,
    Chars,
    Complement,
    Concat,
    Intersect,
    Node,
    Repeat,
    Text,
    Union,
    concat,
    repeat,
    union,
)


def matches(node: Node, text: str) -> bool:
    """Is `text` in the language of `node`?"""
    for char in text:
        node = derive(node, char)
    return nullable(node)


def nullable(node: Node) -> bool:
    """Is the empty text in the language of `node`?"""
    match node:
        case Chars():
            return False
        case Text(data):
            return not data
        case Concat(items) | Intersect(items):
            return all(map(nullable, items))
        case Union(items):
            return any(map(nullable, items))
        case Repeat(item, lo, _):
            return lo == 0 or nullable(item)
        case Complement(item):
            return not nullable(item)
    raise NotImplementedError(node)


def derive(node: Node, char: str) -> Node:
    """The texts that stand behind `char` in the members of `node` that begin with it."""
    match node:
        case Chars(ranges):
            return EPSILON if any(lo <= ord(char) <= hi for lo, hi in ranges) else NOTHING
        case Text(data):
            text = data.decode()
            return Text(text[1:].encode()) if text.startswith(char) else NOTHING
        case Concat(items):
            if not items:
                return NOTHING
            first, rest = items[0], Concat(items[1:])
            taken = concat([derive(first, char), rest])
            return union([taken, derive(rest, char)]) if nullable(first) else taken
        case Union(items):
            return union(derive(item, char) for item in items)
        case Repeat(item, lo, hi):
            if hi == 0:
                return NOTHING
            # With a nullable item fewer rounds are contained in more, so this is all.
            rest = repeat(item, max(lo - 1, 0), None if hi is None else hi - 1)
            return concat([derive(item, char), rest])
        case Intersect(items):
            return Intersect(tuple(derive(item, char) for item in items))
        case Complement(item):
            return Complement(derive(item, char))
    raise NotImplementedError(node)
