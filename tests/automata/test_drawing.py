"""Automata and rules as graphs."""

from __future__ import annotations

import pytest

import constrain
from constrain.automata.drawing import to_dot
from constrain.decoding.explain import show_class
from constrain.errors import SpecError

NESTED = constrain.cfg('start: "(" start ")" | word\nword: /[a-z]+/', lexer="scannerless")


def test_an_automaton():
    assert to_dot(constrain.regex("a[bc]*"), show_class).splitlines() == [
        "digraph {",
        '  rankdir=LR; node [shape=circle label=""]; begin [shape=point]',
        "  begin -> 1",
        "  2 [shape=doublecircle]",
        '  1 -> 2 [label="[a]"]',
        '  2 -> 2 [label="[bc]"]',
        "}",
    ]


def test_rules():
    whole = to_dot(NESTED, show_class)
    assert '[label="<start>"]' in whole
    start = to_dot(NESTED, show_class, "start")
    for label in ('"\\"(\\""', '"<start>"', '"\\")\\""', '"<word>"'):
        assert f"[label={label}]" in start
    assert '[label="like \\"a\\""]' in to_dot(NESTED, show_class, "word")


def test_a_contextual_grammar():
    grammar = constrain.cfg('start: "if" NAME start?\nNAME: /[a-z]+/')
    assert '[label="NAME"]' in to_dot(grammar, show_class, "start")


def test_a_rule_that_is_not_there():
    with pytest.raises(SpecError, match='no rule "x" to draw; there are start, word'):
        to_dot(NESTED, show_class, "x")
