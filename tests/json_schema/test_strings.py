"""Patterns: from ECMA-262 to trees, and from strings to their JSON spelling."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, strategies as st
from oracles import positions
from oracles.json_expr import regex_ends
from strategies import regex_nodes

from constrain.errors import Unsupported
from constrain.json_schema import ecma, names, patterns, strings
from constrain.json_schema.facets import Facet
from constrain.syntax import regex_ast as regex

AWKWARD = 'a"\\\n\x01é/'


def matches(node: regex.Node, text: str) -> bool:
    return len(text) in regex_ends(node, text, 0)


def found_in(pattern: str, text: str) -> bool:
    return names.is_in(patterns.content(pattern), text)


def facets(*some: str) -> tuple[Facet, ...]:
    return tuple(Facet("pattern", pattern) for pattern in some)


def spelled(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)[1:-1]


@given(regex_nodes(AWKWARD, algebra=True), st.text(AWKWARD, max_size=4))
def test_a_string_is_in_the_language_if_its_spelling_is(node: regex.Node, text: str):
    if "Complement" not in repr(node):
        assert matches(strings.encoded(node), spelled(text)) == positions.matches(node, text)
    automaton = patterns.resolved(regex.Intersect((node, node)))
    encoded = strings.encoded(automaton)
    assert matches(encoded, spelled(text)) == positions.matches(node, text)


@given(regex_nodes(AWKWARD), st.text('\\"nu01a\n', max_size=6))
def test_all_that_is_spelled_is_a_string(node: regex.Node, text: str):
    if matches(strings.encoded(node), text):
        assert spelled(json.loads(f'"{text}"')) == text


PATTERNS = ["a", "^a", "a$", "^a$", "^(a|b)*$", "a|^b", "(^a|b$)", "^^a$$", "", "^$", "a^", "$b"]


@pytest.mark.parametrize("pattern", [*PATTERNS, "^(?!a)", "(?<=a)b", r"\bab\b", "(?=a).b"])
@given(text=st.text("ab\n", max_size=4))
def test_a_pattern_is_found_anywhere(pattern: str, text: str):
    expected = re.search(pattern.replace("$", r"\Z"), text) is not None
    assert matches(patterns.content(pattern), text) == expected
    assert found_in(pattern, text) == expected
    assert names.is_in(patterns.names(pattern), text) == expected


@pytest.mark.parametrize("pattern", ["^a*$", "^x[ab]+$", "^a?b?$", "a", "^(ab)*$", "^(?!b)a*b*$"])
@given(lo=st.integers(0, 4), width=st.none() | st.integers(-1, 3), text=st.text("abx", max_size=7))
def test_lengths(pattern: str, lo: int, width: int | None, text: str):
    hi = None if width is None else max(0, lo + width)
    node = strings.content(facets(pattern), lo, hi)
    fits = lo <= len(text) and (hi is None or len(text) <= hi)
    assert matches(node, text) == (fits and found_in(pattern, text))


@given(st.lists(st.sampled_from(["a", "^b", "b$", "^[ab]*$"]), min_size=1, max_size=3, unique=True))
def test_patterns_together(some: list[str]):
    node = strings.content(facets(*some), 0, None)
    for text in ("", "a", "b", "ba", "bab", "baxb", "ab"):
        assert matches(node, text) == all(found_in(one, text) for one in some)


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        (r"^\d\w\s$", ["1_ ", "0a\u00a0", "9Z\ufeff"], ["٣a ", "1é ", "1a\x85"]),
        (r"^[\s]\S[^\S]$", [" a\u2028", "\u3000é "], ["aa ", "  a"]),
        (r"^[^\s\d]$", ["a"], ["1", "\u00a0"]),
        (r"^[\S]$", ["\u200b", "a"], ["\u200a", "\ufeff"]),
        ("^.$", ["\x85", "a"], ["\n", "\r", "\u2028", "\u2029"]),
        ("^[^]$", ["\n", "a"], ["", "aa"]),
        ("^[]$", [], ["", "a", "[]"]),
        ("^(a|[])$", ["a"], ["[]"]),
        (r"a$", ["ba"], ["a\n"]),
        (r"^(?<year>\d{4})$", ["2024"], ["year"]),
        (r"^\u{1F600}\uD83D\uDE00\u0041$", ["😀😀A"], ["😀A"]),
        (r"^[\u{1F600}-\u{1F602}]$", ["😁"], ["😃"]),
        (r"^\cA\0\x41\/\-$", ["\x01\x00A/-"], ["cA0A/-"]),
        (r"^[\0-\x02]$", ["\x01"], ["0"]),
        (r"^\]\[$", ["]["], [""]),
        (r"^[\]\[.$]$", ["]", "[", ".", "$"], ["a"]),
        (r"^[[]$", ["["], ["]"]),
        (r"^[(?<]$", ["(", "?", "<"], ["P"]),
        (r"^(?i)ab$|^(?i:c)$", [], []),
        (r"^\p{L}[\P{Lu}]$", ["éa", "A1"], ["1a", "aA"]),
        (r"^x{2}y{1,}z{0,1}$", ["xxyz", "xxyy"], ["xy"]),
    ],
)
def test_ecma_patterns(pattern: str, found: list[str], not_found: list[str]):
    if not found and not not_found:
        assert ecma.to_python(pattern) == pattern.replace("$", r"\Z")
        return
    node = patterns.content(pattern)
    assert [text for text in found if not matches(node, text)] == []
    assert [text for text in not_found if matches(node, text)] == []


@pytest.mark.parametrize(
    "pattern",
    [r"(?<a>x)\k<a>", r"\A", r"x\Z", r"\e", "a{,3}", r"[\_\h]", r"\01"],
)
def test_refused_patterns(pattern: str):
    with pytest.raises(Unsupported):
        patterns.content(pattern)
