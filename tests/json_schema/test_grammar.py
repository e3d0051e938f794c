"""Grammars from schemas: how they are given, that they are values, that rules come late."""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any, Literal

import pydantic
import pytest
from oracles.json_expr import matches
from typing_extensions import TypedDict

from constrain.errors import LimitExceeded, SchemaError, SpecError, Unsupported
from constrain.json_schema import grammar, lowering, rules
from constrain.syntax.grammar import Call, Grammar

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"a": {"type": "string", "maxLength": 3}, "b": {"$ref": "#/$defs/n"}},
    "required": ["b"],
    "$defs": {"n": {"type": "integer", "minimum": 0}},
}


def accepted(found: Grammar, *texts: str) -> list[bool]:
    return [matches(found, text) for text in texts]


def test_grammars_are_values():
    one, same = grammar(SCHEMA), grammar(json.dumps(SCHEMA, indent=2).encode())
    other = grammar({**SCHEMA, "required": []})
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != grammar(SCHEMA, whitespace="compact")


def test_the_order_of_properties_matters():
    names = SCHEMA["properties"]
    assert grammar(SCHEMA) != grammar({**SCHEMA, "properties": dict(reversed(names.items()))})


def test_pickles():
    found = grammar(SCHEMA)
    assert matches(found, '{"b": 1}')
    again: Grammar = pickle.loads(pickle.dumps(found))
    assert again == found
    assert hash(again) == hash(found)
    assert dict(again.rules) == dict(found.rules)
    assert accepted(again, '{"b": 1}', '{"b": -1}') == [True, False]


def test_a_schema_may_change_after_it_was_read():
    schema = {"type": "object", "properties": {"a": {"type": "null"}}, "required": ["a"]}
    found = grammar(schema)
    schema["properties"]["a"] = {"type": "string"}  # type: ignore[index]
    assert accepted(found, '{"a": null}', '{"a": "x"}') == [True, False]


def test_rules_are_lowered_on_demand(monkeypatch: pytest.MonkeyPatch):
    lowered: list[Any] = []
    monkeypatch.setattr(
        rules,
        "lower",
        lambda survey, node, space: lowered.append(node) or lowering.lower(survey, node, space),
    )
    found = grammar(SCHEMA)
    assert lowered == []
    first = found.rules[found.start]
    assert [node["type"] for node in lowered] == ["object"]
    assert found.rules[found.start] is first
    assert len(lowered) == 1


def test_rules_are_a_mapping():
    found = grammar(SCHEMA)
    assert set(found.rules) == {*found.rules}
    assert len(found.rules) == len(list(found.rules))
    assert found.start in found.rules
    for missing in (99, -1, "nothing", ("json:value", 7)):
        assert missing not in list(found.rules)
        with pytest.raises(KeyError):
            _ = found.rules[missing]
    called = {e.rule for e in found.rules.values() if isinstance(e, Call)}
    assert called <= set(found.rules)


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        ('{"type": "null"}', "null", "1"),
        (b'{"type": "null"}', "null", "1"),
        (bytearray(b"true"), "1", "nothing"),
        (True, "1", "nothing"),
        ({"maximum": Decimal("0.1")}, "0.1", "0.11"),
        ('{"maximum": 0.100000000000000000000000001}', "0.100000000000000000000000001", "0.1001"),
        ({"enum": (1, 2)}, "1", "3"),
        ({"const": 10**30}, "1" + 30 * "0", "1" + 29 * "0"),
        ({"const": 1e300}, "1e+300", "1e300"),
        ('{"type": "null", "type": "integer"}', "1", "null"),
    ],
)
def test_ways_to_write_a_schema(schema: Any, yes: str, no: str):
    assert accepted(grammar(schema), yes, no) == [True, False]


def test_numbers_of_more_digits_than_a_double_are_told_apart():
    one, other = (grammar(f'{{"maximum": 0.1000000000000000000{i}}}') for i in (1, 2))
    assert one != other
    assert matches(pickle.loads(pickle.dumps(other)), "0.10000000000000000002")
    assert not matches(one, "0.10000000000000000002")


class Point(pydantic.BaseModel):
    x: int
    tags: list[Literal["a", "b"]] = []


@dataclass
class Pair:
    left: bool
    right: Point | None = None


class Movie(TypedDict):
    title: str


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        (Point, '{"x": 1, "tags": ["a"]}', '{"tags": []}'),
        (Pair, '{"left": true, "right": {"x": 1}}', '{"right": null}'),
        (Movie, '{"title": "M"}', "{}"),
        (list[int], "[1, 2]", '["a"]'),
        (Literal["yes", "no"], '"yes"', '"maybe"'),
        (str, '"a"', "1"),
    ],
)
def test_types(schema: Any, yes: str, no: str):
    assert accepted(grammar(schema), yes, no) == [True, False]


def test_values_that_are_no_schema():
    for value in (None, 3, 0.5, [1], "[1]", '"text"'):
        with pytest.raises(SchemaError, match="an object or a boolean"):
            grammar(value)
    for value in ({"a": float("nan")}, {"a": object()}, {"a": {1, 2}}, b"\xff"):
        with pytest.raises(SchemaError, match="not"):
            grammar(value)
    with pytest.raises(Unsupported, match="a schema from"):
        grammar(object())
    with pytest.raises(Unsupported, match="surrogate"):
        grammar({"const": "\ud800"})


def test_text_that_is_no_json_is_shown_with_a_caret():
    with pytest.raises(SchemaError) as caught:
        grammar('{"type": strin}')
    assert caught.value.span == (9, 10)
    assert str(caught.value).splitlines()[1:] == ['  {"type": strin}', "           ^"]


def test_nesting_without_end():
    schema: dict[str, Any] = {}
    schema["not"] = schema
    deep = '{"items":' * 100_000 + "{}" + "}" * 100_000
    with pytest.raises(SchemaError, match="Circular"):
        grammar(schema)
    with pytest.raises(LimitExceeded, match="nesting"):
        grammar(deep)


def test_deep_schemas():
    schema: dict[str, Any] = {"type": "null"}
    for _ in range(200):
        schema = {"type": "array", "items": schema, "minItems": 1}
    found = grammar(schema)
    assert isinstance(found.rules[found.start], object)
    assert len(found.rules) > 200


def test_white_space():
    compact, spaced = grammar(SCHEMA, whitespace="compact"), grammar(SCHEMA)
    assert accepted(compact, '{"b":1}', '{"b": 1}') == [True, False]
    assert matches(spaced, '{"b":' + 256 * " " + "1}")
    assert not matches(spaced, '{"b":' + 257 * " " + "1}")
    assert not matches(spaced, '{"c": {}, "b":1} ')
    inside = grammar({"type": "object", "properties": {"a": True}}, whitespace="compact")
    assert accepted(inside, '{"a":{"b":[1]}}', '{"a":{"b": [1]}}') == [True, False]


def test_options():
    assert matches(grammar({"type": "integer"}), "1.0")
    assert not matches(grammar({"type": "integer"}, draft="4"), "1.0")
    newest = {"$schema": "http://json-schema.org/draft-04/schema#", "type": "integer"}
    assert matches(grammar(newest, draft="2020-12"), "1.0")
    for wrong in ({"whitespace": "some"}, {"draft": "3"}):
        with pytest.raises(SpecError, match="is one of"):
            grammar(True, **wrong)
    with pytest.raises(TypeError):
        grammar(True, colour="red")


def test_too_many_combinations():
    choice = [{"const": i} for i in range(30)]
    schema = {
        "allOf": [{"anyOf": [{"maxLength": i, "minLength": j} for i in range(9)]} for j in range(9)]
    }
    assert matches(grammar({"anyOf": choice}), "3")
    with pytest.raises(LimitExceeded, match="derived schema nodes"):
        grammar(schema)


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


def paint(wall: int, colour: Colour = Colour.RED) -> None:
    """Only its arguments are of interest."""


def test_texts_are_read_back():
    assert grammar(Point).parse('{"x": 1, "tags": ["a"]}') == Point(x=1, tags=["a"])
    assert grammar(Colour).parse('"blue"') is Colour.BLUE
    assert grammar(list[Point]).parse(b'[{"x": 1}]') == [Point(x=1)]
    assert grammar({"type": "array"}).parse("[1]") == [1]
    again = pickle.loads(pickle.dumps(grammar(Pair)))
    assert again.parse('{"left": true}') == Pair(left=True)


def test_arguments_of_functions():
    found = grammar(paint)
    assert accepted(found, '{"wall": 1, "colour": "blue"}', '{"colour": "red"}') == [True, False]
    assert found.parse('{"wall": 1}') == {"wall": 1}


def test_any_order():
    schema = {
        "properties": {"a": {"type": "null"}, "b": {"type": "integer"}, "c": True},
        "required": ["a"],
        "additionalProperties": {"type": "boolean"},
    }
    found = grammar({"type": "object", **schema}, property_order="any")
    yes = [
        '{"a": null}',
        '{"b": 1, "a": null}',
        '{"x": true, "c": [], "b": 2, "y": false, "a": null}',
    ]
    no = [
        "{}",
        '{"b": 1}',
        '{"a": null, "a": null}',
        '{"b": 1, "a": null, "b": 1}',
        '{"a": null, "x": 1}',
    ]
    assert accepted(found, *yes) == [True] * 3
    assert accepted(found, *no) == [False] * 5


def test_formats_may_be_annotations():
    assert not matches(grammar({"format": "ipv4"}), '"a"')
    assert matches(
        grammar({"properties": {"format": {"format": "ipv4"}}}, formats="annotate"),
        '{"format": "a"}',
    )


def test_a_function_may_take_note_of_what_is_left_out():
    told: list[tuple[str, str]] = []
    schema = {"items": {"type": "string", "uniqueItems": True}, "uniqueItems": True, "minItems": 1}
    found = grammar(schema, on_unsupported=lambda where, what: told.append((where, what)))
    assert told == [("/uniqueItems", "uniqueItems")]
    assert accepted(found, '["a", "a"]', "[]") == [True, False]
    assert pickle.loads(pickle.dumps(found)) == found
    with pytest.raises(Unsupported):
        grammar(schema)


def test_constant_objects_in_any_order():
    schema = {"const": {"a": 1, "b": [{"c": 2, "d": 3}]}}
    found = grammar(schema, property_order="any")
    assert accepted(found, '{"b": [{"d": 3, "c": 2}], "a": 1}', '{"a": 1}') == [True, False]
    assert not matches(grammar(schema), '{"b": [{"c": 2, "d": 3}], "a": 1}')
