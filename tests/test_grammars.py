"""The library: every grammar takes and refuses its samples on every path, and so do its judges.

LIBRARY_SAMPLES=1000 pytest tests/test_grammars.py    more random texts than usual
"""

from __future__ import annotations

import datetime
import os
import random
import tomllib
from functools import cache
from pathlib import Path

import mistral_common
import pytest
from hypothesis import given, strategies as st
from library import judges, sampling
from mistral_common.tokens.tokenizers.tekken import Tekkenizer

import constrain
from constrain import resources

GRAMMARS = Path(__file__).parents[1] / "grammars"
NAMES = sorted(path.stem for path in GRAMMARS.glob("*.toml"))
CONTEXT_FREE = [name for name in NAMES if (GRAMMARS / f"{name}.lark").exists()]
BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])
N_SAMPLES = int(os.environ.get("LIBRARY_SAMPLES", "12"))

LEXED = {"graphql": '"on" is no name of a fragment', "s_expression": "comments hold anything"}
"""Grammars that mean something else without a lexer, which would take text apart at will."""


@cache
def samples(name: str) -> dict[str, list[str]]:
    return tomllib.loads((GRAMMARS / f"{name}.toml").read_text(encoding="utf-8"))


@cache
def compiled(name: str) -> constrain.Constraint:
    """The grammar over a small vocabulary: all bytes and pieces of its samples."""
    texts = [text for text in samples(name)["accepted"] if text]
    return constrain.compile(constrain.library(name), sampling.vocabulary(texts))


def wrong(name: str, takes: judges.Judge) -> list[str]:
    """The samples on which `takes` errs."""
    texts = samples(name)
    missed = [text for text in texts["accepted"] if not takes(text)]
    return missed + [text for text in texts["rejected"] if takes(text)]


# -- samples


def test_every_grammar_is_documented_and_has_samples():
    assert resources.library_names() == NAMES
    for name in NAMES:
        accepted, rejected = samples(name)["accepted"], samples(name)["rejected"]
        assert min(len(set(accepted)), len(set(rejected))) >= 10, name
        assert not set(accepted) & set(rejected), name
        kind, text = resources.library_text(name)
        assert text.startswith("// " if kind == ".lark" else "(?x)\n# "), name


@pytest.mark.parametrize("name", NAMES)
def test_outside_judges_agree_with_the_samples(name: str):
    assert wrong(name, judges.of_grammar(name)) == []
    if name in judges.OF_STANDARD:
        reads = judges.OF_STANDARD[name]
        assert [text for text in samples(name)["accepted"] if not reads(text)] == []


@pytest.mark.parametrize("name", judges.EXACT)
def test_readers_of_the_standard_refuse_what_is_refused(name: str):
    read = judges.OF_STANDARD[name]
    lenient = ("NaN", "\n\n", "fe80::1%eth0")  # what these readers take beyond the standard
    rejected = [t for t in samples(name)["rejected"] if not any(odd in t for odd in lenient)]
    assert [text for text in rejected if read(text)] == []


@pytest.mark.parametrize("name", NAMES)
def test_samples_by_bytes(name: str):
    assert wrong(name, compiled(name).matches) == []


@pytest.mark.parametrize("name", NAMES)
def test_samples_by_tokens(name: str):
    constraint, rng = compiled(name), random.Random(1)
    tokens = constraint.vocabulary.tokens
    by_bytes = {token: i for i, token in enumerate(tokens) if token is not None}

    def takes(text: str) -> bool:
        data, ids = text.encode(), list[int]()
        while data:
            fits = [n for n in range(1, 9) if data[:n] in by_bytes and n <= len(data)]
            n = rng.choice(fits)
            ids.append(by_bytes[data[:n]])
            data = data[n:]
        return sampling.takes_tokens(constraint, ids)

    assert wrong(name, takes) == []


@pytest.mark.parametrize("name", [name for name in CONTEXT_FREE if name not in (*LEXED, "python")])
def test_samples_without_a_lexer(name: str):
    grammar = constrain.cfg(resources.library_text(name)[1], lexer="scannerless")
    assert wrong(name, constrain.compile(grammar, BYTES).matches) == []


def test_samples_in_a_large_vocabulary():
    data = Path(mistral_common.__file__).parent / "data"
    tekken = Tekkenizer.from_file(str(data / "tekken_240911.json"))
    special = tekken.num_special_tokens
    pieces = [tekken.id_to_byte_piece(i) for i in range(special, tekken.n_words)]
    vocabulary = constrain.Vocabulary([*[None] * special, *pieces], [tekken.eos_id])
    for name in ("c_like", "graphql", "ipv6", "regex"):
        constraint = constrain.compile(constrain.library(name), vocabulary)

        def takes(text: str, constraint: constrain.Constraint = constraint) -> bool:
            return sampling.takes_tokens(constraint, tekken.encode(text, bos=False, eos=False))

        assert wrong(name, takes) == [], name


@pytest.mark.parametrize(("name", "folder"), [("c_like", "c"), ("python", "python")])
def test_the_programs_of_the_benchmark_are_taken(name: str, folder: str):
    programs = (GRAMMARS.parent / "benchmarks" / "programs" / folder).iterdir()
    texts = {path.name: path.read_text(encoding="utf-8") for path in programs}
    assert len(texts) == 30
    assert [which for which, text in texts.items() if not compiled(name).matches(text)] == []
    judge = judges.OF_STANDARD.get(name, judges.of_grammar(name))
    assert [which for which, text in texts.items() if not judge(text)] == []


# -- random texts


@pytest.mark.parametrize("name", NAMES)
def test_judges_take_what_is_sampled(name: str):
    rng = random.Random(name)
    takes = [judges.of_grammar(name)]
    takes += [judges.OF_STANDARD[name]] if name in judges.OF_STANDARD else []
    texts = [sampling.sample(compiled(name), rng, 4 * (i % 8)) for i in range(N_SAMPLES)]
    assert [text for text in texts if not all(judge(text) for judge in takes)] == []
    assert len(set(texts)) > N_SAMPLES // 4


@pytest.mark.parametrize("name", NAMES)
def test_verdicts_are_the_same_on_changed_samples(name: str):
    rng = random.Random(name)
    judge, texts = judges.of_grammar(name), samples(name)
    characters = sorted(set("".join(texts["accepted"] + texts["rejected"])))
    changed = [
        sampling.mutated(text, characters, rng)
        for text in rng.choices(texts["accepted"] + texts["rejected"], k=4 * N_SAMPLES)
    ]
    assert [t for t in changed if compiled(name).matches(t) is not judge(t)] == []


@given(st.integers(0, 9999), st.integers(1, 12), st.integers(1, 31))
def test_iso8601_knows_the_calendar(year: int, month: int, day: int):
    try:
        datetime.date(year or 2000, month, day)  # year 0, which Python lacks, is a leap year
        real = True
    except ValueError:
        real = False
    assert judges.of_grammar("iso8601")(f"{year:04}-{month:02}-{day:02}") is real


# -- where the grammars are


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
