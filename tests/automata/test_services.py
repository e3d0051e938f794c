"""Questions about languages, answered as by listing all their short texts."""

from __future__ import annotations

from contextlib import suppress
from itertools import islice

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from oracles import cyk, derivatives
from strategies import ALPHABET, regex_nodes
from strategies_cfg import REGULARS, grammars

import constrain
from constrain.automata import comparing, counting, enumeration, members
from constrain.automata.lookahead import is_deterministic
from constrain.automata.productions import productions
from constrain.errors import EmptyLanguage, LimitExceeded, SpecError, Unsupported
from constrain.syntax.combinators import ref, rules
from constrain.syntax.grammar import Call, Grammar, Regular
from constrain.syntax.regex_ast import Node

LONGEST = 4
regulars = st.sampled_from(REGULARS).map(lambda e: Grammar(("leaf", e), {"start": e}))
trees = regex_nodes(algebra=True).map(lambda n: Grammar(("tree", n), {"start": Regular(n)}))


def truth(grammar: Grammar) -> list[bytes]:
    """The texts of up to LONGEST bytes, in order."""
    found = cyk.language(grammar.rules, Call(grammar.start), LONGEST)
    return sorted(found, key=lambda text: (len(text), text))


def nested(open_: str, close: str) -> Grammar:
    """Balanced brackets."""
    inside = ref("s")
    return rules(s=(open_ + inside + close + inside).optional())


DYCK = nested("(", ")")
AMBIGUOUS = rules(e=ref("e") + "+" + ref("e") | "x")


@settings(max_examples=50)
@given(grammars())
def test_members_of_grammars(grammar: Grammar):
    texts = truth(grammar)
    upto = list(islice(enumeration.enumerate(grammar), len(texts)))
    assert upto == texts
    assert members.is_empty(grammar) == (members.shortest(grammar) is None)
    if texts:
        assert members.shortest(grammar) == texts[0]
    if members.is_finite(grammar):
        everything = list(enumeration.enumerate(grammar))
        longest = max(everything, key=len, default=None)
        assert enumeration.longest(grammar) == longest
    else:
        with pytest.raises(LimitExceeded, match="any length"):
            enumeration.longest(grammar)


@settings(max_examples=50)
@given(grammars() | regulars)
def test_counts_are_those_of_enumeration(grammar: Grammar):
    texts = truth(grammar)
    try:
        counts = [counting.count(grammar, n) for n in range(LONGEST + 1)]
    except Unsupported:
        return
    assert counts == [sum(len(text) == n for text in texts) for n in range(LONGEST + 1)]


@settings(max_examples=40)
@given(grammars())
def test_what_is_proved_unambiguous_has_as_many_derivations_as_texts(grammar: Grammar):
    try:
        flat = members.flat(grammar)
    except LimitExceeded:
        return
    if flat is None or not is_deterministic(flat):
        return
    table = counting.Counts(flat)
    table.extend(LONGEST)
    assert sum(table.counts[flat.start]) == len(truth(grammar))


@pytest.mark.parametrize(
    ("grammar", "proved"),
    [
        (DYCK, True),
        (AMBIGUOUS, False),
        (constrain.json(), True),
        (constrain.cfg("start: start /[a-z]/ |", lexer="scannerless"), True),
        (constrain.cfg('start: "a" start "a" | "a"', lexer="scannerless"), False),  # not LR(1)
    ],
)
def test_proofs(grammar: Grammar, proved: bool):
    flat = members.flat(grammar)
    assert flat is not None
    assert is_deterministic(flat) == proved


def test_known_counts():
    catalan = [1, 1, 2, 5, 14, 42, 132, 429]
    assert [counting.count(DYCK, 2 * n) for n in range(8)] == catalan
    assert counting.count(DYCK, 7) == 0
    assert counting.count(constrain.regex(r"\d{3}"), 3) == 1000
    assert counting.count(constrain.regex("."), 4) == 0x10FFFF - 0xFFFF
    assert counting.count(constrain.regex("(a|a)*a?"), 500) == 1
    assert counting.count(constrain.regex("[ab]*"), 2000) == 2**2000
    assert counting.count(constrain.choice(["a", "ab", "ac"]), 2) == 2
    assert counting.count(constrain.literal("x") & "y", 1) == 0


def test_counts_of_json():
    texts = enumeration.Enumeration(members.flat(constrain.json()) or productions({}, 0))
    for length in range(4):
        listed = sum(1 for _ in texts.of_length(length))
        assert counting.count(constrain.json(), length) == listed


def test_what_cannot_be_counted():
    with pytest.raises(Unsupported, match="ambiguous"):
        counting.count(AMBIGUOUS, 3)
    with pytest.raises(Unsupported, match="scannerless"):
        counting.count(constrain.library("json"), 3)
    with pytest.raises(SpecError, match="from 0"):
        counting.count(DYCK, -1)


def test_special_tokens_have_no_texts_to_ask_about():
    grammar = constrain.cfg('root ::= <|x|> "a"', syntax="gbnf")
    for ask in (members.is_empty, members.shortest, constrain.inspect, comparing.reverse):
        with pytest.raises(Unsupported, match="special tokens"):
            ask(grammar)


@settings(max_examples=12, deadline=None)
@given(st.data())
def test_whatever_is_composed_answers_or_is_refused(data: st.DataObject):
    some = st.sampled_from([DYCK, AMBIGUOUS, constrain.json(), constrain.regex("a*|b"), *COMPOSED])
    grammar = data.draw(some)
    for _ in range(data.draw(st.integers(1, 3))):
        grammar = data.draw(st.sampled_from(OPERATORS))(grammar, data.draw(some))
    asked = (members.is_empty, members.is_finite, members.shortest, constrain.inspect)
    for ask in (
        *asked,
        lambda g: counting.count(g, 6),
        lambda g: next(enumeration.enumerate(g), 0),
    ):
        with suppress(Unsupported, LimitExceeded):
            ask(grammar)


COMPOSED = [rules(a="a" + ref("a") | ""), constrain.choice(["", "ab"]), constrain.regex(".{2,5}")]
OPERATORS = [
    lambda a, b: a + b,
    lambda a, b: a | b,
    lambda a, b: a & b,
    lambda a, b: a - b,
    lambda a, b: a.separated_by(b, 0, 3),
    lambda a, b: (a + b).repeat(2),
]

# ------------------------------------------------------------------ drawing

# 99.99% points of chi-square with n degrees of freedom (Wilson and Hilferty 1931, within 1%)


def limit(n: int) -> float:
    return n * (1 - 2 / (9 * n) + 3.719 * (2 / (9 * n)) ** 0.5) ** 3


SAMPLED = [
    (DYCK, 10),
    (constrain.regex("(a|bb|[cd]e)*"), 5),
    (constrain.regex("é|[à-ü]|ab"), 2),
    (constrain.cfg('start: start "+" x | x\nx: "1" | "(" start ")"', lexer="scannerless"), 7),
    (constrain.cfg('start: "a" start | b?\nb: b /[xy]/ | "x"', lexer="scannerless"), 4),
    (constrain.choice(["aa", "ab", "b", "cc"]), 2),
]


@pytest.mark.parametrize(("grammar", "length"), SAMPLED)
def test_samples_are_uniform(grammar: Grammar, length: int):
    """Chi-square at the level of 1 in 10,000, with a fixed seed."""
    texts = list(
        enumeration.Enumeration(members.flat(grammar) or productions({}, 0)).of_length(length)
    )
    rng = np.random.default_rng(2026)
    n = 20 * len(texts)
    seen = dict.fromkeys(texts, 0)
    for _ in range(n):
        seen[counting.sample(grammar, length, rng)] += 1
    statistic = sum((found - 20) ** 2 / 20 for found in seen.values())
    assert statistic < limit(len(texts) - 1)


def test_draws_of_large_numbers_are_exact():
    rng = np.random.default_rng(0)
    drawn = [counting.sample(constrain.regex("[ab]{400}"), 400, rng).count(b"a") for _ in range(50)]
    assert 185 < np.mean(drawn) < 215
    assert counting.sample(DYCK, 6, 1) == counting.sample(DYCK, 6, np.random.default_rng(1))
    with pytest.raises(EmptyLanguage, match="5 bytes"):
        counting.sample(DYCK, 5)


# ------------------------------------------------------------------ comparing


@settings(max_examples=50)
@given(trees, trees)
def test_comparisons(a: Grammar, b: Grammar):
    included, equal = comparing.includes(a, b), comparing.equals(a, b)
    back = comparing.includes(b, a)
    assert bool(equal) == (bool(included) and bool(back))
    for found, left, right in ((included, a, b), (equal, a, b)):
        if not found:
            assert found.witness is not None
            text = found.witness.decode()
            sides = [derivatives.matches(node(g), text) for g in (left, right)]
            assert sides == [found.only_in == "left", found.only_in == "right"]
            shorter = [w for w in words(3) if len(w.encode()) < len(found.witness)]
            assert all(
                derivatives.matches(node(right), w) <= derivatives.matches(node(left), w)
                for w in shorter
            )


def node(grammar: Grammar) -> Node:
    expr = grammar.rules["start"]
    assert isinstance(expr, Regular)
    return expr.node


def words(length: int) -> list[str]:
    found = [""]
    for word in found:
        if len(word) < length:
            found += [word + char for char in ALPHABET]
    return found


@settings(max_examples=25)
@given(trees)
def test_reversed_twice_is_the_same(grammar: Grammar):
    back = comparing.reverse(grammar)
    assert comparing.equals(comparing.reverse(back), grammar)
    for word in words(3):
        there = derivatives.matches(node(grammar), word)
        assert comparing.includes(back, constrain.literal(word[::-1])).holds == there


def test_comparisons_with_recursive_grammars():
    assert comparing.includes(constrain.regex(r"[()]*"), DYCK)
    found = comparing.includes(constrain.regex(r"(\(\))*"), DYCK)
    assert (found.witness, found.only_in) == (b"(())", "right")
    assert str(found) == "no: '(())' is only in right"
    with pytest.raises(Unsupported, match="recursive"):
        comparing.includes(DYCK, constrain.regex(r"[()]*"))
    with pytest.raises(Unsupported, match="recursive"):
        comparing.equals(DYCK, DYCK)


def test_recursion_at_the_ends_is_regular():
    right = constrain.cfg('start: "a" start | other | "b"\nother: "c" start', lexer="scannerless")
    left = constrain.cfg('start: start "a" | other | "b"\nother: start "c"', lexer="scannerless")
    assert comparing.equals(right, constrain.regex("[ac]*b"))
    assert comparing.equals(left, constrain.regex("b[ac]*"))
    assert comparing.equals(comparing.reverse(left), right)
    assert comparing.equals(right | left, constrain.regex("[ac]*b|b[ac]*"))


@settings(max_examples=25)
@given(trees, trees)
def test_laws_of_regular_grammars(a: Grammar, b: Grammar):
    assert comparing.equals((a - b) | (a & b), a)
    assert comparing.equals(a | b, b | a)
    assert comparing.equals(a - (a - b), a & b)


def test_emptiness():
    assert members.is_empty(DYCK & "(")
    assert not members.is_empty(constrain.library("json"))
    assert members.is_finite(constrain.choice(["a", "b"]))
    assert not members.is_finite(DYCK)
    assert not members.is_finite(constrain.regex("a*"))
    assert enumeration.longest(constrain.regex("a{2,3}|bcd")) == b"aaa"
    assert members.shortest(constrain.regex("b|ac|(?!x).")) == b"\x00"
