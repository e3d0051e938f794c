"""Models for tests and examples, against the obvious ways to compute them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from constrain.errors import VocabularyMismatch
from constrain.lm import LanguageModel, NGramModel, TabularModel
from constrain.lm.protocol import Request, answer
from constrain.tokens.vocabulary import Vocabulary

VOCABULARY = Vocabulary([b"a", b"b", None], eos_token_ids=[2])


def test_a_table_answers_by_the_last_tokens():
    lm = TabularModel.random(VOCABULARY, order=2, rng=1)
    assert isinstance(lm, LanguageModel)
    state = lm.init([0, 1, 0, 1])
    assert state == lm.init([0, 1]) != lm.init([1])
    stepped = lm.advance(np.array([lm.init(), lm.init([0])]), np.array([0, 1]))
    assert stepped.tolist() == [lm.init([0]), lm.init([0, 1])]
    rows = lm.log_probs(np.array([state, lm.init()]))
    assert rows.shape == (2, 3)
    assert np.exp(rows).sum(-1) == pytest.approx(1)


def test_tables_of_order_zero_and_of_a_wrong_shape():
    lm = TabularModel(VOCABULARY, [[1.0, 2.0, 1.0]])
    assert np.exp(lm.log_probs(np.array([0]))[0]).tolist() == pytest.approx([0.25, 0.5, 0.25])
    assert lm.init([1, 1]) == 0
    with pytest.raises(VocabularyMismatch):
        TabularModel(VOCABULARY, np.ones((5, 3)))
    with pytest.raises(VocabularyMismatch):
        NGramModel(Vocabulary([b"x"] * 1000, [0]), [], order=7)


def test_n_grams_interpolate_as_the_formula_says():
    texts = [[0, 1, 0, 2], [0, 0, 2]]
    lm = NGramModel(VOCABULARY, texts, order=1)

    def p(token, before):
        flat = [token for text in texts for token in text]
        empty = (flat.count(token) + 3 * (1 / 3)) / (len(flat) + 3)
        after = [b for text in texts for a, b in pairwise(text) if a == before]
        if not after:
            return empty
        kinds = len(set(after))
        return (after.count(token) + kinds * empty) / (len(after) + kinds)

    for before in range(3):
        row = np.exp(lm.log_probs(np.array([lm.init([before])])))[0]
        assert row.tolist() == pytest.approx([p(token, before) for token in range(3)])


def test_equal_questions_are_asked_once():
    class Counting(TabularModel):
        asked = 0

        def log_probs(self, states):
            self.asked += len(states)
            return super().log_probs(states)

    lm, other = (Counting.random(VOCABULARY, 1, rng) for rng in (1, 2))
    rows = answer([Request(lm, 1), Request(other, 1), Request(lm, 1), Request(lm, 2)])
    assert (lm.asked, other.asked) == (2, 1)
    assert np.array_equal(rows[0], rows[2])
    assert np.array_equal(rows[1], other.log_probs(np.array([1]))[0])
