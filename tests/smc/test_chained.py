"""Processors with roles as proposals: the same target, exact weights."""

from __future__ import annotations

import math

import numpy as np
import pytest
from test_unbiased import LEVEL, t_statistic
from worlds import BRACKETS, dyck, exact, model

from constrain.decoding.processing import GrammarProcessor, Stateless, Suppress, Temperature, TopK
from constrain.lm import TabularModel
from constrain.smc.api import sample_through, smc
from constrain.smc.enumeration import enumeration
from constrain.smc.target import target
from constrain.smc.warning import InferenceWarning


def test_a_grammar_alone_gives_the_same_texts_and_weights_as_arrays():
    wanted, *_ = exact("plain")
    grammar = [GrammarProcessor(wanted.constraints[0])]
    for seed in range(4):
        arrays = smc(wanted, 6, seed)
        chained = sample_through(wanted.lm, (), grammar, n_particles=6, rng=seed, max_tokens=4)
        assert chained.log_weights == pytest.approx(arrays.log_weights, abs=1e-9)
        alive = np.isfinite(arrays.log_weights)
        pairs = zip(arrays.texts, chained.texts, alive, strict=True)
        assert all(a == b for a, b, lives in pairs if lives)


class Length:
    """A critic: each letter a is worth 0.3 nats."""

    role = "critic"

    def init(self, context):
        return ()

    def score(self, state, context):
        return state, 0.3 * (context.generated == 3).sum(-1).astype(np.float64)


@pytest.mark.parametrize(
    ("proposals", "critics"),
    [
        ([Temperature(0.6, role="proposal")], []),
        ([Stateless(lambda logits, context: logits * 0.5, role="proposal")], [Length()]),
    ],
)
def test_proposals_and_critics_are_weighed_without_bias(proposals, critics):
    critic = (lambda text: 0.3 * text.count(b"a")) if critics else None
    wanted = target(model(BRACKETS), (), dyck(BRACKETS), critic=critic, max_tokens=3)
    z = math.exp(enumeration(wanted).log_evidence)
    chain = [GrammarProcessor(dyck(BRACKETS)), *proposals, *critics]
    options = {"n_particles": 4, "max_tokens": 3, "ess_threshold": 0.7}
    found = [
        math.exp(sample_through(wanted.lm, (), chain, rng=seed, **options).log_evidence)
        for seed in range(120)
    ]
    assert abs(t_statistic(found, z)) < LEVEL


def test_a_target_processor_redefines_the_model():
    lm = model(BRACKETS)
    states = np.arange(len(lm._table))
    cold = TabularModel(BRACKETS, np.exp(2.0 * lm.log_probs(states)))
    z = math.exp(enumeration(target(cold, (), dyck(BRACKETS), max_tokens=3)).log_evidence)
    chain = [Temperature(0.5), GrammarProcessor(dyck(BRACKETS))]
    found = sample_through(lm, (), chain, n_particles=4000, rng=1, max_tokens=3, ess_threshold=0)
    assert abs(t_statistic(4000 * np.exp(found.log_weights), z)) < LEVEL


def test_a_hole_in_the_support_is_told():
    chain = [GrammarProcessor(dyck(BRACKETS)), TopK(1, role="proposal")]
    with pytest.warns(InferenceWarning, match="TopK as a proposal"):
        sample_through(model(BRACKETS), (), chain, n_particles=2, rng=0, max_tokens=3)


def test_dead_ends_of_a_chain_die():
    chain = [Suppress(range(5)), GrammarProcessor(dyck(BRACKETS))]
    found = sample_through(model(BRACKETS), (), chain, n_particles=3, rng=0, max_tokens=3)
    assert found.particles.dead.all()
    assert found.log_evidence == -math.inf
