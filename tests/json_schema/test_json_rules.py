"""The standard rules against Python's reader of JSON."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from oracles.json_expr import matches

from constrain.automata.json_rules import json_grammar, rule_name, standard_calls, standard_rules
from constrain.syntax.grammar import Call, Grammar

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=3),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=lambda name: 1 / 0)
    except (ValueError, ZeroDivisionError):
        return False
    return True


@given(VALUES, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_in_every_layout(value: Any, indent: Any, ascii_only: bool):
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    assert matches(json_grammar(), f"\r\n {text} \t")


@given(st.text('[]{},: "\\au0139.eE+-tr\n', max_size=9))
@example('{"a" :1,"a":2}')
@example('{"\\u0061":{}}')
@example("01")
@example('"\x00"')
@example("[1,]")
@example("")
def test_nothing_else(text: str):
    assert matches(json_grammar(), text) == is_json(text)


def test_a_value():
    assert pickle.loads(pickle.dumps(json_grammar())) == json_grammar()


@pytest.mark.parametrize("limit", [None, 0, 2])
def test_sets_of_rules(limit: int | None):
    rules = standard_rules(limit)
    calls = standard_calls(limit)
    assert {call.rule for call in calls.values()} <= rules.keys()
    value = Grammar(key=limit, rules=rules, start=rule_name("value", limit))
    for n in range(4):
        fits = limit is None or n <= limit
        assert matches(value, f'{{"a":{n * " "}[1{n * " "}]}}') == fits
        assert matches(value, f"[{n * ' '}]") == fits


@pytest.mark.parametrize("zero_fractions", [True, False])
def test_integers(zero_fractions: bool):
    call = standard_calls(None, zero_fractions)["integer"]
    assert isinstance(call, Call)
    integers = Grammar(key="i", rules=standard_rules(), start=call.rule)
    assert matches(integers, "-10")
    assert matches(integers, "10.00") == zero_fractions
    assert not matches(integers, "1.5")
    assert not matches(integers, "1e1")
