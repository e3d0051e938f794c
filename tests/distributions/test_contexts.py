"""Contexts, masks and tokens: values with the right probabilities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from constrain.distributions import LMContext, Token, TokenMask, Transformer
from constrain.lm import Key, TabularModel
from constrain.lm.protocol import run_alone
from constrain.tokens.vocabulary import Vocabulary

V = 6
VOCABULARY = Vocabulary([b"a", b"b", b"ab", b"c", b"\xc3", None], [5])
LM = TabularModel.random(VOCABULARY, 1, 3)
sets = st.sets(st.integers(0, V - 1))


@settings(max_examples=60, deadline=None)
@given(a=sets, b=sets)
def test_masks_are_sets(a, b):
    x, y = TokenMask.of(a, V), TokenMask.of(b, V)
    assert (set(x & y), set(x | y), set(x - y)) == (a & b, a | b, a - b)
    assert (set(x & b), set(x - b), a - y) == (a & b, a - b, a - b)
    assert (set(~x), len(x), x == a) == (set(range(V)) - a, len(a), True)
    assert all((i in x) == (i in a) for i in range(-1, V + 1))
    packed = np.array([sum(1 << i for i in a)], np.uint32)
    assert TokenMask.of(packed, V) == x
    assert hash(TokenMask.of(sorted(a), V)) == hash(x)


@settings(max_examples=60, deadline=None)
@given(masks=st.lists(st.tuples(sets, st.booleans()), max_size=3), token=st.integers(0, V - 1))
def test_a_token_in_stages_has_the_probability_of_the_token(masks, token):
    """Answers of masks and the token behind them multiply to the token's own probability."""
    context = LMContext(LM, [1])
    row = LM.log_probs(np.array([LM.init([1])]))[0]
    total = 0.0
    for mask, _ in masks:
        total += run_alone(context.mask_dist(mask).log_prob(token in mask))
    total += run_alone(context.next_token().log_prob(token))
    assert total == pytest.approx(row[token])
    assert context.tokens == [1, token]
    assert len(context.model_mask) == V


def test_drawn_answers_have_their_frequencies():
    mask = {0, 3}
    row = np.exp(LM.log_probs(np.array([LM.init([2])]))[0])
    yes = row[[0, 3]].sum()
    n, found = 2000, []
    for i in range(n):
        context = LMContext(LM, [2])
        bit, log_bit = run_alone(context.mask_dist(mask).sample(Key(1, i)))
        assert math.exp(log_bit) == pytest.approx(yes if bit else 1 - yes)
        token, log_token = run_alone(context.next_token().sample(Key(2, i)))
        assert (token in mask) == bit
        assert log_bit + log_token == pytest.approx(math.log(row[token]))
        found.append(int(token))
    for token in range(V):
        p = row[token]
        assert abs(found.count(token) / n - p) < 4 * math.sqrt(p * (1 - p) / n)


def test_impossible_answers():
    context = LMContext(LM, [0])
    assert run_alone(context.mask_dist(()).log_prob(True)) == -math.inf
    assert run_alone(context.mask_dist(()).sample(Key(0))) == (False, pytest.approx(0.0))
    run_alone(context.mask_dist({1, 2}).log_prob(True))
    assert run_alone(context.mask_dist({0}).log_prob(True)) == -math.inf
    assert run_alone(context.next_token().log_prob(3)) == -math.inf


def test_what_is_shown():
    context = LMContext(LM, [0, 1], show_prompt=True)
    for token in (2, 4, 5):
        context.append(token)
    assert str(context) == "abab\ufffd"
    assert str(LMContext(LM, [0, 1])) == ""
    assert (context.token_count, context.prompt_token_count) == (5, 2)
    copy = context.fork()
    copy.append(0)
    assert context.token_count == 5


def test_ranks_and_supports():
    context = LMContext(LM, [0])
    run_alone(context.mask_dist({1, 2}).log_prob(True))
    dist = context.next_token()
    assert sorted(dist.enumerate_support()) == [1, 2]
    assert {int(dist.argmax(i)[0]) for i in (0, 1)} == {1, 2}
    assert dist.argmax(0)[1] >= dist.argmax(1)[1]
    with pytest.raises(IndexError):
        dist.argmax(2)
    assert list(context.mask_dist({1, 2}).enumerate_support()) == [True]
    whole = Transformer(LM, [0])
    assert len(list(whole.enumerate_support())) == V
    assert whole.argmax(0) == LMContext(LM, [0]).next_token().argmax(0)


def test_tokens_are_ids_and_texts():
    assert Token(LM, 2) == 2 == Token(LM, 2)
    assert Token(LM, 2) == "ab"
    assert Token(LM, 2) != Token(TabularModel.random(VOCABULARY, 1, 4), 2)
    assert np.arange(6)[Token(LM, 2)] == 2
    assert repr(Token(LM, 2)) == "<ab|2>"
