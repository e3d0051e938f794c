"""GBNF: the corpus on the engine, random grammars against a slow interpreter, errors."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from oracles import chart

import constrain
from constrain.errors import (
    EmptyLanguage,
    GrammarSyntaxError,
    LimitExceeded,
    SpecError,
    Unsupported,
)
from constrain.syntax import regex_ast as rx
from constrain.syntax.gbnf import parse
from constrain.syntax.grammar import Call, Literal, Regular, Repeat, Sequence

CORPUS = tomllib.loads((Path(__file__).parents[1] / "corpus" / "gbnf.toml").read_text("utf-8"))
BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [None], [256])


@pytest.mark.parametrize("entry", CORPUS["grammar"], ids=lambda entry: entry["name"])
def test_corpus(entry: dict[str, Any]):
    constraint = constrain.compile(constrain.cfg(entry["text"], syntax="gbnf"), BYTES)
    assert [text for text in entry["accepts"] if not constraint.matches(text)] == []
    assert [text for text in entry["rejects"] if constraint.matches(text)] == []


# ------------------------------------------------------------------ random grammars

NAMES = ("root", "x", "y-1")


def expressions() -> st.SearchStrategy[Any]:
    leaves = st.one_of(
        st.sampled_from(["a", "b", "ab", "é", ""]),
        st.tuples(st.just("set"), st.sampled_from(["a", "bé", "ab"]), st.booleans()),
        st.sampled_from(NAMES).map(lambda name: ("call", name)),
    )

    def extend(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
        several = st.lists(inner, min_size=2, max_size=3)
        counts = st.sampled_from([(0, None), (1, None), (0, 1), (2, 2), (0, 2), (1, 3), (2, None)])
        return st.one_of(
            several.map(lambda items: ("seq", *items)),
            several.map(lambda items: ("or", *items)),
            st.tuples(inner, counts).map(lambda pair: ("times", pair[0], *pair[1])),
        )

    return st.recursive(leaves, extend, max_leaves=5)


def written(expr: Any) -> str:
    match expr:
        case str():
            return f'"{expr}"'
        case "set", characters, negated:
            return f"[{'^' * negated}{characters}]"
        case "call", name:
            return name
        case "seq", *items:
            return f"({' '.join(map(written, items))})"
        case "or", *items:
            return f"({' | '.join(map(written, items))})"
        case "times", item, least, most:
            short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
            long = (
                f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"
            )
            return f"({written(item)}){short or long}"
    raise NotImplementedError(expr)


@settings(max_examples=80)
@given(
    st.tuples(expressions(), expressions(), expressions()),
    st.lists(st.text("abé", max_size=4), min_size=1, max_size=4),
)
def test_random_grammars_agree_with_an_interpreter(found: tuple[Any, ...], samples: list[str]):
    rules = dict(zip(NAMES, found, strict=True))
    text = "\n".join(f"{name} ::= {written(expr)} # rule" for name, expr in rules.items())
    expected = {sample: chart.matches(rules, "root", sample) for sample in samples}
    try:
        constraint = constrain.compile(constrain.cfg(text, syntax="gbnf"), BYTES)
    except EmptyLanguage:
        assert not any(expected.values())
        return
    assert {sample: constraint.matches(sample) for sample in samples} == expected


# ------------------------------------------------------------------ structure and errors


def test_what_calls_nothing_is_one_regular_expression():
    rules = parse('root ::= "a" ([b-c] "d" | .)* x "e" "f"\nx ::= "g"').rules
    start = rules["root"]
    assert isinstance(start, Sequence)
    assert [type(item) for item in start.items] == [Regular, Call, Literal]
    assert start.items[2] == Literal(b"ef")
    assert parse("root ::= (x){2,3}\nx ::= [^a]").rules["root"] == Repeat(Call("x"), 2, 3)
    assert parse("root ::= .").rules["root"] == Regular(rx.ANY_CHAR)


def test_start_and_lexer():
    text = 'root ::= "a"\nother ::= "b"'
    assert constrain.cfg(text, "other", syntax="gbnf").start == "other"
    assert constrain.cfg(text, syntax="gbnf", lexer="scannerless") == parse(text)
    with pytest.raises(SpecError, match="no lexer"):
        constrain.cfg(text, syntax="gbnf", lexer="contextual")


def test_tokens_are_kept_for_the_vocabulary():
    text = "root ::= <think> !</think>* <[7]> | !<[10-20,30]>+"
    assert parse(text).tokens == (
        rx.Token("<think>"),
        rx.Token("</think>", others=True),
        rx.Token(None, ((7, 7),)),
        rx.Token(None, ((10, 20), (30, 30)), others=True),
    )


@pytest.mark.parametrize(
    ("text", "message", "marked"),
    [
        ('root ::= "a', "string is never closed", '"'),
        ("root ::= [a", "set is never closed", "["),
        ("root ::= []", "set is empty", "[]"),
        ('root ::= ("a"', "group is never closed", "("),
        ('root ::= "a")', "expected the end of the line", ")"),
        ("root ::= ()) ", "expected the end of the line", ")"),
        ("root ::= x", 'no rule "x"', "x"),
        ('root "a"', 'expected "::="', '"a"'),
        ('root ::= "a"\nroot ::= "b"', "more than once", "root"),
        ('root ::= "a" ::= "b"', "expected the end of the line", "::="),
        ('::= "a"', "begins with its name", "::="),
        (r'root ::= "\q"', "no meaning", r"\q"),
        (r'root ::= "\x4"', "no meaning", r"\x"),
        (r'root ::= "\UFFFFFFFF"', "no meaning", r"\UFFFFFFFF"),
        (r'root ::= "\ud800"', "lone surrogate", r"\ud800"),
        ("root ::= [z-a]", "range is empty", "z-a"),
        ('root ::= "a"{2,1}', "the most is smaller", "{2,1}"),
        ('root ::= "a"{x}', "no count", "{"),
        ("root ::= * ", "expected the end of the line", "*"),
        ('root ::= "a" = "b"', "means nothing here", "="),
        ("root ::= <[7-]>", "no token id", "7-"),
    ],
)
def test_errors_have_their_place(text: str, message: str, marked: str):
    with pytest.raises(GrammarSyntaxError, match=message) as caught:
        parse(text)
    assert caught.value.span is not None
    found = text[slice(*caught.value.span)]
    assert found == marked


def test_a_missing_start_names_the_rules():
    for text in ("", "# nothing", 'other ::= "a"'):
        with pytest.raises(GrammarSyntaxError, match='no rule "root" to start with'):
            parse(text)


def test_limits():
    with pytest.raises(LimitExceeded):
        parse("root ::= " + "(" * 5_000 + '"a"' + ")" * 5_000)
    with pytest.raises(LimitExceeded):
        parse('root ::= "a"{99999999999999}')
    with pytest.raises(Unsupported, match="any one token but some") as caught:
        parse("root ::= !<x> .")
    assert caught.value.where == (9, 13)
