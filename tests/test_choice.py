"""Choices among very many strings, which are taken in parts."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings, strategies as st

import constrain
from constrain import front
from constrain.syntax.grammar import Choice

TOKENS = [*(bytes([b]) for b in range(256)), b"ab", b"abc", b"ba", b"bb", None]
VOCABULARY = constrain.Vocabulary(TOKENS, [len(TOKENS) - 1])


@settings(max_examples=40, deadline=None)
@given(st.sets(st.text("abc", max_size=5), min_size=6, max_size=20))
def test_parts_make_no_difference(texts: set[str]):
    whole = constrain.choice(texts)
    with_parts = parts(texts)
    assert whole == with_parts
    ours, theirs = (constrain.compile(g, VOCABULARY) for g in (with_parts, whole))
    for text in texts:
        for i in range(len(text) + 1):
            states = [c.advance_bytes(c.init(), text[:i].encode()) for c in (ours, theirs)]
            assert np.array_equal(ours.mask(states[0]), theirs.mask(states[1]))


def parts(texts: set[str]) -> constrain.Grammar:
    """A choice with tiny limits."""
    limits = front.MAX_WORD_BYTES, front.PART_BYTES
    front.MAX_WORD_BYTES, front.PART_BYTES = 4, 5
    try:
        return constrain.choice(texts)
    finally:
        front.MAX_WORD_BYTES, front.PART_BYTES = limits


def test_many_bytes_come_in_parts():
    expr = parts({f"text {i}" for i in range(10)}).rules["start"]
    assert isinstance(expr, Choice)
    assert len(expr.items) > 5
    assert constrain.choice(["a", "b"]).rules["start"].words == (b"a", b"b")  # type: ignore
