"""The corpus of schemas, read by the slow oracle."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from oracles.json_expr import matches

from constrain import errors
from constrain.json_schema import grammar

CORPUS = tomllib.loads(
    (Path(__file__).parents[1] / "corpus" / "json_schema.toml").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("case", CORPUS["case"], ids=lambda case: case["name"])
def test_members_and_others(case: dict[str, Any]):
    found = grammar(case["schema"])
    assert [text for text in case["valid"] if not matches(found, text)] == []
    assert [text for text in case["invalid"] if matches(found, text)] == []


@pytest.mark.parametrize("case", CORPUS["case"], ids=lambda case: case["name"])
def test_members_are_json(case: dict[str, Any]):
    for text in case["valid"]:
        json.loads(text)


@pytest.mark.parametrize("case", CORPUS["refused"], ids=lambda case: case["schema"])
def test_refused(case: dict[str, Any]):
    error = getattr(errors, case["error"])
    with pytest.raises(error, match=case.get("says")) as caught:
        grammar(case["schema"])
    assert type(caught.value) is error
    assert getattr(caught.value, "where", None) == case.get("where")
