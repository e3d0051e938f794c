"""Strings of bounded length where many tokens are longer than what is left."""

from __future__ import annotations

from itertools import product

import pytest
from brute_force import allowed

import constrain
from constrain.errors import TokenRejected

LONG = [bytes(word) + b"x" for word in product(b"abcdef", repeat=4)]
"""More of them than a short walk takes in, so that the tables of strings come into play."""


@pytest.fixture(scope="module")
def vocabulary() -> constrain.Vocabulary:
    return constrain.Vocabulary([None, *(bytes([i]) for i in range(256)), *LONG, b'ab"'], [0])


def fits(constraint: constrain.Constraint, state: constrain.State, token: int) -> bool:
    try:
        constraint.advance(state, token)
    except TokenRejected:
        return False
    return True


@pytest.mark.parametrize("length", range(21))
@pytest.mark.parametrize("lowest", [0, 18])
def test_no_token_is_longer_than_what_is_left(
    vocabulary: constrain.Vocabulary, length: int, lowest: int
):
    schema = {"type": "string", "minLength": lowest, "maxLength": 20}
    constraint = constrain.compile(constrain.json_schema(schema), vocabulary)
    state = constraint.advance_bytes(constraint.init(), b'"' + b"a" * length)
    ids = range(1, len(vocabulary.tokens))
    assert allowed(constraint, state) == {i for i in ids if fits(constraint, state, i)}
