"""Random regular expressions over a tiny alphabet, as trees and as pattern texts."""

from __future__ import annotations

from hypothesis import strategies as st

from constrain.syntax import regex_ast
from constrain.syntax.regex_ast import Chars, Complement, Intersect, Look, Node

ALPHABET = "abé"
"""Two letters of one byte and one of two."""

COUNTS = [(0, None), (1, None), (0, 1), (0, 2), (2, 2), (1, 3), (2, None)]


def texts(alphabet: str = ALPHABET, max_size: int = 6) -> st.SearchStrategy[str]:
    return st.text(alphabet, max_size=max_size)


def regex_nodes(
    alphabet: str = ALPHABET, algebra: bool = False, looks: bool = False, max_leaves: int = 6
) -> st.SearchStrategy[Node]:
    """Trees; with `algebra` also intersections and complements, with `looks` also looks."""
    letters = st.sets(st.sampled_from(alphabet), min_size=1)
    chars = letters.map(lambda found: Chars(regex_ast.normalize((ord(c), ord(c)) for c in found)))
    leaves = chars | texts(alphabet, 2).map(regex_ast.text) | st.just(regex_ast.NOTHING)

    def extend(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
        some = st.lists(inner, min_size=2, max_size=3)
        options = [
            some.map(regex_ast.concat),
            some.map(regex_ast.union),
            st.tuples(inner, st.sampled_from(COUNTS)).map(lambda x: regex_ast.repeat(x[0], *x[1])),
        ]
        if algebra:
            options.append(some.map(lambda items: Intersect(tuple(items))))
            options.append(inner.map(Complement))
        if looks:
            options.append(st.builds(Look, inner, st.booleans(), st.booleans()))
        return st.one_of(options)

    return st.recursive(leaves, extend, max_leaves=max_leaves)


_ATOMS = ["a", "b", "é", ".", "[ab]", "[^a]", "[a-é]", r"\w", r"\W", r"\s", r"[^\w]", r"\x61", "B"]
_QUANTIFIERS = ["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "*?", "??", "+?", "{1,2}?"]
_POSSESSIVE = ["*+", "++", "?+", "{2}+", "{1,2}+", "{2,}+"]
_ANCHORS = ["^", "$", r"\A", r"\Z", r"\b"]
_OPENERS = ["(", "(?:", "(?i:", "(?s:", "(?a:", "(?m:"]


def patterns(
    anchors: bool = False, looks: bool = False, atomic: bool = False
) -> st.SearchStrategy[str]:
    """Python patterns; lookbehinds have the fixed width that Python asks for."""
    quantifiers = _QUANTIFIERS + (_POSSESSIVE if atomic else [])
    openers = _OPENERS + (["(?>"] if atomic else [])
    atoms = st.sampled_from(_ATOMS + (_ANCHORS if anchors else []))

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = st.builds("{}{})".format, st.sampled_from(openers), inner)
        options = [
            st.builds("{}{}".format, inner, inner),
            st.builds("{}|{}".format, inner, inner),
            st.builds("{}{}".format, group, st.sampled_from(quantifiers)),
            group,
        ]
        if looks:
            options.append(st.builds("(?{}{})".format, st.sampled_from("=!"), inner))
            behind = st.lists(st.sampled_from(_ATOMS), min_size=1, max_size=2).map("".join)
            options.append(st.builds("(?<{}{})".format, st.sampled_from("=!"), behind))
        return st.one_of(options)

    return st.recursive(atoms, extend, max_leaves=8)
