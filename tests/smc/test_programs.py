"""Programs as particles: weights, keys, clones, handlers, and the same answer as arrays."""

from __future__ import annotations

import asyncio
import math
from functools import partial

import numpy as np
import pytest
from test_unbiased import LEVEL, t_statistic
from worlds import BRACKETS, dyck, exact, model

from constrain import poutine
from constrain.distributions import Bernoulli, Categorical, Geometric, LMContext
from constrain.errors import Unsupported
from constrain.lm.distributions import Delta
from constrain.lm.protocol import run_alone
from constrain.smc.api import smc
from constrain.smc.enumeration import enumeration
from constrain.smc.modeling import Model, SubModel, submodel
from constrain.smc.program_beam import program_beam
from constrain.smc.programs import Programs
from constrain.smc.resampling import multinomial, systematic
from constrain.smc.sequential import importance, sequential
from constrain.smc.steering import steering


class Masked(Model):
    """Texts of a grammar, one token a step: what `Texts` does, as a program."""

    def __init__(self, wanted):
        super().__init__()
        self.wanted = wanted
        self.constraint = wanted.constraints[0]
        self.context = LMContext(wanted.lm, wanted.prompt)
        self.state = self.constraint.init()

    def immutable_properties(self):
        return {"wanted", "constraint"}

    async def step(self):
        mask = self.constraint.mask(self.state)
        n = self.context.token_count - self.context.prompt_token_count
        if n >= self.wanted.max_tokens:
            await self.observe(
                self.context.mask_dist(self.wanted.lm.vocabulary.eos_token_ids), True
            )
        await self.observe(self.context.mask_dist(mask), True)
        token = await self.sample(self.context.next_token())
        if token in self.wanted.lm.vocabulary.eos_token_ids:
            self.score(self.wanted.log_potential(self.context.tokens[-1 - n : -1]))
            self.finish()
        else:
            self.state = self.constraint.advance(self.state, token)

    def __str__(self):
        return str(self.context)


@pytest.mark.parametrize("name", ["plain", "length cap", "two ends", "critic"])
@pytest.mark.parametrize("resample", [systematic, multinomial])
def test_programs_and_arrays_give_the_same_texts_and_weights(name, resample):
    wanted, *_ = exact(name)
    for seed in range(4):
        arrays = smc(wanted, 6, seed, resample=resample, ess_threshold=0.8)
        programs = sequential(
            Programs.start(Masked(wanted), 6, seed), seed, resample=resample, ess_threshold=0.8
        )
        assert programs.log_weights == pytest.approx(arrays.log_weights, abs=1e-9)
        alive = np.isfinite(arrays.log_weights)
        same = zip(arrays.texts, programs.texts, alive, strict=True)
        assert all(a == b for a, b, lives in same if lives)
        assert programs.log_evidence == pytest.approx(arrays.log_evidence, abs=1e-9)


class Coins(Model):
    """Three coins of which two must agree, and a guess on the way."""

    def __init__(self, guess=0.0):
        super().__init__()
        self.flips, self.guess = [], guess

    async def step(self):
        self.flips.append(await self.sample(Bernoulli(0.3), proposal=Bernoulli(0.6)))
        self.twist(self.guess if self.flips[0] else 0.0)
        if len(self.flips) == 3:
            self.condition(self.flips[0] == self.flips[1])
            await self.observe(Bernoulli(0.9 if self.flips[2] else 0.2), True)
            self.finish()


COINS_Z = (0.3**2 + 0.7**2) * (0.3 * 0.9 + 0.7 * 0.2)


@pytest.mark.parametrize("guess", [0.0, 1.5, -2.0])
@pytest.mark.parametrize(
    "method",
    [
        partial(sequential, ess_threshold=0.7),
        partial(sequential, ess_threshold=1.1, resample=multinomial),
        importance,
        partial(steering, n_beam=2),
    ],
)
def test_evidence_of_a_program(guess, method):
    z = [
        math.exp(method(Programs.start(Coins(guess), 4, seed), seed).log_evidence)
        for seed in range(80)
    ]
    assert abs(t_statistic(z, COINS_Z)) < LEVEL


def test_weight_is_model_trace_minus_proposal_trace():
    """The weights of a run are those of its sites, to rounding, whatever wraps them."""

    class Traced(Coins):
        def __init__(self):
            super().__init__()
            self.sites = []

        async def step(self):
            with poutine.trace() as tracer:
                try:
                    await super().step()
                finally:
                    self.sites.extend(tracer.trace.nodes.values())

    found = importance(Programs.start(Traced(), 40, 3), 3)
    alive = [particle for particle in found.sequences if not particle.dead]
    assert 5 < len(alive) < 35
    for particle in alive:
        scored = [site for site in particle.sites if isinstance(site, poutine.Scored)]
        model_score = sum(site.score for site in scored)
        proposal = sum(site.log_q for site in scored)
        assert particle.untwisted_weight == pytest.approx(model_score - proposal, abs=1e-9)


def test_handlers_around_a_program_go_with_its_particles():
    class Text(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(model(BRACKETS))

        async def step(self):
            token = await self.sample(self.context.next_token())
            if token in BRACKETS.eos_token_ids:
                self.finish()

        def __str__(self):
            return str(self.context)

    constraint = dyck(BRACKETS)
    with poutine.constrain(constraint):
        found = sequential(Programs.start(Text(), 30, 5), 5, ess_threshold=0.9)
    finite = np.isfinite(found.log_weights)
    assert finite.sum() > 20
    for text, lives in zip(found.texts, finite, strict=True):
        assert not lives or constraint.matches(text)
    assert not poutine.am_i_wrapped()


def test_poutine_sites_count_like_methods():
    class Mixed(Model):
        async def step(self):
            a = await poutine.sample("a", Bernoulli(0.5))
            await poutine.factor("f", 1.0 if a else 0.0)
            await poutine.observe("o", Categorical([1, 3]), 1)
            self.finish()

    found = importance(Programs.start(Mixed(), 500, 1), 1)
    assert set(np.round(found.log_weights + math.log(500), 9)) == {
        round(math.log(0.75), 9),
        round(math.log(0.75) + 1, 9),
    }


def test_submodels():
    @submodel
    async def twice(self, dist):
        """Kept."""
        return await self.sample(dist), await self.call(Once(dist))

    class Once(SubModel):
        def __init__(self, dist):
            super().__init__()
            self.dist = dist

        async def forward(self):
            value = await self.sample(self.dist)
            await self.observe(Delta(value), value)
            self.score(0.5)
            self.condition(True)
            self.twist(1.0)
            return await self.intervene(Delta(1, -3.0), 1) and value

    class Outer(Model):
        async def step(self):
            self.pair = await self.call(twice(Geometric(1.0)))
            self.finish()

    found = importance(Programs.start(Outer(), 2, 0), 0)
    assert twice.__doc__ == "Kept."
    assert found.sequences[0].pair == (1, 1)
    assert found.log_evidence == pytest.approx(0.5)


def test_draws_do_not_depend_on_how_many_run_beside():
    class Draw(Model):
        async def start(self):
            self.first = await self.sample(Categorical(np.ones(1000)))

        async def step(self):
            self.second = await self.sample(Categorical(np.ones(1000)))
            self.finish()

    few = importance(Programs.start(Draw(), 3, 7), 7).sequences
    many = importance(Programs.start(Draw(), 20, 7), 7).sequences
    drawn = [(p.first, p.second) for p in many]
    assert [(p.first, p.second) for p in few] == drawn[:3]
    assert len(set(drawn)) == 20


def test_all_programs_are_answered_in_one_call():
    lm = model(BRACKETS)
    calls = []

    class Counting(type(lm)):
        def log_probs(self, states):
            calls.append(len(states))
            return super().log_probs(states)

    counting = Counting.random(BRACKETS, 2, 1)

    class TwoTokens(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(counting)

        async def step(self):
            for _ in range(3):
                await self.sample(self.context.next_token())
            self.finish()

    importance(Programs.start(TwoTokens(), 50, 1), 1)
    assert len(calls) == 3
    assert calls[0] == 1  # fifty equal questions


class Holder(Model):
    def __init__(self):
        super().__init__()
        self.words, self.shared = [["a"]], {"table": [1]}
        self.alias = self.words
        self.context = LMContext(model(BRACKETS))
        self.state = dyck(BRACKETS).init()
        self.world = exact("plain")[0]

    def immutable_properties(self):
        return {"shared"}

    async def step(self):
        self.finish()


def test_clones_share_what_cannot_change_and_nothing_else():
    one = Holder()
    two = one.fork()
    two.words[0].append("b")
    two.words.append([])
    two.context.append(1)
    assert one.words == [["a"]]
    assert two.alias is two.words
    assert two.shared is one.shared
    assert two.state[0] is one.state[0]  # handles are compared by identity
    assert two.world is one.world
    assert one.context.token_count == 0
    assert two.context.lm is one.context.lm


def test_what_a_program_may_not_do():
    class Sleeps(Model):
        async def step(self):
            future = asyncio.new_event_loop().create_future()
            await future

    with pytest.raises(Unsupported, match="language models only"):
        importance(Programs.start(Sleeps(), 1, 0), 0)

    class Infinite(Model):
        async def step(self):
            self.score(math.nan)

    with pytest.raises(ValueError, match="nan"):
        importance(Programs.start(Infinite(), 1, 0), 0)


def test_programs_outside_of_inference_keep_their_own_weight():
    coins = Coins()
    coins.flips = [True, True]
    run_alone(coins.step())
    assert coins.finished
    assert coins.weight == pytest.approx(coins.untwisted_weight)
    with pytest.raises(poutine.DeadEnd):
        coins.condition(False)
    assert coins.weight == -math.inf


def test_beam_search_over_programs_finds_the_best_sentence():
    wanted, *_ = exact("length cap")
    found = program_beam(Masked(wanted), 60, 5)
    ids = {}
    everything = enumeration(wanted)
    for text, weight in zip(everything.texts, everything.log_weights, strict=True):
        ids[text] = max(ids.get(text, -math.inf), weight)
    best = max(ids, key=ids.get)
    assert str(found.sequences[0]) == best
    assert found.log_weights[0] == pytest.approx(ids[best])
