"""The benchmarks' corpus is what it says: repeatable, valid, and matched by its own judges."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "benchmarks"))

import corpus
import report


@pytest.mark.parametrize("make", [corpus.json_documents, corpus.order_documents])
def test_the_same_seed_gives_the_same_documents(make):
    assert make(3, 5) == make(3, 5)
    assert make(3, 5) != make(4, 5)


def test_json_documents_are_varied():
    texts = corpus.json_documents(1)
    assert len(texts) == 50
    for text in texts:
        json.loads(text)
    assert any("\n  " in text for text in texts)
    assert any("\\u" in text for text in texts)
    assert any(not text.isascii() for text in texts)


def test_order_documents_fit_their_schema_and_its_order():
    validator = jsonschema.Draft202012Validator(corpus.ORDER_SCHEMA)
    order = list(corpus.ORDER_SCHEMA["properties"])
    for text in corpus.order_documents(1):
        data = json.loads(text)
        validator.validate(data)
        assert list(data) == [name for name in order if name in data]


def test_schemas_are_schemas():
    for text in corpus.flat_schemas(1) + corpus.enum_schemas(1):
        jsonschema.Draft202012Validator.check_schema(json.loads(text))
    assert {len(json.loads(text)["properties"]) for text in corpus.flat_schemas(1)} == {20}
    assert {len(json.loads(text)["enum"]) for text in corpus.enum_schemas(1)} == {500}


def test_a_hundred_patterns_match_their_samples():
    patterns = corpus.regexes()
    assert len({pattern for pattern, _ in patterns}) == 100
    for pattern, samples in patterns:
        assert samples
        for sample in samples:
            assert re.fullmatch(pattern, sample), (pattern, sample)


def test_quantiles_are_nearest_rank():
    row = report.statistics_of([1000.0 * i for i in range(1, 101)])
    assert row["mean"] == 50.5
    assert (row["p50"], row["p99"], row["p99.9"]) == (51, 100, 100)
