"""Budgets against brute force: a token may come if and only if some completion still fits."""

from __future__ import annotations

import random
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import constrain
from constrain.decoding.budget import within
from constrain.errors import EmptyLanguage, LimitExceeded, TokenRejected

EOS = 0
TOKENS = [None, b"a", b"b", b"ab", b"ba", b"aab", b"c", b'"', b":", b"{", b"}", b'{"', b'":', b"1"]
TOKENS += [b"aaa", b"ab", None, b"\n", b" ", b'"}']
SMALL = constrain.Vocabulary(TOKENS, [EOS])
BYTES = constrain.Vocabulary([None, *(bytes([b]) for b in range(256)), b'{"', b'":', b"]]"], [EOS])
RECURSIVE = 'start: "(" start* ")" | "x"'

PATTERNS = ["a*b", "(ab|ba){1,3}c?", "a{2,7}", "(a|b)*c(a|b){2}", "abc|aaaaab", "(aab)+|b{5}"]


def allowed(mask) -> set[int]:
    return set(np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist())


def brute_force(constraint):
    """needed(state): the fewest tokens to the end, end token included, by trying every token."""

    @cache
    def finishes(state, n):
        if n == 0:
            return False
        if constraint.accepts(state):
            return True
        ways = allowed(constraint.mask(state)) - {EOS}
        return any(finishes(constraint.advance(state, t), n - 1) for t in ways)

    return lambda state: next(n for n in range(1, 30) if finishes(state, n))


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(PATTERNS), st.integers(0, 6), st.randoms(use_true_random=False))
def test_masks_are_exact(pattern, slack, rng: random.Random):
    constraint = constrain.compile(constrain.regex(pattern), SMALL)
    needed = brute_force(constraint)
    least = needed(constraint.init())
    budgeted = within(constraint, least + slack)
    state, n = budgeted.init(), 0
    while not budgeted.is_terminal(state):
        assert budgeted.needed(state) == needed(state.state)
        expected = {
            token
            for token in allowed(constraint.mask(state.state))
            if token == EOS or needed(constraint.advance(state.state, token)) <= state.left - 1
        }
        assert allowed(budgeted.mask(state)) == expected
        for token in allowed(constraint.mask(state.state)) - expected:
            with pytest.raises(TokenRejected, match="more, but"):
                budgeted.advance(state, token)
        state, n = budgeted.advance(state, rng.choice(sorted(expected))), n + 1
    assert n <= least + slack
    assert budgeted.needed(state) == 0
    assert not budgeted.mask(state).any()


@pytest.mark.parametrize("pattern", PATTERNS)
def test_nothing_fits_into_too_little(pattern):
    constraint = constrain.compile(constrain.regex(pattern), SMALL)
    least = brute_force(constraint)(constraint.init())
    with pytest.raises(EmptyLanguage, match=f"the shortest text takes {least}"):
        within(constraint, least - 1)


def finish(budgeted, rng) -> bytes:
    state, tokens = budgeted.init(), []
    while not budgeted.is_terminal(state):
        tokens.append(rng.choice(sorted(allowed(budgeted.mask(state)))))
        state = budgeted.advance(state, tokens[-1])
    assert len(tokens) <= budgeted.max_tokens
    return b"".join(budgeted.vocabulary.tokens[t] or b"" for t in tokens)


SCHEMA = {
    "type": "object",
    "properties": {"n": {"type": "integer"}, "s": {"type": "string"}},
    "required": ["n"],
    "additionalProperties": False,
}


@pytest.mark.parametrize("seed", range(3))
def test_a_schema_is_finished_in_time(seed):
    rng = random.Random(seed)
    constraint = constrain.compile(constrain.json_schema(SCHEMA), BYTES)
    least = within(constraint, 100).needed(within(constraint, 100).init())
    assert least == 6  # {" n ": 1 } and the end
    for slack in (0, 1, 2, 5, 20, 60):
        assert constraint.matches(finish(within(constraint, least + slack), rng))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    "grammar", [constrain.json(), constrain.cfg(RECURSIVE, lexer="scannerless")]
)
def test_recursive_grammars_are_finished_in_time(grammar, seed):
    rng = random.Random(seed)
    constraint = constrain.compile(grammar, BYTES)
    for budget in (2, 3, 8, 21):
        assert constraint.matches(finish(within(constraint, budget), rng))
    with pytest.raises(LimitExceeded, match="shortest text known"):
        within(constraint, 1)


def test_what_is_needed_deep_inside():
    constraint = constrain.compile(constrain.cfg(RECURSIVE, lexer="scannerless"), BYTES)
    budgeted = within(constraint, 40)
    state = budgeted.init()
    for depth in range(1, 6):
        state = budgeted.advance(state, 1 + ord("("))
        assert budgeted.needed(state) == depth + 1


def test_languages_that_tokens_cannot_spell():
    tokens = constrain.Vocabulary([None, b"aa", b"b"], [EOS])
    constraint = constrain.compile(constrain.regex("a{2,5}b"), tokens)
    assert within(constraint, 3).needed(within(constraint, 3).init()) == 3
    assert allowed(within(constraint, 4).mask(within(constraint, 4).init())) == {1}


def test_services_are_shared_by_constraint_and_go_with_it():
    constraint = constrain.compile(constrain.regex("a*b"), SMALL)
    assert within(constraint, 3)._service is within(constraint, 9)._service
