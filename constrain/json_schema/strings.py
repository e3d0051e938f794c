"""Strings with a pattern, a format or a length: the language of their JSON text.

A plain length becomes a `JsonString`, in which every spelling is free (`\\u0041` for `A`). Where
more is said each string has one spelling, the canonical one that `json.dumps` writes with
`ensure_ascii=False`: `\\"`, `\\\\`, `\\n` and the like, `\\u00XX` for other controls, else plain.
A map from strings to one spelling each keeps intersections, so patterns and lengths may be
intersected before or after.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache, reduce
from json.encoder import encode_basestring as quote
from operator import and_
from typing import Any, cast

from constrain.automata.dfa import (
    DEAD,
    DFA,
    MAX_STATES,
    Automaton,
    explore,
    leaf,
    minimize,
    product,
)
from constrain.automata.json_text import PLAIN
from constrain.errors import LimitExceeded
from constrain.syntax import regex_analysis, regex_ast as regex
from constrain.syntax.grammar import Call, Expr, JsonString, Regular

from . import clock, names, patterns
from .counted import Counted, whole
from .facets import Facet, facets_of, language, tree
from .keywords import most
from .source import Node

_QUOTE = regex.text('"')
_LEAST_TIME = len("00:00:00Z")
_ESCAPED = tuple(code for code in (*range(0x20), 0x22, 0x5C))
"""Code points that never stand for themselves between the quotes."""


def is_satisfiable(node: Node) -> bool:
    """Is there a string that the string keywords of `node` allow?"""
    lo, hi = node.get("minLength", 0), most(node, "maxLength")
    if hi is not None and lo > hi:
        return False
    facets = facets_of(node)
    if not facets or _is_timed(facets, lo, hi):
        return True
    found = form(facets, lo, hi)
    return not found.is_empty if isinstance(found, Counted) else found != regex.NOTHING


def string(node: Node, rule: Callable[[Any], Call]) -> Expr:
    """The JSON text of the strings that `node` allows; there has to be one.

    rule: names the rule of a state of a `Counted`.
    """
    lo, hi = node.get("minLength", 0), most(node, "maxLength")
    facets = facets_of(node)
    if not facets:
        return JsonString(lo, hi)
    if _is_timed(facets, lo, hi):
        return clock.expression(facets)
    found = form(facets, lo, hi)
    return whole(rule, (found.dfa.start, 0)) if isinstance(found, Counted) else quoted(found)


def _is_timed(facets: tuple[Facet, ...], lo: int, hi: int | None) -> bool:
    """Is there an expression made of rules for these strings?"""
    return hi is None and lo <= _LEAST_TIME and clock.has(facets)


def counted(node: Node) -> Counted:
    """The strings of a node of which `string` makes rules for states."""
    found = form(facets_of(node), node.get("minLength", 0), most(node, "maxLength"))
    assert isinstance(found, Counted)
    return found


@lru_cache(maxsize=1024)
def form(facets: tuple[Facet, ...], lo: int, hi: int | None) -> regex.Node | Counted:
    """Strings of `lo` to `hi` code points that have every facet, as a tree if that is not large."""
    if len(facets) == 1 and facets[0].holds:
        node = _of_length(tree(facets[0]), lo, hi)
        if node is not None:
            return node
    if lo == 0 and hi is None:
        return content(facets, lo, hi)
    dfa = _automaton(facets)
    if dfa.start == DEAD:
        return regex.NOTHING
    if dfa.n_states * (hi or lo) <= _LARGE:
        return content(facets, lo, hi)
    found = Counted(dfa, lo, hi)
    if found.breadth > _BROAD:
        note = "a pattern for most characters beside a length; a shorter length or none would do"
        raise LimitExceeded("deterministic states", dfa.n_states * (hi or lo), note)
    return found


_BROAD = 110  # bytes; with more of them in one place every mask would take a second
_LARGE = 2_000  # deterministic states that are made before the first mask


def quoted(node: regex.Node) -> Regular:
    """The JSON text of the strings of `node`."""
    return Regular(regex.concat((_QUOTE, encoded(node), _QUOTE)))


@lru_cache(maxsize=1024)
def content(facets: tuple[Facet, ...], lo: int, hi: int | None) -> regex.Node:
    """Strings of `lo` to `hi` code points that have every facet."""
    if hi is not None and lo > hi:
        return regex.NOTHING
    if len(facets) == 1 and facets[0].holds:
        node = _of_length(tree(facets[0]), lo, hi)
        if node is not None:
            return node
    nodes: list[regex.Node] = [names.tree(_automaton(facets))]
    if lo > 0 or hi is not None:
        nodes.append(regex.repeat(_alphabet([language(facet) for facet in facets]), lo, hi))
    return nodes[0] if len(nodes) == 1 else patterns.resolved(regex.Intersect(tuple(nodes)))


def _automaton(facets: tuple[Facet, ...]) -> DFA:
    """Strings that have every facet; the automaton of each is made once in a process."""
    dfas = [names.automaton(language(facet)) for facet in facets]
    return minimize(reduce(lambda a, b: product(a, b, and_), dfas))


def _of_length(node: regex.Node, lo: int, hi: int | None) -> regex.Node | None:
    """`node` cut down to a length, where that can be read off the tree."""
    if lo == 0 and hi is None:
        return node
    parts: set[type] = {type(part) for part in regex_analysis.walk(node)}
    if Automaton in parts:
        return None
    least, most = regex_analysis.width(node)
    if lo <= least and (hi is None or (most is not None and most <= hi)):
        return node
    if (hi is not None and least > hi) or (most is not None and most < lo):
        return regex.NOTHING
    items = node.items if isinstance(node, regex.Concat) else (node,)
    widths = [regex_analysis.width(item) for item in items]
    elastic = [i for i, (low, high) in enumerate(widths) if low != high]
    if len(elastic) != 1 or not _is_run(items[elastic[0]]):
        return None
    i = elastic[0]
    rest = sum(low for low, _ in widths) - widths[i][0]
    run = _run_of_length(items[i], max(0, lo - rest), None if hi is None else hi - rest)
    return regex.concat((*items[:i], run, *items[i + 1 :]))


def _is_run(node: regex.Node) -> bool:
    """Is `node` a repetition of single characters?"""
    return isinstance(node, regex.Repeat) and regex_analysis.width(node.item) == (1, 1)


def _run_of_length(node: Any, lo: int, hi: int | None) -> regex.Node:
    highs = [high for high in (node.hi, hi) if high is not None]
    return regex.repeat(node.item, max(node.lo, lo), min(highs, default=None))


def _alphabet(nodes: list[regex.Node]) -> regex.Node:
    """A set of characters that has all those of some node in it, small if one node's are few."""
    sets = [_chars_of(node) for node in nodes]
    return min(sets, key=lambda chars: len(chars.ranges) and chars.ranges[-1][1])


def _chars_of(node: regex.Node) -> regex.Chars:
    """The characters that stand in `node`; all of them if that cannot be read off the tree."""
    ranges: list[tuple[int, int]] = []
    for part in regex_analysis.walk(node):
        if isinstance(part, regex.Chars):
            ranges.extend(part.ranges)
        elif isinstance(part, regex.Text):
            ranges.extend((ord(char), ord(char)) for char in part.data.decode())
        elif not isinstance(part, regex.Concat | regex.Union | regex.Repeat):
            return regex.ANY_CHAR
    return regex.Chars(regex.normalize(ranges))


# ------------------------------------------------------------------ spelling


@lru_cache(maxsize=512)
def encoded(node: regex.Node) -> regex.Node:
    """The canonical JSON spellings, without quotes, of the strings of `node` (without looks).

    >>> encoded(regex.text('a"\\n'))
    Text(data=b'a\\\\"\\\\n')
    """
    return _ENCODED[type(node)](node)


def _encoded_chars(node: regex.Chars) -> regex.Node:
    special = [code for code in _ESCAPED if any(lo <= code <= hi for lo, hi in node.ranges)]
    if not special:
        return node
    plain = regex.Chars(regex.normalize(_intersection(node.ranges, PLAIN.ranges)))
    return regex.union((plain, *(regex.text(_spelled(chr(code))) for code in special)))


def _intersection(a: regex.Ranges, b: regex.Ranges) -> Iterator[tuple[int, int]]:
    for lo, hi in a:
        for low, high in b:
            if max(lo, low) <= min(hi, high):
                yield max(lo, low), min(hi, high)


def _spelled(text: str) -> str:
    return quote(text)[1:-1]


def _encoded_automaton(node: Automaton) -> regex.Node:
    """Read the spelling byte by byte: an escape that is complete takes the step of its byte."""
    dfa = node.dfa
    if not dfa.table[:, dfa.classes[list(_ESCAPED)]].any():
        return cast(regex.Node, node)
    n_classes = int(dfa.classes.max()) + 1
    classes = [
        n_classes + b if b in _IN_ESCAPES else int(dfa.classes[b]) if b not in _ESCAPED else 0
        for b in range(256)
    ]
    members = {c: b for b, c in enumerate(classes) if b not in _ESCAPED or b in _IN_ESCAPES}
    numbers = {c: i + 1 for i, c in enumerate(members)}

    def successors(state: tuple[int, bytes]) -> Iterator[tuple[int, tuple[int, bytes]]]:
        here, start = state
        for kind, byte in members.items():
            text = start + bytes((byte,))
            if text in _BEGUN:
                yield numbers[kind], (here, text)
            elif text in _ESCAPES or (not start and byte not in _ESCAPED):
                target = int(dfa.table[here, dfa.classes[_ESCAPES.get(text, byte)]])
                if target != DEAD:
                    yield numbers[kind], (target, b"")

    return leaf(
        explore(
            (dfa.start, b""),
            successors,
            lambda state: not state[1] and bool(dfa.accepting[state[0]]),
            [
                numbers[c] if b not in _ESCAPED or b in _IN_ESCAPES else 0
                for b, c in enumerate(classes)
            ],
            8 * MAX_STATES,
        )
    )


_ESCAPES = {_spelled(chr(code)).encode(): code for code in _ESCAPED}
_BEGUN = {spelling[:n] for spelling in _ESCAPES for n in range(1, len(spelling))}
_IN_ESCAPES = frozenset(byte for spelling in _ESCAPES for byte in spelling)

_ENCODED: Mapping[type, Callable[[Any], regex.Node]] = {
    regex.Chars: _encoded_chars,
    regex.Text: lambda node: regex.text(_spelled(node.data.decode())),
    regex.Concat: lambda node: regex.concat(map(encoded, node.items)),
    regex.Union: lambda node: regex.union(map(encoded, node.items)),
    regex.Repeat: lambda node: regex.repeat(encoded(node.item), node.lo, node.hi),
    regex.Intersect: lambda node: regex.Intersect(tuple(map(encoded, node.items))),
    regex.Complement: lambda node: regex.Intersect(
        (
            encoded(regex.repeat(regex.ANY_CHAR, 0, None)),
            regex.Complement(encoded(node.item)),
        )
    ),
    Automaton: _encoded_automaton,
}
