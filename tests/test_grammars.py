"""The library: every grammar accepts and rejects its samples, and so does an outside judge."""

from __future__ import annotations

import datetime
import json
import re
import tomllib
from pathlib import Path

import lark
import pytest
from hypothesis import given, strategies as st

import constrain
from constrain import resources

GRAMMARS = Path(__file__).parents[1] / "grammars"
NAMES = sorted(path.stem for path in GRAMMARS.glob("*.toml"))
BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])


def samples(name: str) -> list[tuple[str, bool]]:
    data = tomllib.loads((GRAMMARS / f"{name}.toml").read_text())
    return [(text, True) for text in data["accepted"]] + [
        (text, False) for text in data["rejected"]
    ]


CASES = [
    pytest.param(name, text, expected, id=f"{name}-{'yes' if expected else 'no'}-{i}")
    for name in NAMES
    for i, (text, expected) in enumerate(samples(name))
]


def judge(name: str, text: str) -> bool:
    """What a program that is not ours says about `text`."""
    kind, grammar = resources.library_text(name)
    if kind == ".regex":
        return re.fullmatch(grammar.strip(), text) is not None
    parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    try:
        parser.parse(text)
    except lark.exceptions.UnexpectedInput:
        return False
    return True


def test_every_grammar_has_samples():
    assert resources.library_names() == NAMES
    for name in NAMES:
        verdicts = {expected for _, expected in samples(name)}
        assert verdicts == {True, False}


@pytest.mark.parametrize(("name", "text", "expected"), CASES)
def test_outside_judge_agrees_with_the_samples(name: str, text: str, expected: bool):
    assert judge(name, text) is expected


@pytest.mark.parametrize("name", NAMES)
def test_engine_agrees_with_the_samples(name: str):
    constraint = constrain.compile(constrain.library(name), BYTES)
    wrong = [text for text, expected in samples(name) if constraint.matches(text) is not expected]
    assert wrong == []


@pytest.mark.parametrize(("text", "expected"), samples("json"))
def test_json_samples_are_what_python_reads(text: str, expected: bool):
    try:
        json.loads(text)
    except ValueError:
        assert not expected
    else:
        assert expected


@given(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 31))
def test_iso8601_knows_the_calendar(year: int, month: int, day: int):
    try:
        datetime.date(year or 2000, month, day)  # year 0, which Python lacks, is a leap year
        real = True
    except ValueError:
        real = False
    assert judge("iso8601", f"{year:04}-{month:02}-{day:02}") is real


def test_unknown_names_are_refused():
    with pytest.raises(constrain.SpecError, match=r'no grammar "fortran".*it has arithmetic'):
        constrain.library("fortran")


def test_grammars_are_found_as_package_data_first(tmp_path, monkeypatch):
    (tmp_path / "grammars").mkdir()
    (tmp_path / "grammars" / "tiny.regex").write_text("a+\n")
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    assert resources.library_names() == ["tiny"]
    assert resources.library_text("tiny") == (".regex", "a+\n")


def test_grammars_are_found_in_the_repository_otherwise(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "files", lambda package: tmp_path)
    assert resources.library_names() == NAMES


def test_the_wheel_carries_the_grammars():
    project = tomllib.loads((GRAMMARS.parent / "pyproject.toml").read_text())
    wheel = project["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert wheel["force-include"] == {"grammars": "constrain/grammars"}
