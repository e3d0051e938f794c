"""The strings in which a pattern is found, as a regular language.

A pattern of JSON Schema may match anywhere in a string; here it becomes a tree for the whole
string. Anchors at its ends, nearly all there are, just leave out the "anything" on that side;
any other look around is removed by the automata.
"""

from __future__ import annotations

from functools import lru_cache

from constrain.automata.dfa import explore, leaf
from constrain.automata.regex_to_dfa import NFA, Steps
from constrain.automata.resolve import resolve
from constrain.syntax import regex_analysis, regex_ast as regex, regex_parser

from .ecma import to_python

_ANYTHING = regex.repeat(regex.ANY_CHAR, 0, None)


@lru_cache(maxsize=4096)
def content(pattern: str) -> regex.Node:
    """The strings in which `pattern` is found, as a tree without looks.

    Raises RegexSyntaxError, Unsupported or LimitExceeded.
    """
    node = _found(regex_parser.parse(to_python(pattern), "a").node)
    return resolved(node) if regex_analysis.looks_around(node) else node


def resolved(node: regex.Node) -> regex.Node:
    """The same language without looks, intersections and complements; NOTHING if it is empty."""
    return resolve(node)


def _found(node: regex.Node) -> regex.Node:
    """Any text with a match of `node` in it."""
    if isinstance(node, regex.Union):
        return regex.union(map(_found, node.items))
    items = node.items if isinstance(node, regex.Concat) else (node,)
    items = items[1:] if items[:1] == (regex_parser.START,) else (_ANYTHING, *items)
    items = items[:-1] if items[-1:] == (regex_parser.END,) else (*items, _ANYTHING)
    return regex.concat(items)


@lru_cache(maxsize=1024)
def names(pattern: str) -> regex.Node:
    """As `content`, in a form whose automaton stays small: nothing is kept in mind past a match.

    Searching for one of many words, an automaton for `.*(...).*` would go on to keep track of
    all of them. A match that ends the search makes a language without prefixes of one another,
    behind which anything may follow.
    """
    node = regex_parser.parse(to_python(pattern), "a").node
    items = node.items if isinstance(node, regex.Concat) else (node,)
    if items[-1:] == (regex_parser.END,) or regex_analysis.looks_around(_inner(items)):
        return content(pattern)
    start = () if items[:1] == (regex_parser.START,) else (_ANYTHING,)
    found = first_matches(regex.concat((*start, _inner(items))))
    return regex.concat((found, _ANYTHING))


def _inner(items: tuple[regex.Node, ...]) -> regex.Node:
    return regex.concat(items[1:] if items[:1] == (regex_parser.START,) else items)


def first_matches(node: regex.Node) -> regex.Node:
    """The strings of `node` of which no shorter beginning is one."""
    nfa = NFA()
    start = nfa.state()
    final = nfa.add(node, start)
    steps = Steps(nfa, [final])
    return leaf(
        explore(
            steps.closure(start),
            lambda states: () if final in states else steps.moves(states).items(),
            lambda states: final in states,
            steps.classes,
        )
    )
