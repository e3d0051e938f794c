"""Possessive quantifiers and atomic groups: trees in which the order of alternatives counts.

`(?>...)` keeps the first match that a backtracking search finds in it, whatever follows; `x*+`
means `(?>x*)`. While a pattern with such groups is read, alternatives stay in order and lazy
repetitions are marked. Afterwards `settle` takes the order out of everything around the atomic
groups, and turns into plain trees those whose order makes no difference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from .regex_analysis import looks_around, walk, width
from .regex_ast import (
    Atomic,
    Concat,
    Look,
    Node,
    Repeat,
    Union,
    concat,
    look,
    repeat,
    union,
)
from .regex_edges import decide

MAY_COMMIT = re.compile(r"\(\?>|[*+?}]\+")
"""Found in every pattern that has an atomic group or a possessive quantifier."""


MAX_INNER = 3
"""Atomic groups in a possessive repetition up to which it may turn out to need no automaton."""


def settle(node: Node) -> Node:
    """Return a tree of the same language, ordered inside of `Atomic` only.

    >>> from constrain.syntax.regex_ast import Text
    >>> settle(Atomic(Repeat(Text(b"a"), 0, 2, lazy=True)))
    Concat(items=())
    """
    handler = _SETTLE.get(type(node))
    return handler(node) if handler else node


def has_one_match(node: Node) -> bool:
    """Does `node` surely match in at most one way at any place? Then its order is of no matter."""
    if isinstance(node, Concat):
        return all(map(has_one_match, node.items))
    if isinstance(node, Repeat) and node.lo == node.hi:
        return has_one_match(node.item)
    low, high = width(node)
    return isinstance(node, Atomic) or low == high


def _atomic(node: Atomic) -> Node:
    item = node.item
    if isinstance(item, Union | Concat | Repeat | Atomic) and has_one_match(item):
        return settle(item)
    n_inner = sum(isinstance(part, Atomic) for part in walk(item))
    if (
        isinstance(item, Repeat)
        and n_inner <= MAX_INNER
        and has_one_match(item.item)
        and width(item.item)[0]
    ):
        turn = settle(item.item)
        if not looks_around(turn):  # it is written down more than once
            return _possessive(item, turn)
    return item if not isinstance(item, Union | Concat | Repeat) else Atomic(_inner(item))


def _possessive(node: Repeat, item: Node) -> Node:
    """A repetition of `item`, which matches in one way: as few times as can be, or as many."""
    if node.lazy:
        return repeat(item, node.lo, node.lo)
    if node.hi is None:
        return concat([repeat(item, node.lo, None), look(item, behind=False, negative=True)])
    short = concat([repeat(item, node.lo, node.hi - 1), look(item, behind=False, negative=True)])
    return union([repeat(item, node.hi, node.hi), short])


def _inner(node: Node) -> Node:
    """`node` with its order, and with all that is atomic in it settled."""
    if isinstance(node, Concat):
        return concat(map(_inner, node.items))
    if isinstance(node, Union):
        return Union(tuple(map(_inner, node.items)))
    if isinstance(node, Repeat):
        return Repeat(_inner(node.item), node.lo, node.hi, node.lazy)
    return settle(node)


_SETTLE: dict[type, Callable[[Any], Node]] = {
    Concat: lambda node: concat(decide(_flat(map(settle, node.items)))),
    Union: lambda node: union(map(settle, node.items)),
    Repeat: lambda node: repeat(settle(node.item), node.lo, node.hi),
    Look: lambda node: look(settle(node.item), node.behind, node.negative),
    Atomic: _atomic,
}


def _flat(items: Iterable[Node]) -> list[Node]:
    whole = concat(items)
    return list(whole.items) if isinstance(whole, Concat) else [whole]
