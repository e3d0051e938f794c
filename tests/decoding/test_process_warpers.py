"""Warpers against those of transformers; bans against their definitions."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as tf
from hypothesis import given, settings, strategies as st

from constrain.decoding.processing import (
    BadWords,
    Chain,
    Context,
    Force,
    MaxLength,
    MinLength,
    MinP,
    RepetitionPenalty,
    Suppress,
    Temperature,
    TopK,
    TopP,
)
from constrain.errors import SpecError

VOCAB = 12
PAIRS = {
    "temperature": (Temperature(0.7), tf.TemperatureLogitsWarper(0.7)),
    "top-k": (TopK(3), tf.TopKLogitsWarper(3)),
    "top-k of all": (TopK(50), tf.TopKLogitsWarper(50)),
    "top-p": (TopP(0.8), tf.TopPLogitsWarper(0.8)),
    "top-p of all": (TopP(1.0), lambda ids, scores: scores),
    "min-p": (MinP(0.2), tf.MinPLogitsWarper(0.2)),
    "repetition": (RepetitionPenalty(1.3), tf.RepetitionPenaltyLogitsProcessor(1.3)),
    "suppress": (Suppress([3, 5]), tf.SuppressTokensLogitsProcessor([3, 5])),
    "bad words": (
        BadWords([[1], [2, 3], [2, 2, 4]]),
        tf.NoBadWordsLogitsProcessor([[1], [2, 3], [2, 2, 4]], eos_token_id=0),
    ),
    "min length": (
        MinLength(2, [0, 7]),
        tf.MinNewTokensLengthLogitsProcessor(2, 2, [0, 7]),  # two of the columns are prompt
    ),
}
logits_lists = st.lists(st.floats(-9, 9, width=32), min_size=VOCAB, max_size=VOCAB, unique=True)
token_lists = st.lists(st.integers(0, VOCAB - 1), min_size=2, max_size=4)


def run(processor, logits, ids, prompt_length=0):
    chain, context = Chain([processor]), Context(ids, prompt_length)
    return chain.process(chain.init(context), logits, context)[1]


@settings(max_examples=20)
@given(logits_lists, token_lists)
@pytest.mark.parametrize("name", PAIRS)
def test_warpers_are_those_of_transformers_on_numpy_and_torch(name, row, tokens):
    ours, theirs = PAIRS[name]
    scores, ids = torch.tensor([row, row[::-1]]), torch.tensor([tokens, tokens[::-1]])
    before = scores.clone()
    expected = theirs(ids, scores.clone())
    on_torch = run(ours, scores, ids, prompt_length=2)
    assert torch.equal(scores, before)
    assert on_torch.dtype == torch.float32
    assert torch.allclose(on_torch, expected)
    on_numpy = run(ours, scores.numpy(), ids.numpy(), prompt_length=2)
    assert on_numpy.dtype == np.float32
    assert np.allclose(on_numpy, expected.numpy())


@pytest.mark.parametrize("processor", [TopK(2), TopP(0.5), MinP(0.5)])
def test_truncations_keep_ties_and_survive_rows_with_nothing_left(processor):
    logits = np.array([[1.0, 1.0, 1.0, -5.0], [-np.inf] * 4])
    out = run(processor, logits, np.zeros((2, 0), int))
    assert np.isfinite(out).tolist() == [[True, True, True, False], [False] * 4]


def test_forced_tokens_and_the_longest_text():
    logits = np.arange(8.0).reshape(2, 4)
    for ids, first in (([[9], [9]], 2), ([[9, 2], [9, 2]], 0)):
        out = run(Force([2, 0]), logits, np.array(ids), 1)
        assert np.isfinite(out).tolist() == [[i == first for i in range(4)]] * 2
        assert out[1, first] == logits[1, first]
    done = np.array([[9, 2, 0], [9, 2, 0]])
    assert run(Force([2, 0]), logits, done, 1) is logits
    assert run(MaxLength(3, [1]), logits, done, 1) is logits
    over = run(MaxLength(2, [1, 3]), logits, done, 1)
    assert np.isfinite(over).tolist() == [[False, True, False, True]] * 2


@pytest.mark.parametrize(
    "build",
    [
        lambda: Temperature(0),
        lambda: TopK(0),
        lambda: TopP(1.5),
        lambda: MinP(0),
        lambda: RepetitionPenalty(-1),
        lambda: BadWords([[]]),
    ],
)
def test_settings_out_of_range(build):
    with pytest.raises(SpecError, match=r"has to be|at least one"):
        build()
