"""Two schemas merged into one, keyword by keyword."""

from __future__ import annotations

from typing import Any

import pytest

from constrain.json_schema import source
from constrain.json_schema.conjunction import merge
from constrain.json_schema.drafts import NEWEST
from constrain.json_schema.facets import FACETS, Facet
from constrain.json_schema.instances import satisfies
from constrain.json_schema.options import Options
from constrain.json_schema.source import Schema
from constrain.json_schema.survey import Survey

A, B = {"title": "a"}, {"title": "b"}


def both(schemas: list[Schema]) -> Schema:
    """Stand-in for conjunctions of subschemas: says what was put together."""
    some = [schema for schema in schemas if schema is not True]
    return False if False in some else {"allOf": some} if len(some) > 1 else (some or [True])[0]


@pytest.mark.parametrize(
    ("a", "b", "merged"),
    [
        ({"minLength": 2}, {"minLength": 3}, {"minLength": 3}),
        ({"maxLength": 2}, {"maxLength": 3}, {"maxLength": 2}),
        ({"minItems": 2}, {"minItems": 3}, {"minItems": 3}),
        ({"maxItems": 2}, {"maxItems": 3}, {"maxItems": 2}),
        ({"minimum": 2}, {"minimum": 2.5}, {"minimum": 2.5}),
        ({"maximum": 2}, {"maximum": 2.5}, {"maximum": 2}),
        ({"exclusiveMinimum": 2}, {"exclusiveMinimum": 3}, {"exclusiveMinimum": 3}),
        ({"exclusiveMaximum": 2}, {"exclusiveMaximum": 3}, {"exclusiveMaximum": 2}),
        ({"minimum": 2}, {"maximum": 3}, {"minimum": 2, "maximum": 3}),
        ({"required": ["a"]}, {"required": ["a"]}, {"required": ["a"]}),
        ({"pattern": "a"}, {"pattern": "a"}, {FACETS: (Facet("pattern", "a"),)}),
        ({"type": "string"}, {}, {"type": "string"}),
        ({"type": "string"}, {"type": ["null", "string"]}, {"type": "string"}),
        ({"type": "integer"}, {"type": ["number", "null"]}, {"type": "integer"}),
        ({"type": "string"}, {"type": ["number", "null"]}, False),
        ({"enum": [1, 2, "a"]}, {"enum": [2.0, "a", True]}, {"enum": [2, "a"]}),
        ({"const": 2}, {"enum": [2.0, 3], "const": 2}, {"enum": [2]}),
        ({"const": 2}, {"enum": [4], "const": 2}, {"enum": []}),
        ({"properties": {"x": A}}, {"properties": {"x": True}}, {"properties": {"x": A}}),
        (
            {"properties": {"x": A}},
            {"additionalProperties": B},
            {"properties": {"x": {"allOf": [A, B]}}, "additionalProperties": B},
        ),
        (
            {"additionalProperties": False},
            {"properties": {"x": A}},
            {"properties": {"x": False}, "additionalProperties": False},
        ),
        (
            {"prefixItems": [A]},
            {"items": B},
            {"prefixItems": [{"allOf": [A, B]}], "items": B},
        ),
        (
            {"prefixItems": [A], "items": False},
            {"prefixItems": [True, B]},
            {"prefixItems": [A, False], "items": False},
        ),
        ({"title": "x", "minLength": 1}, {"default": 3}, {"minLength": 1}),
    ],
)
def test_merge(a: Any, b: Any, merged: Any):
    for found in (merge(a, b, both), merge(b, a, both)):
        assert comparable(found) == comparable(merged)


def comparable(schema: Any) -> Any:
    """Equal for merged schemas that differ in the order of `allOf` or in 2 against 2.0."""
    if isinstance(schema, dict):
        return {
            name: sorted(value, key=str) if name == "allOf" else comparable(value)
            for name, value in schema.items()
        }
    return [comparable(item) for item in schema] if isinstance(schema, list) else schema


def test_order_of_names():
    a: Any = {"properties": {"x": A, "y": A}, "required": ["y"]}
    b: Any = {"properties": {"z": B, "x": B}, "required": ["z", "y"]}
    merged: Any = merge(a, b, both)
    assert list(merged["properties"]) == ["x", "y", "z"]
    assert merged["required"] == ["y", "z"]
    patterns: Any = merge({"pattern": "a"}, {"pattern": "b", "format": "date"}, both)
    assert [facet.text for facet in patterns[FACETS]] == ["a", "b", "date"]


@pytest.mark.parametrize(
    ("schema", "yes", "no"),
    [
        ({"oneOf": [{"minimum": 1}, {"maximum": 3}, {"const": 9}]}, [0, 4], [2, 9, "a"]),
        ({"anyOf": [{"$ref": "#"}, {"const": 1}]}, [1, 1.0], [2, True]),
        ({"$ref": "#", "minimum": 2}, [], [1, 3]),
        ({"required": ["a"], "additionalProperties": False}, [1], [{}, {"a": 1}]),
    ],
)
def test_satisfies(schema: Any, yes: list[Any], no: list[Any]):
    survey = Survey(source.read(schema)[1], NEWEST, Options())
    assert [value for value in yes if not satisfies(survey, survey.root, value)] == []
    assert [value for value in no if satisfies(survey, survey.root, value)] == []
