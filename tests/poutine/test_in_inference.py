"""Handlers around inference: each particle runs under its own copies of them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from effect_programs import EOS, LM, VOCABULARY, log_sum, texts

import constrain
from constrain import poutine
from constrain.distributions import LMContext
from constrain.lm.distributions import Bernoulli, LogCategorical
from constrain.smc.modeling import Model, SubModel
from constrain.smc.programs import Programs
from constrain.smc.sequential import sequential

LENGTH = 4
AB = constrain.compile(constrain.regex("[ab]{1,3}"), VOCABULARY)
NOT_LONG = constrain.compile(constrain.regex("a?b?"), VOCABULARY)


class Writer(Model):
    """One token a step, by a `Model`'s own word or by a site of poutine."""

    def __init__(self, by_site: bool = False):
        super().__init__()
        self.context = LMContext(LM)
        self.by_site = by_site

    async def step(self):
        token_dist = self.context.next_token()
        if self.by_site:
            token = await poutine.sample(f"t{self.context.token_count}", token_dist)
        else:
            token = await self.sample(token_dist)
        if token == EOS:
            self.finish()


def run(model: Model, n: int, seed: int, **options):
    return sequential(Programs.start(model, n, seed), seed, **options)


def inside(*constraints) -> dict[tuple[int, ...], float]:
    """Texts that fit, with their log-probability."""

    def fits(tokens: tuple[int, ...]) -> bool:
        text = b"".join(VOCABULARY.tokens[t] or b"" for t in tokens)
        return tokens[-1] == EOS and all(c.matches(text) for c in constraints)

    return {tokens: score for tokens, score in texts(max_tokens=LENGTH).items() if fits(tokens)}


def masses(tokens: list[int]) -> float:
    """The log-weight of a text under AB: the sum of what was allowed at each step."""
    total, state, place = 0.0, LM.init(), AB.init()
    for token in tokens:
        row = LM.log_probs(np.array([state]))[0]
        word = int(AB.mask(place)[0])
        total += log_sum(row[i] for i in range(4) if word >> i & 1)
        [state] = LM.advance(np.array([state]), np.array([token]))
        place = AB.advance(place, token)
    return total


@pytest.mark.parametrize("by_site", [False, True])
def test_a_grammar_outside_of_inference_weighs_every_particle(by_site: bool):
    with poutine.constrain(AB):
        found = run(Writer(by_site), 40, 3, ess_threshold=0.0)
    for particle in found.particles.models:
        tokens = particle.context.tokens
        assert tuple(tokens) in inside(AB)
        assert particle.untwisted_weight == pytest.approx(masses(tokens), abs=1e-9)


def test_both_words_make_one_run():
    with poutine.constrain(AB):
        own, site = (run(Writer(by_site), 16, 7) for by_site in (False, True))
    assert own.texts == site.texts
    assert own.log_evidence == site.log_evidence


def test_clones_go_their_own_ways_in_the_grammar():
    """Resampling at every step; the evidence averages to the truth."""
    exact = math.exp(log_sum(inside(AB, NOT_LONG).values()))
    estimates = []
    for seed in range(60):
        with poutine.constrain(AB), poutine.constrain(NOT_LONG):
            found = run(Writer(), 8, seed, ess_threshold=1.1)
        assert {tuple(m.context.tokens) for m in found.particles.models} <= inside(
            AB, NOT_LONG
        ).keys()
        estimates.append(math.exp(found.log_evidence))
    error = np.std(estimates, ddof=1) / math.sqrt(len(estimates))
    assert abs(np.mean(estimates) - exact) < 4 * error


def test_conditions_and_scales_reach_the_particles():
    class Coins(Model):
        async def step(self):
            self.first = await self.sample(Bernoulli(0.25), name="first")
            self.finish()

    with poutine.condition({"first": True}), poutine.scale(2.0):
        found = run(Coins(), 5, 1)
    assert all(particle.first for particle in found.particles.models)
    assert found.log_evidence == pytest.approx(2 * math.log(0.25))


def test_a_dead_end_ends_one_particle():
    class Guess(Model):
        async def step(self):
            token = await poutine.sample("free", LogCategorical(np.zeros(5)))  # no token site
            if token < 4:
                await poutine.observe("t", LogCategorical(np.zeros(4)), token)
            self.finish()

    with poutine.constrain(constrain.compile(constrain.literal("a"), VOCABULARY)):
        found = run(Guess(), 60, 2, ess_threshold=0.0)
    weights = [particle.untwisted_weight for particle in found.particles.models]
    assert set(weights) == {-math.inf, 0.0, math.log(0.25)}


def test_a_submodel_and_a_plain_coroutine_in_one_program():
    async def two_tokens(context: LMContext) -> list[int]:
        return [await poutine.sample(f"t{i}", context.next_token()) for i in range(2)]

    class Part(SubModel):
        def __init__(self, context: LMContext):
            super().__init__()
            self.context = context

        async def forward(self):
            await self.observe(self.context.mask_dist([EOS]), True)
            return await self.sample(self.context.next_token())

    class Mixed(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(LM)

        async def step(self):
            await two_tokens(self.context)
            await self.call(Part(self.context))
            self.finish()

    found = run(Mixed(), 30, 4, ess_threshold=0.0)
    for particle in found.particles.models:
        *first, end = particle.context.tokens
        assert end == EOS
        row = LM.log_probs(np.array([LM.init(first)]))[0]
        assert particle.untwisted_weight == pytest.approx(row[EOS], abs=1e-9)


def test_a_subsample_belongs_to_the_particle():
    class Picker(Model):
        async def step(self):
            with poutine.plate("rows", 50, subsample_size=5) as rows:
                self.rows = rows.tolist()
            self.finish()

    first, again = (run(Picker(), 6, 9) for _ in range(2))
    picked = [particle.rows for particle in first.particles.models]
    assert picked == [particle.rows for particle in again.particles.models]
    assert len(set(map(tuple, picked))) == 6


def test_particles_under_a_grammar_still_ask_together():
    class Counting:
        """LM, and how often it was asked."""

        vocabulary, init, advance = LM.vocabulary, staticmethod(LM.init), staticmethod(LM.advance)
        calls = 0

        def log_probs(self, states):
            self.calls += 1
            return LM.log_probs(states)

    class Counted(Writer):
        def __init__(self, lm):
            super().__init__()
            self.context = LMContext(lm)

    lm = Counting()
    with poutine.constrain(AB):
        found = run(Counted(lm), 24, 5, ess_threshold=0.0)
    longest = max(particle.context.token_count for particle in found.particles.models)
    assert lm.calls == longest


def test_each_particle_has_its_own_trace():
    with poutine.trace(), poutine.constrain(AB):
        found = run(Writer(), 12, 8, ess_threshold=0.0)
    for particle, (tracer, _) in zip(found.particles.models, found.particles.stacks, strict=True):
        model, guide = poutine.split_trace(tracer.trace)
        weight = model.log_prob_sum() - guide.log_prob_sum()
        assert abs(weight - particle.untwisted_weight) < 1e-9
        assert model.log_prob_sum() == pytest.approx(inside(AB)[tuple(particle.context.tokens)])


def test_a_seed_around_inference_is_refused():
    with poutine.seed(3), pytest.raises(ValueError, match="give the inference its rng="):
        run(Writer(), 4, 1)
