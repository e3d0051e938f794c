"""Algorithms that are no importance samplers have laws of their own."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from worlds import exact

from constrain.errors import EmptyLanguage, LimitExceeded
from constrain.smc.asap import asap
from constrain.smc.awrs import draw
from constrain.smc.beam import beam
from constrain.smc.cars import cars
from constrain.smc.collected import Collected
from constrain.smc.enumeration import enumeration
from constrain.smc.mcmc import Chains, _log_q, mcmc, rejuvenated
from constrain.smc.result import Result


def chi_square(counts, posterior, n, least=5.0):
    """(statistic, degrees of freedom) with rare texts put together."""
    frequent = [text for text, p in posterior.items() if n * p >= least]
    rest = 1 - sum(posterior[t] for t in frequent)
    cells = [(counts[t], n * posterior[t]) for t in frequent]
    if rest * n > least:
        cells.append((n - sum(counts[t] for t in frequent), n * rest))
    return sum((o - e) ** 2 / e for o, e in cells), len(cells) - 1


def assert_same_law(texts, posterior):
    """Chi-square at about four standard deviations of its own."""
    counts = Counter(texts)
    assert set(counts) <= set(posterior)
    statistic, freedom = chi_square(counts, posterior, len(texts))
    assert statistic < freedom + 4.5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("name", ["plain", "length cap", "two ends", "early finish"])
def test_cars_draws_exactly_from_its_first_text_on(name):
    wanted, log_z, posterior = exact(name)
    firsts = [cars(wanted, 1, seed).texts[0] for seed in range(400)]
    assert_same_law(firsts, posterior)
    many = cars(wanted, 1500, 1)
    assert_same_law(many.texts, posterior)
    assert many.log_evidence == pytest.approx(log_z, abs=0.1)


def test_cars_refuses_what_it_cannot_do():
    wanted, *_ = exact("critic")
    with pytest.raises(ValueError, match="at most 0"):
        cars(wanted, 5, 0)
    with pytest.raises(LimitExceeded):
        cars(exact("plain")[0], 50, 0, max_tries=3)


def test_asap_starts_with_the_bias_of_masking_and_converges():
    wanted, log_z, posterior = exact("plain")
    first = Counter(asap(wanted, 1, seed).texts[0] for seed in range(600))
    late = asap(wanted, 3000, 1, burn_in=1000)
    assert_same_law(late.texts, posterior)

    def distance(counts, n):
        return sum(abs(counts[t] / n - p) for t, p in posterior.items())

    assert distance(first, 600) > 2.5 * distance(Counter(late.texts), 3000)
    assert late.log_evidence == pytest.approx(log_z, abs=0.05)


@pytest.mark.parametrize("name", ["plain", "critic"])
def test_moves_leave_the_posterior_invariant(name):
    """Started with exact draws, a chain stays exact; detailed balance holds to rounding."""
    wanted, _, posterior = exact(name)
    found = enumeration(wanted)
    p = np.exp(found.log_weights - found.log_evidence)
    drawn = np.random.default_rng(3).choice(len(p), 1500, p=p / p.sum())
    ids = tuple(found.sequences[i] for i in drawn)
    before = Result(Collected(wanted, ids, np.zeros(1500)))
    after = rejuvenated(before, seed=2, n_moves=3)
    assert_same_law(after.texts, posterior)
    assert sum(a != b for a, b in zip(after.texts, before.texts, strict=True)) > 300


def test_chains_converge():
    wanted, _, posterior = exact("plain")
    found = mcmc(wanted, 800, 7, n_moves=10)
    assert_same_law(found.texts, posterior)
    single = mcmc(wanted, 400, 7, n_moves=50, thin=6)
    assert set(single.texts) <= set(posterior)


def test_the_proposal_of_a_move_is_summed_over_all_cuts():
    """Against the sum over cuts of products of local probabilities, written out."""
    wanted, *_ = exact("plain")
    chains = Chains(wanted, 0)
    here, there = chains.path((0, 3, 1)), chains.path((0, 1))
    local = np.exp(there.log_p - there.log_mass)
    q = sum(np.prod(local[cut:]) for cut in range(2)) / len(here.tokens)
    assert _log_q(here, there) == pytest.approx(math.log(q))


@pytest.mark.parametrize("name", ["plain", "two ends", "free"])
def test_a_wide_beam_finds_the_best_sentence(name):
    wanted, _, _ = exact(name)
    found = beam(wanted, 500)
    best = beam(wanted, 1)
    p = np.exp(found.log_weights)
    assert (np.diff(p) <= 1e-15).all()
    everything = enumeration(wanted)
    assert found.log_weights[0] == pytest.approx(everything.log_weights.max())
    assert best.log_weights[0] <= found.log_weights[0]
    assert len(beam(wanted, 3).texts) == 3


def test_the_recursive_estimator_is_unbiased_by_enumeration():
    """Over all orders of rejection: E[w 1(x = t)] = p_t, exactly."""
    p = np.array([0.4, 0.25, 0.2, 0.1, 0.05])
    for accepted in [{0, 2}, {4}, {0, 1, 2, 3, 4}, {1, 3, 4}]:
        found = np.zeros(5)
        for order_p, token, weight in estimates(p, accepted):
            found[token] += order_p * weight
        assert found == pytest.approx([p[t] if t in accepted else 0.0 for t in range(5)])


class Script:
    """A key whose uniforms pick given tokens; records how far it was read."""

    def __init__(self, choices, p):
        self.choices, self.p = list(choices), p
        self.left = p.copy()

    def uniform(self, draw=0):
        token = self.choices.pop(0)
        before = self.left[:token].sum()
        u = (before + 0.5 * self.left[token]) / self.left.sum()
        self.left[token] = 0.0
        return u


def estimates(p, accepted):
    """(probability, token, weight) of every way that `draw` can go."""

    def go(chosen, prob, left):
        first = next((t for t in chosen if t in accepted), None)
        done = first is not None and (chosen[-1] != first or not left.any())
        if done:
            yield prob, *draw_scripted(p, chosen, accepted)
            return
        for token in np.flatnonzero(left):
            rest = left.copy()
            rest[token] = 0
            yield from go([*chosen, int(token)], prob * left[token] / left.sum(), rest)

    yield from go([], 1.0, p.copy())


def draw_scripted(p, chosen, accepted):
    token, log_weight = draw(p.copy(), lambda t: t in accepted, Script(chosen, p))
    return token, math.exp(log_weight)


def test_nothing_allowed():
    assert draw(np.array([0.5, 0.5]), lambda t: False, Script([0, 1], np.array([0.5, 0.5]))) == (
        -1,
        -math.inf,
    )


def test_a_language_of_probability_zero():
    import constrain
    from constrain.lm import TabularModel
    from constrain.smc.target import target
    from constrain.tokens.vocabulary import Vocabulary

    vocabulary = Vocabulary([b"a", b"b", None], [2])
    only_b = TabularModel(vocabulary, [[0.0, 0.5, 0.5]])
    wanted = target(only_b, (), constrain.compile(constrain.literal("a"), vocabulary))
    for method in (cars, asap):
        with pytest.raises(EmptyLanguage):
            method(wanted, 3, 0)
    with pytest.raises(EmptyLanguage):
        mcmc(wanted, 1, 0)
