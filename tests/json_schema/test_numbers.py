"""Bounded numbers: the regular language against comparison of exact fractions."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, strategies as st
from oracles.json_expr import regex_ends

from constrain.errors import LimitExceeded
from constrain.json_schema import multiples
from constrain.json_schema.numbers import Interval, decimals, integers, interval, scientific
from constrain.syntax.regex_ast import NOTHING, Node

bounds = st.builds(
    Decimal, st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?", fullmatch=True)
) | st.sampled_from(list(map(Decimal, ["0", "-0", "1E+2", "1E-2", "100.10", "-0.001"])))

intervals = st.builds(
    Interval, st.none() | bounds, st.booleans(), st.none() | bounds, st.booleans()
)

spellings = st.from_regex(
    r"-?(0|[1-9][0-9]{0,4}|[0-9]{1,2})(\.[0-9]{0,4})?", fullmatch=True
) | st.from_regex(r"-?[01]{1,3}(\.[01]{1,3})?", fullmatch=True)


def matches(node: Node, text: str) -> bool:
    return len(text) in regex_ends(node, text, 0)


def holds(within: Interval, value: Fraction) -> bool:
    above = within.lo is None or value > within.lo or (value == within.lo and not within.lo_open)
    below = within.hi is None or value < within.hi or (value == within.hi and not within.hi_open)
    return above and below


def near(within: Interval) -> list[str]:
    """Spellings of the bounds themselves and of their close neighbours."""
    found: list[str] = []
    for bound in (within.lo, within.hi):
        if bound is not None:
            values = [bound, bound + Decimal("0.001"), bound - Decimal("0.001"), bound + 1]
            found += [format(value, "f") for value in [*values, bound - 1, -bound]]
            found += [f"{bound:f}0", f"{bound:f}01", f"{bound:f}.0", f"{bound:f}9"]
    return found


@given(intervals, st.lists(spellings, max_size=20))
@example(
    Interval(Decimal("1.50"), True, Decimal("1.52"), True), ["1.51", "1.500", "1.5001", "1.52"]
)
@example(Interval(Decimal(1), False, Decimal("1.002"), False), ["1", "1.0", "1.00", "1.0021"])
@example(Interval(Decimal("-0.5"), True, Decimal(0), True), ["-0", "0", "-0.0", "-0.49", "-0.5"])
def test_decimals(within: Interval, texts: list[str]):
    node = decimals(within)
    for text in [*texts, *near(within)]:
        is_number = re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?", text) is not None
        assert matches(node, text) == (is_number and holds(within, Fraction(text))), text


@given(intervals, st.lists(spellings, max_size=20), st.booleans())
def test_integers(within: Interval, texts: list[str], zero_fractions: bool):
    node = integers(within, zero_fractions)
    tail = r"(\.0+)?" if zero_fractions else ""
    for text in [*texts, *near(within)]:
        is_integer = re.fullmatch(rf"-?(0|[1-9][0-9]*){tail}", text) is not None
        assert matches(node, text) == (is_integer and holds(within, Fraction(text))), text


@given(intervals)
def test_emptiness(within: Interval):
    assert (decimals(within) == NOTHING) == within.is_empty
    assert (integers(within) == NOTHING) == within.integers().is_empty
    assert within.integers().is_empty or not within.is_empty


@pytest.mark.parametrize(
    ("node", "expected"),
    [
        ({"minimum": 1, "exclusiveMinimum": 1}, Interval(Decimal(1), True)),
        ({"minimum": 2, "exclusiveMinimum": 1}, Interval(Decimal(2))),
        ({"maximum": 0.1, "exclusiveMaximum": 0.3}, Interval(None, False, Decimal("0.1"))),
        ({"exclusiveMaximum": Decimal("0.10")}, Interval(hi=Decimal("0.10"), hi_open=True)),
    ],
)
def test_the_tighter_bound_holds(node: dict[str, Any], expected: Interval):
    assert interval(node) == expected


def test_huge_bounds():
    node = decimals(interval({"maximum": 1.7976931348623157e308}))
    assert matches(node, "1" + 308 * "0")
    assert not matches(node, "2" + 308 * "0")
    with pytest.raises(LimitExceeded, match="digits of a bound"):
        interval({"maximum": Decimal("1E+100000000")})


@given(intervals, st.from_regex(r"-?[0-9](\.[0-9]{1,2})?[eE][+-]?0?[0-9]", fullmatch=True))
@example(Interval(Decimal("1e-6"), False, Decimal(1), False), "1e-06")
@example(Interval(Decimal(0), True, Decimal("99.9"), True), "9.99e1")
def test_exponents(within: Interval, text: str):
    is_normal = re.fullmatch(r"-?[1-9](\.[0-9]+)?[eE][+-]?[0-9]+", text) is not None
    assert matches(scientific(within), text) == (is_normal and holds(within, Fraction(text)))


@pytest.mark.parametrize("divisor", ["1", "3", "0.5", "0.01", "2.5", "70", "0.3"])
@given(text=st.from_regex(r"-?(0|[1-9][0-9]{0,3})(\.[0-9]{1,3})?", fullmatch=True))
def test_multiples(divisor: str, text: str):
    expected = (Fraction(text) / Fraction(divisor)).denominator == 1
    assert matches(multiples.of(Decimal(divisor)), text) == expected
    assert multiples.divides(Decimal(divisor), Decimal(text)) == expected
