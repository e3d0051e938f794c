"""What is read off a regex tree, against matching by positions."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from oracles import positions
from strategies import ALPHABET, regex_nodes

from constrain.syntax import regex_parser
from constrain.syntax.regex_analysis import is_nullable, looks_around, width, without_empty
from constrain.syntax.regex_ast import Intersect, Node

TEXTS = ["".join(letters) for n in range(5) for letters in product(ALPHABET, repeat=n)]


@settings(max_examples=150, deadline=None)
@given(regex_nodes(algebra=True, looks=True))
def test_nullable_is_matching_the_empty_text(node: Node):
    assert is_nullable(node) == positions.matches(node, "")


@settings(max_examples=100, deadline=None)
@given(regex_nodes(algebra=True, looks=True))
def test_without_empty_takes_the_empty_text_and_no_other(node: Node):
    rest = without_empty(node)
    for text in TEXTS:
        assert positions.matches(rest, text) == (text != "" and positions.matches(node, text))


@settings(max_examples=100, deadline=None)
@given(regex_nodes(algebra=True, looks=True))
def test_width_bounds_every_match(node: Node):
    low, high = width(node)
    for text in TEXTS:
        if positions.matches(node, text):
            assert low <= len(text) <= (len(text) if high is None else high)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("a|bcd", (1, 3)),
        ("é{2,5}x?", (2, 6)),
        ("(?:ab*){0,2}", (0, None)),
        (r"\bxy$", (2, 2)),
        ("(?:a{0}){3,}", (0, 0)),
        ("", (0, 0)),
    ],
)
def test_widths(pattern: str, expected: tuple[int, int | None]):
    assert width(regex_parser.parse(pattern).node) == expected


def test_simple_trees_stay_simple_without_the_empty_text():
    node = without_empty(regex_parser.parse("a*b?|c{0,3}").node)
    assert not any(isinstance(part, Intersect) for part in (node, *getattr(node, "items", ())))
    assert node == regex_parser.parse("a+b?|b|c{1,3}").node


def test_looking_around_shows_from_outside():
    assert looks_around(regex_parser.parse("(?:a|b(?=c))*").node)
    assert not looks_around(regex_parser.parse("(?:a|bc)*").node)
