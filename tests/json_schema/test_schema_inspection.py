"""What is said of a schema before it is used."""

from __future__ import annotations

import time
from typing import Any

import pytest

import constrain
from constrain.json_schema.inspection import SchemaReport, inspect


def texts(report: SchemaReport) -> list[str]:
    return [str(warning) for warning in report.warnings]


def test_words_and_sizes():
    schema = {
        "title": "T",
        "x-order": 1,
        "properties": {"a": {"type": "string", "format": "mine"}, "b": {"format": "hostname"}},
    }
    report = inspect(schema, whitespace="compact")
    assert report.enforced == {"properties": 1, "type": 1, "format": 1}
    assert report.ignored == {"x-order": 1, "format 'mine'": 1}
    assert (report.n_schemas, report.draft, report.problem) == (3, "2020-12", None)
    assert texts(report) == ["/properties/b: format 'hostname' allows a part of its strings only"]
    assert "enforced: properties" in str(report)


@pytest.mark.parametrize(
    ("schema", "warning"),
    [
        ({"type": "integer"}, "#: white space may go on for 256 bytes"),
        (
            {"anyOf": [{"type": "null"}, {"minLength": 2, "maxLength": 1, "type": "string"}]},
            "/anyOf/1: nothing",
        ),
        ({"properties": {"a": {"enum": ["x"], "minLength": 2}}}, "/properties/a: nothing"),
        ({"required": ["z"], "additionalProperties": False}, '#: "z" is required, but'),
    ],
)
def test_warnings(schema: Any, warning: str):
    assert any(text.startswith(warning) for text in texts(inspect(schema)))


def test_problems_are_reported():
    report = inspect({"items": {"uniqueItems": True}})
    assert isinstance(report.problem, constrain.Unsupported)
    assert "no grammar: uniqueItems" in str(report)
    assert isinstance(
        inspect({"allOf": [{"const": 1}, {"const": 2}]}).problem, constrain.EmptyLanguage
    )
    with pytest.raises(constrain.SchemaError):
        inspect("{")


def test_one_door_for_grammars_and_schemas():
    assert isinstance(constrain.inspect({"type": "null"}), SchemaReport)
    assert constrain.inspect(constrain.regex("a")).is_regular


def test_it_takes_milliseconds():
    schema = {"properties": {f"p{i}": {"type": "string", "maxLength": i} for i in range(300)}}
    start = time.process_time()
    inspect(schema)
    assert time.process_time() - start < 0.1
