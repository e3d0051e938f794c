"""E[Z-hat] = Z by t-test, and weighted posteriors against enumeration by chi-square.

Fixed seeds. Each comparison is two-sided at |t| < 4 (a level of 6e-5), so the file as a whole
would fail by chance about once in 500 choices of its seeds.
"""

from __future__ import annotations

import math

import numpy as np
import pytest
from worlds import WORLDS, exact

from constrain.smc.api import awrs, importance_sampling, particle_filter, smc, steer
from constrain.smc.cars import cars
from constrain.smc.conditional import conditional_smc
from constrain.smc.enumeration import enumeration
from constrain.smc.resampling import RESAMPLERS

THRESHOLDS = [0.3, 0.7, 1.1]
LEVEL = 4.0
COMBINATIONS = [(r, tau) for r in RESAMPLERS for tau in THRESHOLDS]


def t_statistic(samples, mean):
    samples = np.asarray(samples)
    error = samples.std(ddof=1) / math.sqrt(len(samples))
    return (samples.mean() - mean) / max(error, 1e-12)


def evidences(method, wanted, runs, n=4, **options):
    return np.exp([method(wanted, n, seed, **options).log_evidence for seed in range(runs)])


@pytest.mark.parametrize("name", WORLDS)
def test_importance_sampling(name):
    wanted, log_z, posterior = exact(name)
    found = importance_sampling(wanted, 20_000, 1)
    z = 20_000 * np.exp(found.log_weights)
    assert abs(t_statistic(z, math.exp(log_z))) < LEVEL
    error = found.log_evidence_error
    assert abs(found.log_evidence - log_z) < LEVEL * error + 1e-12
    assert_posterior(found, posterior, math.exp(log_z))


def assert_posterior(found, posterior, z):
    """The mass estimated for each text, with the variance of independent weights."""
    n = len(found.log_weights)
    terms = {text: np.zeros(n) for text in posterior}
    for i, (text, w) in enumerate(zip(found.texts, np.exp(found.log_weights), strict=True)):
        if w > 0:
            terms[text][i] = n * w
    frequent = sorted(posterior, key=posterior.get, reverse=True)[:12]
    scores = [t_statistic(terms[text], posterior[text] * z) for text in frequent]
    assert np.square(scores).sum() < 45  # chi-square with 12 degrees of freedom: level 1e-5


@pytest.mark.parametrize("i", range(2 * len(WORLDS)))
def test_smc_with_every_resampler_and_threshold(i):
    wanted, log_z, posterior = exact(WORLDS[i % len(WORLDS)])
    resampler, tau = COMBINATIONS[i % len(COMBINATIONS)]
    options = {"resample": RESAMPLERS[resampler], "ess_threshold": tau}
    runs = [smc(wanted, 4, seed, **options) for seed in range(120)]
    z = np.exp([run.log_evidence for run in runs])
    assert abs(t_statistic(z, math.exp(log_z))) < LEVEL
    best = sorted(posterior, key=posterior.get, reverse=True)[:4]
    masses = np.array([[mass(run, text) for text in best] for run in runs])
    scores = [
        t_statistic(column, posterior[text] * math.exp(log_z))
        for column, text in zip(masses.T, best, strict=True)
    ]
    assert np.square(scores).sum() < 32  # chi-square with 4 degrees of freedom: level 2e-6


def mass(run, text):
    """The estimate of one text's unnormalised probability: without bias as well."""
    same = [t == text for t in run.texts]
    return float(np.exp(run.log_weights[same]).sum())


@pytest.mark.parametrize("name", ["length cap", "critic", "hopeless prefixes", "two ends"])
@pytest.mark.parametrize("n_beam", [1, 3])
def test_steering(name, n_beam):
    wanted, log_z, _ = exact(name)
    z = evidences(steer, wanted, 100, n_beam=n_beam)
    assert abs(t_statistic(z, math.exp(log_z))) < LEVEL


@pytest.mark.parametrize("name", WORLDS)
def test_the_particle_filter(name):
    wanted, log_z, posterior = exact(name)
    z = evidences(particle_filter, wanted, 100)
    assert abs(t_statistic(z, math.exp(log_z))) < LEVEL
    everything = particle_filter(wanted, 10_000, 0)
    assert everything.log_evidence == pytest.approx(log_z, abs=1e-9)
    assert everything.posterior() == pytest.approx(posterior)


@pytest.mark.parametrize("name", ["length cap", "critic", "hopeless prefixes", "two ends", "free"])
def test_rejection_sampling_of_tokens(name):
    wanted, log_z, _ = exact(name)
    z = evidences(awrs, wanted, 150)
    assert abs(t_statistic(z, math.exp(log_z))) < LEVEL


@pytest.mark.parametrize("name", ["plain", "critic", "length cap", "two ends"])
def test_conditional_smc_bounds_from_above(name):
    """1 / Z-hat of a run led by an exact draw has expectation 1 / Z."""
    wanted, log_z, _ = exact(name)
    runs = 150
    if name == "critic":  # potentials above 0: draw by enumeration
        leaders = draws_by_enumeration(wanted, runs)
    else:
        leaders = cars(wanted, runs, 1).sequences
    logs = [conditional_smc(wanted, 4, s, leader).log_evidence for s, leader in enumerate(leaders)]
    assert abs(t_statistic(np.exp(-np.array(logs)), math.exp(-log_z))) < LEVEL
    lower = np.log(evidences(smc, wanted, runs) + 1e-300)
    assert t_statistic(lower, log_z) < LEVEL
    assert t_statistic(logs, log_z) > -LEVEL
    assert np.mean(lower) < np.mean(logs)


def draws_by_enumeration(wanted, runs):
    found = enumeration(wanted)
    p = np.exp(found.log_weights - found.log_evidence)
    which = np.random.default_rng(5).choice(len(p), runs, p=p / p.sum())
    return [found.sequences[i] for i in which]


def test_with_two_end_tokens_the_conditional_run_knows_which_was_read():
    wanted, *_ = exact("two ends")
    found = conditional_smc(wanted, 3, 0, (3, 5))
    assert found.particles.tokens[0].tolist()[:2] == [3, 5]
