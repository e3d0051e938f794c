"""Resamplers keep expectations and totals, and never choose what has no weight."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from constrain.lm.keys import Key
from constrain.smc.resampling import RESAMPLERS, optimal, threshold
from constrain.smc.weights import (
    effective_sample_size,
    logsumexp,
    normalized,
    relative_variance,
)

INF = float("inf")
weights = st.lists(st.one_of(st.just(0.0), st.floats(0.01, 10.0)), min_size=1, max_size=9).filter(
    any
)


def logs(ws):
    with np.errstate(divide="ignore"):
        return np.log(np.array(ws, float))


@pytest.mark.parametrize("name", RESAMPLERS)
@settings(max_examples=80, deadline=None)
@given(ws=weights, n=st.integers(1, 8), seed=st.integers(0, 1 << 40))
def test_totals_are_kept_and_zeros_are_not_chosen(name, ws, n, seed):
    indices, new = RESAMPLERS[name](logs(ws), n, Key(seed))
    assert all(ws[i] > 0 for i in indices)
    assert logsumexp(new) == pytest.approx(np.log(sum(ws)), abs=1e-9)
    assert len(indices) == len(new) == (min(n, np.count_nonzero(ws)) if name == "optimal" else n)
    assert (np.diff(indices) >= 0).all()
    if name == "optimal":
        assert len(set(indices.tolist())) == len(indices)


@pytest.mark.parametrize("name", RESAMPLERS)
def test_every_particle_keeps_its_expected_weight(name):
    ws, n, runs = [0.5, 0.0, 2.0, 0.1, 1.3, 0.1, 0.02], 4, 4000
    found = np.zeros((runs, len(ws)))
    for seed in range(runs):
        indices, new = RESAMPLERS[name](logs(ws), n, Key(seed))
        np.add.at(found[seed], indices, np.exp(new))
    error = found.std(0) / np.sqrt(runs)
    assert (np.abs(found.mean(0) - ws) <= 4.5 * error + 1e-9).all()


@pytest.mark.parametrize("name", ["systematic", "residual", "stratified"])
def test_numbers_of_copies_are_bounded(name):
    ws, n = np.array([0.55, 0.25, 0.15, 0.05]), 10
    most = {"systematic": 1, "residual": 3, "stratified": 2}[name]
    for seed in range(300):
        indices, _ = RESAMPLERS[name](np.log(ws), n, Key(seed))
        copies = np.bincount(indices, minlength=4)
        if name == "residual":
            assert (copies >= np.floor(n * ws + 1e-9)).all()
        assert (np.abs(copies - n * ws) < most).all()


@settings(max_examples=100, deadline=None)
@given(ws=st.lists(st.floats(1e-6, 10.0), min_size=2, max_size=12), seed=st.integers(0, 99))
def test_the_threshold_solves_its_equation(ws, seed):
    n = 1 + seed % (len(ws) - 1)
    w = np.array(ws)
    assert np.minimum(1, threshold(w, n) * w).sum() == pytest.approx(n)


def test_optimal_resampling_keeps_the_heavy_as_they_are():
    indices, new = optimal(logs([10, 0.1, 0.2, 0.1, 5]), 3, Key(1))
    assert {0, 4} <= set(indices.tolist())
    kept = dict(zip(indices.tolist(), np.exp(new).tolist(), strict=True))
    assert kept[0] == pytest.approx(10)
    assert kept[4] == pytest.approx(5)
    assert sum(kept.values()) == pytest.approx(15.4)


def test_dead_populations():
    dead = np.full(3, -INF)
    assert effective_sample_size(dead) == 0.0
    assert normalized(dead).tolist() == [0.0, 0.0, 0.0]
    assert relative_variance(dead, np.arange(3), 3, 0) == INF


def test_the_variance_estimate_without_resampling_is_that_of_a_mean():
    w = np.random.default_rng(1).exponential(size=50)
    found = relative_variance(np.log(w), np.arange(50), 50, 0)
    assert found == pytest.approx(w.var(ddof=1) / 50 / w.mean() ** 2)
