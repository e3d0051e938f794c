"""Scores on public suites, compared with those committed: they may rise, a fall is a failure.

The data is found through environment variables and is no part of the project:
CONSTRAIN_JSON_SCHEMA_SUITE (the official suite) and CONSTRAIN_MASKBENCH (a MaskBench folder; the
files that its `dev-small.txt` names).
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

import json_schema_test_suite as suite
import maskbench
from verdicts import Judge, orders

RATCHET = json.loads(Path(__file__).with_name("conformance.json").read_text(encoding="utf-8"))
SUITE = os.environ.get("CONSTRAIN_JSON_SCHEMA_SUITE")
MASKBENCH = os.environ.get("CONSTRAIN_MASKBENCH")


def no_worse(found: Counter[str], committed: dict[str, int], good: str) -> None:
    assert found[good] >= committed[good], found
    for verdict in ("wrong accept", "wrong reject", "invalid accepted", "valid rejected"):
        assert found[verdict] <= committed.get(verdict, 0), verdict


@pytest.mark.skipif(SUITE is None, reason="CONSTRAIN_JSON_SCHEMA_SUITE is not set")
@pytest.mark.parametrize("part", ["required", "format"])
def test_official_suite(part: str):
    assert SUITE is not None
    found = suite.total(suite.scores(Path(SUITE), "draft2020-12", part))
    no_worse(found, RATCHET["draft2020-12"][part], "correct")


@pytest.mark.skipif(MASKBENCH is None, reason="CONSTRAIN_MASKBENCH is not set")
def test_maskbench():
    assert MASKBENCH is not None
    folder = Path(MASKBENCH)
    paths = maskbench.paths(folder, folder / "dev-small.txt")
    found = Counter(maskbench.outcome(path).kind for path in paths)
    no_worse(found, RATCHET["maskbench dev-small"], "passing")


def test_verdicts():
    schema = {"properties": {"a": {"type": "null"}, "b": True}}
    judge = Judge(schema)
    assert judge.verdict({"a": None, "b": 1}, True) == "correct"
    assert judge.verdict({"b": 1, "a": None}, True) == "order only"
    assert judge.verdict({"a": 1}, False) == "correct"
    assert judge.verdict({"a": None}, False) == "wrong accept"
    assert judge.verdict({"a": 1}, True) == "wrong reject"
    refused = Judge({"uniqueItems": True})
    assert refused.verdict([], True) == "refused"
    assert Judge(False).verdict(1, False) == "correct"
    assert len(list(orders([{"a": 1, "b": {"c": 1, "d": 2}}]))) == 4


def test_outcomes(tmp_path: Path):
    schema = {"properties": {"a": True, "b": {"type": "null"}}}
    cases = {
        "passing": [({"a": 1}, True), ({"b": 1}, False)],
        "order only": [({"b": None, "a": 1}, True)],
        "valid rejected": [({"b": 1}, True)],
        "invalid accepted": [({"b": None}, False)],
    }
    for kind, tests in cases.items():
        path = tmp_path / f"{kind}.json"
        some = [{"data": data, "valid": valid} for data, valid in tests]
        path.write_text(json.dumps({"schema": schema, "tests": some}), encoding="utf-8")
        assert maskbench.outcome(path).kind == kind
