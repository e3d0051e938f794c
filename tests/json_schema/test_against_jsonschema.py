"""Random schemas and instances: the grammar and `jsonschema` give the same verdict.

Objects are unordered in JSON Schema and ordered in the grammar, so an instance counts as a
member if some order of its properties is one.
"""

from __future__ import annotations

import contextlib
import json
from decimal import Decimal
from itertools import islice
from random import Random
from typing import Any

from hypothesis import HealthCheck, assume, given, settings, strategies as st
from jsonschema import Draft202012Validator
from oracles.json_expr import matches
from oracles.json_sample import TooDeep, sample
from strategies_schema import instances, orders, pairs, schemas

from constrain.errors import EmptyLanguage, LimitExceeded, Unsupported
from constrain.json_schema import grammar, source
from constrain.json_schema.drafts import NEWEST
from constrain.json_schema.instances import satisfies
from constrain.json_schema.options import Options
from constrain.json_schema.survey import Overlap, Survey
from constrain.syntax.grammar import Grammar

relaxed = settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)


def compiled(schema: Any, **options: Any) -> Grammar | None:
    """The grammar; None if the schema is empty. Schemas that are refused are not of interest."""
    try:
        return grammar(schema, **options)
    except EmptyLanguage:
        return None
    except LimitExceeded:
        assume(False)
        raise
    except Unsupported as refused:
        assume(refused.feature != "uniqueItems")
        raise


def judge(schema: Any, instance: Any) -> bool:
    """What jsonschema says; of no interest where it never comes to an end."""
    try:
        return Draft202012Validator(schema).is_valid(instance)
    except RecursionError:
        assume(False)
        raise
    except BaseException as error:  # how its registry says the same
        assume(type(error).__name__ != "PanicException")
        raise


def accepts(found: Grammar, instance: Any) -> bool:
    texts = (json.dumps(order, ensure_ascii=False) for order in orders(instance))
    return any(matches(found, text) for text in islice(texts, 500))


@relaxed
@given(schemas(), st.lists(instances, min_size=1, max_size=12))
def test_verdicts_agree(schema: Any, some: list[Any]):
    found = compiled(schema)
    for instance in some:
        expected = judge(schema, instance)
        assert (found is not None and accepts(found, instance)) == expected, instance


@relaxed
@given(schemas(), st.lists(instances, min_size=1, max_size=6))
def test_verdicts_in_any_order_agree(schema: Any, some: list[Any]):
    """With `property_order="any"` the order of an instance's members says nothing."""
    found = compiled(schema, property_order="any")
    for instance in some:
        expected = judge(schema, instance)
        for order in islice(orders(instance), 4):
            accepted = found is not None and matches(found, json.dumps(order, ensure_ascii=False))
            assert accepted == expected, order


@relaxed
@given(pairs(), st.lists(instances, min_size=1, max_size=12))
def test_verdicts_on_conjunctions_agree(schema: Any, some: list[Any]):
    found = compiled(schema)
    for instance in [*some, *([value] * n for value in (0, None) for n in range(4))]:
        expected = judge(schema, instance)
        assert (found is not None and accepts(found, instance)) == expected, instance


@relaxed
@given(schemas(), st.lists(instances, min_size=1, max_size=12))
def test_verdicts_on_values_agree(schema: Any, some: list[Any]):
    """`satisfies`, which is asked about the values of enum and const, needs no grammar."""
    _, root = source.read(schema)
    survey = Survey(root, NEWEST, Options())
    with contextlib.suppress(EmptyLanguage, Unsupported, LimitExceeded, Overlap):
        survey.run()
    for instance in some:
        assert satisfies(survey, root, instance) == judge(schema, instance), instance


@relaxed
@given(schemas(), st.integers(0, 2**32))
def test_what_the_grammar_generates_is_valid(schema: Any, seed: int):
    found = compiled(schema)
    assume(found is not None)
    assert found is not None
    try:
        text = sample(found, Random(seed))
    except TooDeep:
        assume(False)
        raise
    assert matches(found, text)
    assume(not _has_twins(text))
    assert judge(schema, json.loads(text, parse_float=_number)), text


def _number(text: str) -> float | int:
    """Whole numbers as such; others are of no interest if the judge would round them."""
    value = Decimal(text)
    if value == value.to_integral_value() and value.adjusted() < 300:
        return int(value)
    assume(len(value.as_tuple().digits) <= 12 and abs(value.adjusted()) <= 12)
    return float(text)


def _has_twins(text: str) -> bool:
    """Does a name come twice in an object? (Beside declared names the grammar lets it.)"""
    found: list[bool] = []

    def look(pairs: list[tuple[str, Any]]) -> None:
        found.append(len(dict(pairs)) < len(pairs))

    json.loads(text, object_pairs_hook=look)
    return any(found)


@relaxed
@given(schemas())
def test_no_rule_is_a_dead_end(schema: Any):
    """From every rule that is not known to be empty some text can be finished."""
    found = compiled(schema)
    assume(found is not None)
    assert found is not None
    for name in found.rules:
        part = Grammar(key=name, rules=found.rules, start=name)
        assert matches(part, sample(part, Random(0), shortest=True))
