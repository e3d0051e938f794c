"""Any regular expression tree to one that the engine can lower: no looks, no algebra."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from constrain.syntax.regex_analysis import walk
from constrain.syntax.regex_ast import (
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

from .dfa import MAX_STATES, Automaton, leaf
from .lookaround import eliminate
from .regex_to_dfa import from_node


def resolve(node: Node, max_states: int = MAX_STATES) -> Node:
    """Return a tree of the same language made of Chars, Text, Concat, Union, Repeat and, for what
    was an intersection, a complement or a look, `Automaton` leaves.

    Law: resolve(n) == NOTHING if and only if no text matches n. A tree of the first kind comes
    back as it is, in O(size). Raises LimitExceeded and Unsupported, as `eliminate` does.
    """
    if _kinds(node) <= _PLAIN:
        return node
    node = eliminate(node, max_states)
    return node if _kinds(node) <= _PLAIN else _RESOLVE[type(node)](node, max_states)


_PLAIN = {Text, Concat, Union, Repeat, Chars, Automaton}


def _kinds(node: Node) -> set[object]:
    """The types in the tree; NOTHING counts as one of its own, to be propagated."""
    return {part if part == NOTHING and part is not node else type(part) for part in walk(node)}


def _algebra(node: Intersect | Complement, max_states: int) -> Node:
    return leaf(from_node(node, max_states))


_RESOLVE: dict[type, Callable[[Any, int], Node]] = {
    Intersect: _algebra,
    Complement: _algebra,
    Chars: lambda node, max_states: node,
    Text: lambda node, max_states: node,
    Automaton: lambda node, max_states: node,
    Concat: lambda node, max_states: concat(_each(node.items, max_states)),
    Union: lambda node, max_states: union(_each(node.items, max_states)),
    Repeat: lambda node, max_states: repeat(
        _RESOLVE[type(node.item)](node.item, max_states), node.lo, node.hi
    ),
}


def _each(items: tuple[Node, ...], max_states: int) -> list[Node]:
    return [_RESOLVE[type(item)](item, max_states) for item in items]
