"""Which bytes can occur in a language: read off its expressions, never too few."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Set
from functools import cache
from typing import Any

import numpy as np

from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    Call,
    Choice,
    JsonArray,
    JsonObject,
    JsonString,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
)
from constrain.syntax.regex_analysis import walk as walk_regex
from constrain.syntax.utf8 import byte_automaton

from .dfa import DEAD, Automaton
from .normal_form import NormalForm, used_rules
from .resolve import resolve
from .rule_graph import walk

UTF8 = frozenset(range(256)) - {0xC0, 0xC1, *range(0xF5, 0x100)}
"""The bytes that well-formed UTF-8 can hold."""

SPACE = frozenset(b" \t\n\r")
STRING = frozenset(byte for byte in UTF8 if byte >= 0x20)


def missing_bytes(grammar: NormalForm, have: Set[int]) -> Set[int]:
    """Bytes that may occur in texts of `grammar` and are not in `have`.

    At once where `have` is every byte; else O(size of the grammar), all of it being read.
    """
    return frozenset() if len(have) == 256 else alphabet(grammar) - have


def alphabet(grammar: NormalForm) -> Set[int]:
    """The bytes that texts of `grammar` can hold, and perhaps some more."""
    found = set[int]()
    for root in used_rules(grammar).values():
        for expr in walk(root):
            found.update(_BYTES[type(expr)](expr))
    for terminal in grammar.terminals:
        found.update(regex_bytes(resolve(terminal.node)))
    return found


def regex_bytes(node: rx.Node) -> Set[int]:
    """The bytes that strings of a resolved tree can hold.

    >>> sorted(regex_bytes(rx.Chars(((0x61, 0x62), (0xE9, 0xE9)))))
    [97, 98, 169, 195]
    """
    found = set[int]()
    for part in walk_regex(node):
        if isinstance(part, rx.Text):
            found.update(part.data)
        elif isinstance(part, rx.Chars):
            found.update(_char_bytes(part.ranges))
        elif isinstance(part, Automaton):
            live = np.flatnonzero((part.dfa.table != DEAD).any(axis=0))
            found.update(np.flatnonzero(np.isin(part.dfa.classes, live)).tolist())
    return found


@cache
def _char_bytes(ranges: rx.Ranges) -> Set[int]:
    edges = (edge for state in byte_automaton(ranges) for edge in state)
    return frozenset(byte for lo, hi, _ in edges for byte in range(lo, hi + 1))


def _nothing(expr: Any) -> Iterable[int]:
    return ()


def _space(expr: Space) -> Iterable[int]:
    return () if expr.limit == 0 else SPACE


def _object(expr: JsonObject) -> Iterable[int]:
    names = b"".join(name.encode("utf-8", "surrogatepass") for name, _, _ in expr.members)
    other = STRING if expr.other is not None else frozenset[int]()
    return {*b'{}:,"', *names, *other, *_space(expr.space)}


_BYTES: dict[type, Callable[[Any], Iterable[int]]] = {
    Literal: lambda expr: expr.data,
    Regular: lambda expr: regex_bytes(resolve(expr.node)),
    Words: lambda expr: frozenset(b"".join(expr.words)),
    Space: _space,
    JsonString: lambda expr: STRING,
    JsonObject: _object,
    JsonArray: lambda expr: {*b"[],", *_space(expr.space)},
    **dict.fromkeys((Sequence, Choice, Repeat, Call, Lexeme), _nothing),
}
