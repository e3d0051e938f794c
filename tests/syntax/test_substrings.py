"""Parts of a text: all of them, and nothing else."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings, strategies as st

import constrain
from constrain.errors import SpecError
from constrain.syntax.substrings import substring_of, suffix_automaton

BYTES = constrain.Vocabulary([*(bytes([b]) for b in range(256)), None], [256])


@settings(max_examples=60)
@given(st.text("abé", max_size=8), st.lists(st.text("abé", max_size=4), max_size=8))
def test_parts_by_characters(text: str, others: list[str]):
    c = constrain.compile(substring_of(text, "characters"), BYTES)
    parts = {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)}
    assert all(map(c.matches, parts))
    assert all(c.matches(other) == (other in text) for other in others)


@settings(max_examples=60)
@given(st.text("ab ,", max_size=9))
def test_parts_by_words(text: str):
    c = constrain.compile(substring_of(text), BYTES)
    units = re.findall(r"\w+|\s+|[^\w\s]", text)
    parts = {"".join(units[i:j]) for i in range(len(units) + 1) for j in range(i, len(units) + 1)}
    every = {text[i:j] for i in range(len(text) + 1) for j in range(i, len(text) + 1)}
    assert {part for part in every if c.matches(part)} == parts


@given(st.lists(st.sampled_from([b"a", b"b", b"c"]), max_size=40))
def test_the_automaton_is_small(units: list[bytes]):
    edges = suffix_automaton(units)
    assert len(edges) <= max(2 * len(units), 2)
    assert sum(map(len, edges)) <= 3 * len(units)


def test_long_texts():
    text = " ".join(f"w{i % 1000} and {i}" for i in range(10_000))
    began = time.process_time()
    c = constrain.compile(substring_of(text), BYTES)
    state = c.advance_bytes(c.init(), b"w17 and 1017 w18")
    c.mask(state)
    assert time.process_time() - began < 5
    assert c.matches("w17 and 1017 w18 and")
    assert not c.matches("w17 and 1018")
    assert not c.matches("17 and 1017")


def test_a_part_inside_of_a_grammar():
    c = constrain.compile('"' + substring_of("to be or not to be") + '"', BYTES)
    assert c.matches('"not to be"')
    assert c.matches('""')
    assert not c.matches('"not be"')


def test_an_empty_text_has_one_part():
    assert list(constrain.enumerate(substring_of(""))) == [b""]
    assert constrain.count(substring_of("abab", "characters"), 2) == 2


def test_units():
    with pytest.raises(SpecError, match="not 'lines'"):
        substring_of("a", "lines")
