"""Schemas made to explode compile lazily or are refused within two seconds, and never hang."""

from __future__ import annotations

import time
from typing import Any

import pytest

from constrain.errors import ConstrainError
from constrain.json_schema import grammar


def nested(n: int) -> Any:
    schema: Any = {"type": "null"}
    for i in range(n):
        inner = {"type": "object", "properties": {"a": schema}, "required": ["a"]}
        schema = {"oneOf": [{"type": "string", "maxLength": i}, inner]}
    return schema


def overlapping(n: int) -> Any:
    schema: Any = {"minimum": 0}
    for i in range(n):
        schema = {"oneOf": [schema, {"maximum": i}]}
    return schema


MANY = range(5_000)
CASES: dict[str, Any] = {
    "oneOf, nested": nested(30),
    "oneOf, nested and overlapping": overlapping(30),
    "oneOf, overlapping": {
        "oneOf": [{"properties": {f"p{i}": {"type": "string"}}} for i in range(40)]
    },
    "choices": {
        "allOf": [
            {"anyOf": [{"properties": {f"p{i}": {"const": j}}} for j in range(3)]}
            for i in range(20)
        ]
    },
    "circles": {
        "$ref": "#/$defs/a",
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
    },
    "itself and not": {"not": {"$ref": "#"}},
    "many items": {"type": "array", "items": {"type": "integer"}, "maxItems": 1_000_000},
    "many items of a kind": {"type": "array", "contains": {"const": 1}, "minItems": 1_000_000},
    "long strings": {"type": "string", "maxLength": 100_000},
    "long words": {"type": "string", "pattern": "^[a-z]+(-[a-z]+)*$", "maxLength": 100_000},
    "many members": {"type": "object", "minProperties": 100_000},
    "many properties": {"properties": {f"p{i}": {"minLength": i} for i in MANY}},
    "many properties, counted": {"properties": {f"p{i}": True for i in MANY}, "minProperties": 3},
    "a large schema": {
        "properties": {
            f"p{i}": {"properties": {f"q{j}": {"enum": ["x" * 400]} for j in range(20)}}
            for i in range(250)
        }
    },
    "a pattern": {"type": "string", "pattern": "^(a|b)*a(a|b){40}$"},
    "patterns of names": {"patternProperties": {"a.{18}$": {"type": "null"}, "b.{17}$": True}},
    "not a pattern": {"type": "string", "not": {"pattern": "a.{20}$"}},
    "items that differ": {"items": {"enum": [*range(500)]}, "uniqueItems": True, "minItems": 400},
    "too many that differ": {"items": {"enum": [*range(30)]}, "uniqueItems": True, "minItems": 31},
    "names that depend": {
        "type": "object",
        "dependentRequired": {f"p{i}": [f"p{(i + 7) % 60}"] for i in range(60)},
    },
    "a large divisor": {"type": "integer", "multipleOf": 123_456_789},
    "a small divisor": {"type": "number", "multipleOf": 1e-9},
}


@pytest.mark.parametrize("name", CASES)
def test_it_takes_two_seconds_at_the_most(name: str):
    start = time.process_time()
    try:
        found = grammar(CASES[name])
        assert found.rules[found.start] is not None
    except ConstrainError:
        pass
    assert time.process_time() - start < 2
