"""Operators on grammars mean what they mean on sets of texts."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings, strategies as st
from oracles import cyk
from strategies_cfg import REGULARS, grammars

import constrain
from constrain.automata.assembly import assembled
from constrain.errors import EmptyLanguage, LimitExceeded, SpecError, Unsupported
from constrain.syntax.combinators import chars, ref, rules, seq, star, union
from constrain.syntax.grammar import Call, Grammar

BYTES = constrain.Vocabulary([*(bytes([b]) for b in range(256)), None], [256])
LONGEST = 4
WORDS = cyk.words(LONGEST)


def members(grammar: Grammar) -> set[bytes]:
    """The short texts over a and b, as the engine sees it."""
    try:
        c = constrain.compile(grammar, BYTES)
    except EmptyLanguage:
        return set()
    return {word for word in WORDS if c.matches(word)}


def truth(grammar: Grammar) -> set[bytes]:
    """The same, of rules without operators, in the slow and obvious way."""
    return cyk.language(grammar.rules, Call(grammar.start), LONGEST)


def pairs(left: set[bytes], right: set[bytes]) -> set[bytes]:
    return {a + b for a in left for b in right if len(a + b) <= LONGEST}


def powers(texts: set[bytes], lo: int, hi: int | None) -> set[bytes]:
    here, found = {b""}, set[bytes]()
    for n in range((lo + LONGEST if hi is None else hi) + 1):
        found |= here if n >= lo else set()
        here = pairs(here, texts)
    return found


regulars = st.sampled_from(REGULARS).map(lambda e: Grammar(("leaf", e), {"start": e}))
any_grammar = grammars() | regulars
COUNTS = [(0, None), (1, None), (0, 1), (2, 2), (1, 3), (0, 0)]


@settings(max_examples=60)
@given(any_grammar, any_grammar)
def test_sequences_and_choices(a: Grammar, b: Grammar):
    x, y = truth(a), truth(b)
    assert members(a + b) == pairs(x, y)
    assert members(a | b) == x | y
    assert members((a | b) + a) == pairs(x | y, x)


@settings(max_examples=40)
@given(any_grammar, any_grammar, st.sampled_from(COUNTS))
def test_repetitions(a: Grammar, b: Grammar, counts: tuple[int, int | None]):
    x, y = truth(a), truth(b)
    lo, hi = counts
    assert members(a.repeat(lo, hi)) == powers(x, lo, hi)
    assert members(a.optional()) == x | {b""}
    rest = powers(pairs(y, x), max(lo - 1, 0), None if hi is None else max(hi - 1, 0))
    some = pairs(x, rest) if hi != 0 else set[bytes]()
    assert members(a.separated_by(b, lo, hi)) == (some if lo else some | {b""})


@settings(max_examples=60)
@given(any_grammar, regulars)
def test_products(a: Grammar, r: Grammar):
    x, y = truth(a), truth(r)
    assert members(a & r) == members(r & a) == x & y
    assert members(a - r) == x - y


@settings(max_examples=40)
@given(any_grammar, regulars, regulars)
def test_laws(a: Grammar, r: Grammar, s: Grammar):
    assert members((a - r) | (a & r)) == members(a)
    assert members(a - (r | s)) == members((a - r) - s)
    assert members(a & (r | s)) == members((a & r) | (a & s))
    assert members((a & r) & s) == members(a & (r & s))
    assert members((a - r) & r) == set()


# ------------------------------------------------------------------ names and keys

NESTED = constrain.cfg('start: "(" start ")" | x\nx: "x"', lexer="scannerless")
OTHER = constrain.cfg('start: "[" start "]" | x\nx: "y"', lexer="scannerless")


def test_rules_of_the_same_name_are_kept_apart():
    c = constrain.compile(NESTED + OTHER, BYTES)
    assert c.matches("((x))[y]")
    assert not c.matches("((y))[y]")
    assert not c.matches("([x])[y]")


def test_rules_inside_of_texts_stay_unread():
    inner = constrain.json_schema({"type": "array", "items": {"type": "integer"}})
    wrapped = "<" + inner + ">" + inner + "!"
    assert assembled(wrapped).ready
    c = constrain.compile(wrapped, BYTES)
    assert c.matches("<[1]>[2,3]!")
    assert not c.matches("<[1]>[x]!")
    assert not assembled("<" + constrain.substring_of("a b") + ">").ready
    assert constrain.compile("<" + constrain.substring_of("a b") + ">", BYTES).matches("<>")


def test_a_grammar_that_is_used_twice_is_there_once():
    assert len(assembled(NESTED + "," + NESTED).rules) == len(NESTED.rules) + 1


def test_rules_that_mean_the_same_keep_their_names():
    names = set(assembled(constrain.json() + constrain.json_schema({"type": "array"})).rules)
    assert "json:value" in names
    assert not any(getattr(name, "rule", None) == "json:value" for name in names)


def test_keys_tell_the_content():
    a, b = constrain.regex("a"), constrain.regex("b")
    made = [a + b, b + a, a | b, a & b, a - b, a.repeat(), a.repeat(1), a.optional(), a + b + a]
    made += [rules(x=a + ref("x")), rules(y=a + ref("y")), rules(x=a + ref("x"), y=b)]
    assert len({g.key for g in made}) == len(made)
    assert a + b == constrain.regex("a") + constrain.regex("b")
    assert a + "b" + "c" == seq(a, "b", "c")
    assert pickle.loads(pickle.dumps(a + b | "c")) == (a + b | "c")


def test_texts_stand_for_themselves():
    assert members("b" + constrain.literal("a")) == {b"ba"}
    assert members("b" | constrain.literal("a") | b"ab") == {b"a", b"b", b"ab"}
    assert members("ab" & constrain.regex("a.")) == {b"ab"}
    assert members("ab" - constrain.regex("a.")) == set()


def test_what_is_no_operand():
    a = constrain.literal("a")
    with pytest.raises(SpecError, match="found 5"):
        _ = a + 5  # type: ignore
    with pytest.raises(SpecError, match="impossible"):
        a.repeat(3, 2)
    with pytest.raises(SpecError, match="surrogate"):
        _ = a | "\ud800"


def test_many_parts():
    words = [f"w{i:03}" for i in range(500)]
    grammar = constrain.literal("w")
    for word in words:
        grammar = grammar | word
    assert constrain.compile(grammar, BYTES).matches("w499")
    doubled = constrain.literal("a")
    for _ in range(12):
        doubled = doubled + doubled
    assert constrain.compile(doubled, BYTES).matches("a" * 4096)
    assert not constrain.compile(doubled, BYTES).matches("a" * 4095)


def test_grammars_nested_too_deeply():
    grammar = constrain.literal("x")
    for _ in range(2000):
        grammar = ("(" + grammar + ")").optional()
    with pytest.raises(LimitExceeded, match="nesting"):
        constrain.compile(grammar, BYTES)


# ------------------------------------------------------------------ rules as code


def test_rules_that_hold_each_other():
    value = ref("value")
    grammar = rules(
        value=chars("0-9").repeat(1) | ref("list"),
        list="[" + value.separated_by(",") + "]",
    )
    c = constrain.compile(grammar, BYTES)
    assert c.matches("[1,[22,[]],3]")
    assert not c.matches("[1,]")
    assert constrain.compile(rules("list", list=grammar, x="y"), BYTES).matches("[[]]")


def test_inner_rules_see_the_names_of_the_outer_ones_and_hide_them():
    inner = rules(b="b" + ref("a").optional())
    assert members(rules(a="a" + inner)) == {b"ab", b"abab"}
    hiding = rules(a="b" + ref("a").optional())
    assert members(rules(a="a" + hiding)) == {b"ab", b"abb", b"abbb"}


def test_references_that_are_defined_nowhere():
    with pytest.raises(SpecError, match='the rule "b" is used but defined nowhere'):
        constrain.compile(rules(a="a" + ref("b")), BYTES)
    with pytest.raises(SpecError, match='no rule "c"'):
        rules("c", a="a")


def test_combinators():
    assert members(seq("a", union("a", "b"), star("b"))) == {
        b"aa", b"ab", b"aab", b"abb", b"aabb", b"abbb",
    }  # fmt: skip
    assert members(chars("^a")) == {b"b"}
    with pytest.raises(SpecError, match="class"):
        chars("a][b")


# ------------------------------------------------------------------ what is refused

CONTEXTUAL = constrain.cfg("start: NAME+\nNAME: /[a-z]+/\n%ignore / /")


def test_a_contextual_lexer_is_refused_as_a_part_and_can_be_read_without():
    for make in (lambda g: g + "x", lambda g: "x" | g, lambda g: g.repeat(), lambda g: g & "x"):
        with pytest.raises(Unsupported, match="scannerless"):
            make(CONTEXTUAL)
    plain = constrain.cfg("start: NAME+\nNAME: /[a-z]+/\n%ignore / /", lexer="scannerless")
    ours, theirs = (constrain.compile(g, BYTES) for g in (CONTEXTUAL.scannerless(), plain))
    for text in ("a", "  ab  c ", "", " ", "A"):
        assert ours.matches(text) == theirs.matches(text)
    assert constrain.compile("<" + CONTEXTUAL.scannerless() + ">", BYTES).matches("<ab c >")


def test_products_without_a_regular_side():
    with pytest.raises(Unsupported, match="regular"):
        constrain.compile(NESTED & OTHER, BYTES)
    with pytest.raises(Unsupported, match="recursive"):
        constrain.compile(constrain.regex(".*") - NESTED, BYTES)
    with pytest.raises(Unsupported, match="leads to itself"):
        constrain.compile(rules(a="a" + (ref("a") & constrain.regex("a*")).optional()), BYTES)


def test_a_product_without_a_text():
    with pytest.raises(EmptyLanguage):
        constrain.compile(NESTED & constrain.regex("[()]*"), BYTES)


def test_products_of_json():
    short = constrain.compile(constrain.json() & constrain.regex(r"(?s).{1,6}"), BYTES)
    assert short.matches("[1,[]]")
    assert not short.matches("[1,[ ]]")
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {}}}
    other = constrain.json_schema(schema) - constrain.regex(r"(?s).*secret.*")
    c = constrain.compile(other, BYTES)
    assert c.matches('{"a":"x","b":[1]}')
    assert not c.matches('{"a":"x","b":["secret"]}')
    assert not c.matches('{"a":1}')


def test_what_a_product_does_not_touch_stays_as_it_is():
    text = seq("<", constrain.json(), ">")
    assert "json:string" in assembled(text - constrain.regex("[^<].*")).rules
