"""Trees without looks and algebra mean what the trees with them did."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from oracles import derivatives, positions
from strategies import patterns, regex_nodes, texts

from constrain.automata import dfa
from constrain.automata.dfa import Automaton
from constrain.automata.lookaround import eliminate
from constrain.automata.regex_to_dfa import from_node
from constrain.automata.resolve import resolve
from constrain.errors import LimitExceeded, RegexSyntaxError, Unsupported
from constrain.syntax.anchors import END, START
from constrain.syntax.regex_analysis import walk
from constrain.syntax.regex_ast import (
    ANY_CHAR,
    NOTHING,
    Chars,
    Complement,
    Concat,
    Intersect,
    Node,
    Repeat,
    Text,
    Union,
)
from constrain.syntax.regex_edges import decided
from constrain.syntax.regex_parser import parse

CORPUS = tomllib.loads((Path(__file__).parents[1] / "corpus" / "regex.toml").read_text("utf-8"))
ERRORS = {"syntax": RegexSyntaxError, "unsupported": Unsupported, "limit": LimitExceeded}
ANYTHING = Repeat(ANY_CHAR, 0, None)


def accepts(node: Node, text: str) -> bool:
    return dfa.accepts(from_node(node), text.encode())


def is_plain(node: Node) -> bool:
    return {type(part) for part in walk(node)} <= {Chars, Text, Concat, Union, Repeat, Automaton}


@settings(max_examples=200)
@given(regex_nodes(looks=True), st.lists(texts(max_size=5), min_size=1, max_size=4))
def test_looks_agree_with_positions(node: Node, samples: list[str]):
    plain = resolve(node)
    assert is_plain(plain)
    for text in samples:
        assert accepts(plain, text) == positions.matches(node, text), text


@settings(max_examples=200)
@given(
    patterns(anchors=True, looks=True),
    st.sampled_from(["", "m", "a"]),
    st.lists(texts("abéB\n ", max_size=5), min_size=1, max_size=4),
)
def test_patterns_agree_with_re(pattern: str, flags: str, samples: list[str]):
    expected = re.compile(pattern, sum(getattr(re, letter.upper()) for letter in flags))
    plain = resolve(parse(pattern, flags).node)
    for text in samples:
        assert accepts(plain, text) == bool(expected.fullmatch(text)), text


@settings(max_examples=250)
@given(
    patterns(anchors=True, looks=True, atomic=True),
    st.lists(texts("abéB\n", max_size=5), min_size=1, max_size=4),
)
def test_atomic_groups_agree_with_re(pattern: str, samples: list[str]):
    expected = re.compile(pattern)
    node = parse(pattern).node
    try:
        plain = resolve(node)
    except LimitExceeded:  # nested in each other, and in loops of what may be empty
        plain = None
    for text in samples:
        found = bool(expected.fullmatch(text))
        assert positions.matches(node, text) == found, text
        assert plain is None or accepts(plain, text) == found, text


@pytest.mark.parametrize(
    "pattern",
    [
        "(?>a|ab|abc|abcd|b|bc|bcd)+z",
        r"(?>[^()]+|\((?>[^()]+|\([^()]*+\))*+\))*+",
        "(?>" + "|".join(f"w{i}x" * (1 + i % 3) for i in range(40)) + ")y?",
        r"(?:\d++\.)*+\d++",
    ],
)
def test_atomic_groups_of_the_usual_kind_are_no_matter(pattern: str):
    plain = resolve(parse(pattern).node)
    for text in ("abcz", "az", "a(b(c)d)e", "a(", "w1xw1xy", "w0x", "w0xw1xy", "1.23.4", "1."):
        assert accepts(plain, text) == bool(re.fullmatch(pattern, text)), text


def test_possessive_repetition_of_characters_needs_no_automaton():
    for pattern in (r"[a-z]++@[a-z]++\.[0-9]*+", r'"[^"]*+"|(?:a++,)*+'):
        plain = resolve(parse(pattern).node)
        assert not any(isinstance(part, Automaton) for part in walk(plain))


@given(regex_nodes(algebra=True), texts())
def test_algebra_agrees_with_derivatives(node: Node, text: str):
    plain = resolve(node)
    assert is_plain(plain)
    assert accepts(plain, text) == derivatives.matches(node, text)


@given(regex_nodes(algebra=True) | regex_nodes(looks=True))
def test_nothing_if_and_only_if_empty(node: Node):
    plain = resolve(node)
    assert (plain == NOTHING) == dfa.is_empty(from_node(plain))
    for part in walk(plain):
        assert not isinstance(part, Automaton) or not dfa.is_empty(part.dfa)


@given(regex_nodes(looks=True), regex_nodes(looks=True), texts())
def test_looks_below_algebra_of_whole_texts(a: Node, b: Node, text: str):
    node = Intersect((a, Complement(b)))
    assert accepts(resolve(node), text) == positions.matches(node, text)


@given(regex_nodes())
def test_plain_trees_come_back_as_they_are(node: Node):
    assert resolve(node) is node


@pytest.mark.parametrize(
    ("pattern", "node"),
    [
        ("^abc$", Text(b"abc")),
        (r"\A(?:a|b)\Z", parse("a|b").node),
        ("(^a|b)c", parse("bc|ac").node),
        ("^.{0,5000}x.{0,5000}$", parse(".{0,5000}x.{0,5000}").node),
        ("(?:^a$)?", parse("(?:)|a").node),
        ("a$b", NOTHING),
        ("a^b", NOTHING),
        ("a$\n", Text(b"a\n")),
    ],
)
def test_anchors_vanish_without_an_automaton(pattern: str, node: Node):
    assert eliminate(parse(pattern).node) == node


def test_search_for_an_anchored_pattern_stays_a_tree():
    searched = Concat((ANYTHING, parse("^ab|c$").node, ANYTHING))
    plain = resolve(searched)
    assert not any(isinstance(part, Automaton) for part in walk(plain))
    for text, expected in {"ab": 1, "abx": 1, "xab": 0, "xc": 1, "cx": 0, "xc\n": 1}.items():
        assert accepts(plain, text) == bool(expected)


def test_only_what_a_look_sees_becomes_an_automaton():
    behind = eliminate(parse(r"a(?<!b)c{0,5000}").node)
    assert isinstance(behind, Concat)
    assert behind.items[1:] == (parse("c{0,5000}").node,)
    ahead = eliminate(parse(r"c{0,5000}(?!b)a").node)
    assert isinstance(ahead, Concat)
    assert ahead.items[:1] == (parse("c{0,5000}").node,)


@pytest.mark.parametrize(
    "pattern",
    [r"\b\w{2,5}\b", r"\bfoo\b", r"a(?!b)c|(?<=\d)x", r"[a-z]+(?=,),.(?!x)"],
)
def test_looks_that_their_neighbours_answer_need_no_automaton(pattern: str):
    plain = resolve(parse(pattern).node)
    assert not any(isinstance(part, Automaton) for part in walk(plain))
    for text in ("", "ab", "foo", "foo ", "ab,c,", "ac", "1x", "x", "ab,", "ab,x", "a" * 6):
        assert accepts(plain, text) == bool(re.fullmatch(pattern, text)), text


@given(patterns(anchors=True, looks=True), st.lists(texts("ab\n ", max_size=4), max_size=4))
def test_deciding_looks_changes_nothing(pattern: str, samples: list[str]):
    node = parse(pattern).node
    simpler, inner = decided(node, whole=True), decided(node)
    for text in samples:
        assert positions.matches(simpler, text) == positions.matches(node, text), text
        assert positions.matches(inner, text) == positions.matches(node, text), text


def test_many_anchored_alternatives():
    """Too many to write out: 3 to the power of 8."""
    node = parse("(?:a|^b|c$)?" * 8).node
    plain = resolve(node)
    for text in ("", "a", "ba", "ab", "aac", "ca", "bac", "bc", "b" * 8):
        assert accepts(plain, text) == positions.matches(node, text)


def test_deepest_trees():
    pattern = "a"
    for _ in range(45):
        pattern = f"(?:b{pattern}|^c)*"
    node = parse(pattern).node
    for tree in (node, Intersect((node, ANYTHING))):
        found = resolve(tree)
        for text in ("", "c", "cb", "b" * 45 + "a", ("b" * 45 + "a") * 2):
            assert accepts(found, text)
        for text in ("a", "bc", "cbc"):
            assert not accepts(found, text)


@pytest.mark.parametrize(
    "pattern",
    [
        "(?!x)(?s:.)*a(?s:.){14}",
        "".join(f"(?=.*{chr(c)})" for c in range(97, 112)) + ".*",
        "(?:(?:(?:a)*(?:(?:a){1,2}+){2,})++){1,2}+",
    ],
)
def test_budget(pattern: str):
    with pytest.raises(LimitExceeded):
        resolve(parse(pattern).node)


def test_looks_inside_algebra_of_a_part_are_refused():
    with pytest.raises(Unsupported, match="look"):
        resolve(Concat((Text(b"a"), Complement(END))))
    with pytest.raises(Unsupported, match="look"):
        resolve(Repeat(Intersect((START, Text(b"a"))), 0, None))


@pytest.mark.parametrize("case", CORPUS["regex"], ids=lambda case: case["pattern"])
def test_corpus(case: dict[str, Any]):
    flags = case.get("flags", "")
    expected = re.compile(case["pattern"], sum(getattr(re, x.upper()) for x in flags))
    plain = resolve(parse(case["pattern"], flags).node)
    for text in case["accepts"] + case["rejects"]:
        assert accepts(plain, text) == (text in case["accepts"]), text
        assert bool(expected.fullmatch(text)) == (text in case["accepts"]), f"re, of {text}"


@pytest.mark.parametrize("case", CORPUS["error"], ids=lambda case: case["pattern"])
def test_corpus_errors(case: dict[str, Any]):
    with pytest.raises(ERRORS[case["kind"]]):
        parse(case["pattern"])
