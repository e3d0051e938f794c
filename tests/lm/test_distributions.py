"""Distributions: what they draw has the frequencies that they say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from constrain.errors import Unsupported
from constrain.lm.distributions import (
    Bernoulli,
    Categorical,
    Choice,
    Delta,
    Geometric,
    LogCategorical,
    invert,
    logsumexp,
)
from constrain.lm.keys import Key

FINITE = [
    Bernoulli(0.3),
    Bernoulli(1.0),
    LogCategorical([0.0, 1.0, -math.inf, 2.0]),
    Categorical([0, 1, 3]),
    Choice(["a", "b", "a"], [0.0, 1.0, 0.5]),
    Delta("x"),
]


@pytest.mark.parametrize("dist", FINITE, ids=lambda d: type(d).__name__)
def test_frequencies_match_log_probs(dist):
    n = 3000
    draws = [dist.sample(Key(4, i)) for i in range(n)]
    for value in set(dist.enumerate_support()):
        p = math.exp(dist.log_prob(value))
        found = sum(v == value for v, _ in draws) / n
        assert abs(found - p) < 4 * math.sqrt(p * (1 - p) / n) + 1e-12
    assert logsumexp([dist.log_prob(v) for v in set(dist.enumerate_support())]) < 1e-12


@pytest.mark.parametrize("p", [0.15, 0.6, 1.0])
def test_geometric(p):
    dist = Geometric(p)
    draws = np.array([dist.sample(Key(9, i))[0] for i in range(4000)])
    assert draws.min() == 1
    assert abs(draws.mean() - 1 / p) < 4 * math.sqrt((1 - p) / p**2 / 4000) + 1e-12
    assert sum(math.exp(dist.log_prob(n)) for n in range(1, 400)) == pytest.approx(1)
    assert dist.log_prob(0) == dist.log_prob(-3) == -math.inf
    assert dist.argmax(0) == (1, math.log(p))


def test_ranks():
    dist = LogCategorical([0.0, 2.0, 1.0])
    assert [dist.argmax(i)[0] for i in range(3)] == [1, 2, 0]
    with pytest.raises(IndexError):
        dist.argmax(3)
    with pytest.raises(IndexError):
        Geometric(0.5).argmax(-1)


def test_outside_of_the_support():
    assert LogCategorical([0.0, 0.0]).log_prob(7) == -math.inf
    assert Delta(3).log_prob(4) == -math.inf
    assert logsumexp([]) == logsumexp([-math.inf]) == -math.inf
    with pytest.raises(ValueError, match="possible"):
        LogCategorical([-math.inf])
    with pytest.raises(Unsupported):
        list(Geometric(0.5).enumerate_support())


def test_inversion_never_gives_an_index_of_weight_zero():
    weights = np.array([0.0, 1.0, 0.0, 2.0, 0.0])
    picks = {invert(weights, u) for u in [0.0, 0.2, 1 / 3, 0.5, np.nextafter(1, 0), 1.0]}
    assert picks == {1, 3}
