"""Free text and tags against a regular expression with look-ahead."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, strategies as st

import constrain
from constrain.decoding.budget import within
from constrain.errors import SpecError
from constrain.syntax.tagged import Tag, free_text, tagged

EOS, CALL = 0, 1
TOKENS = [
    None,
    None,
    *(bytes([b]) for b in range(256)),
    b"<t>",
    b"><",
    b"a<t",
    b">1",
    b"1</",
    b"t>a",
]
VOCABULARY = constrain.Vocabulary(TOKENS, [EOS])

NUMBER = constrain.regex("[0-9]+")
TAGS = [Tag("<t>", NUMBER, "</t>"), Tag("<<", constrain.choice(["ab", "a<<b"]), ".")]
FREE = r"(?:(?!<t>|<<)[\s\S])*"
PART = rf"{FREE}(?:<t>[0-9]+</t>|<<(?:ab|a<<b)\.)"

pieces = st.sampled_from(["<t>", "</t>", "1", "23", "<", "<<", "ab", "a<<b", ".", "é", "\n", "t>"])
texts = st.lists(pieces, max_size=8).map("".join)


def compiled(at_least=0, at_most=None):
    return constrain.compile(tagged(TAGS, at_least, at_most), VOCABULARY)


CONSTRAINTS = {
    "{0,}": compiled(),
    "{1,}": compiled(at_least=1),
    "{0,1}": compiled(at_most=1),
    "{1,2}": compiled(1, 2),
}


@given(texts)
@pytest.mark.parametrize("count", CONSTRAINTS)
def test_texts_are_those_of_the_pattern(count, text):
    expected = re.fullmatch(rf"(?:{PART}){count}{FREE}", text) is not None
    assert CONSTRAINTS[count].matches(text) == expected


@given(texts)
def test_free_text(text):
    constraint = constrain.compile(free_text(["<t>", "23"]), VOCABULARY)
    assert constraint.matches(text) == ("<t>" not in text and "23" not in text)


def allowed(constraint, state):
    bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
    return {TOKENS[i] for i in np.flatnonzero(bits).tolist()}


def test_tokens_reach_over_borders():
    constraint = CONSTRAINTS["{0,}"]
    free = constraint.init()
    assert {b"a<t", b"<t>", None} <= allowed(constraint, free)
    opened = constraint.advance_bytes(free, b"x<t")
    assert b">1" in allowed(constraint, opened)
    assert b"><" not in allowed(constraint, opened)
    inside = constraint.advance_bytes(free, b"<t>2")
    assert allowed(constraint, inside) & {None, b"a", b"1</"} == {b"1</"}
    closing = constraint.advance_bytes(free, b"<t>2</")
    assert b"t>a" in allowed(constraint, closing)


def test_a_tag_is_asked_for():
    constraint = CONSTRAINTS["{1,}"]
    assert not constraint.accepts(constraint.advance_bytes(constraint.init(), b"hello"))
    once = constraint.advance_bytes(constraint.init(), b"hello <t>7</t> so")
    assert constraint.accepts(once)


def test_sequences_with_free_text_between():
    grammar = NUMBER + free_text(["|"]) + "|" + NUMBER
    constraint = constrain.compile(grammar, VOCABULARY)
    assert not constraint.matches("1, that is | no")
    assert constraint.matches("1, that is |2")
    assert not constraint.matches("1 | |2")


def test_special_tokens_open_tags_and_budgets_hold_for_them():
    grammar = tagged([Tag(f"<[{CALL}]>", NUMBER, "!", special=True)], at_least=1)
    constraint = constrain.compile(grammar, VOCABULARY)
    opened = constraint.advance(constraint.advance(constraint.init(), 2 + ord("x")), CALL)
    assert allowed(constraint, opened) == {bytes([b]) for b in b"0123456789"}
    done = constraint.advance_bytes(opened, b"12!")
    assert constraint.accepts(done)
    assert not constraint.accepts(opened)
    budgeted = within(constraint, 4)
    assert np.flatnonzero(budgeted.mask(budgeted.init())).tolist() == [0]
    assert budgeted.mask(budgeted.init())[0] == 1 << CALL


def test_tags_that_cannot_be_told_apart():
    for tags in ([], [Tag("", NUMBER)], [Tag("<t>", NUMBER), Tag("<t>", NUMBER)]):
        with pytest.raises(SpecError, match="different texts"):
            tagged(tags)
