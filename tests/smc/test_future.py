"""Future mass against the obvious recursion over all continuations."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from worlds import BRACKETS, dyck, model

import constrain
from constrain.errors import LimitExceeded, Unsupported, VocabularyMismatch
from constrain.lm import TabularModel
from constrain.smc import FutureMass, bigrams, future_mass
from constrain.smc.api import importance_sampling, particle_filter
from constrain.smc.enumeration import enumeration
from constrain.smc.target import target

V, EOS = len(BRACKETS), 4
REGEX = constrain.compile(constrain.regex(r"(\(a*\)){1,2}"), BRACKETS)


def by_recursion(constraint, state, remaining, weight, last=-1):
    """Mass of the surrogate's continuations, token by token. `weight(last, token)`."""
    total = weight(last, EOS) if constraint.accepts(state) else 0.0
    if remaining == 0:
        return total
    for token in range(V):
        mask = constraint.mask(state)
        if token != EOS and mask[0] >> token & 1:
            after = constraint.advance(state, token)
            rest = by_recursion(constraint, after, remaining - 1, weight, token)
            total += weight(last, token) * rest
    return total


def walk(constraint, tokens):
    state = constraint.init()
    for token in tokens:
        state = constraint.advance(state, token)
    return state


@cache
def table(i, kind):
    constraint = (REGEX, dyck(BRACKETS))[i]
    return FutureMass(constraint, 6, surrogate(kind))


def surrogate(kind):
    rng = np.random.default_rng(2)
    return {"uniform": None, "unigram": rng.random(V), "bigram": rng.random((V + 1, V))}[kind]


def weight_of(kind):
    weights = surrogate(kind)
    return {
        "uniform": lambda last, token: 1 / V,
        "unigram": lambda last, token: weights[token],
        "bigram": lambda last, token: weights[last, token],
    }[kind]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), i=st.integers(0, 1), kind=st.sampled_from(["uniform", "unigram", "bigram"]))
def test_against_the_recursion(data, i, kind):
    constraint, tokens = (REGEX, dyck(BRACKETS))[i], []
    state = constraint.init()
    for _ in range(data.draw(st.integers(0, 3))):
        allowed = [t for t in range(V) if t != EOS and constraint.mask(state)[0] >> t & 1]
        if allowed:
            tokens.append(data.draw(st.sampled_from(allowed)))
            state = constraint.advance(state, tokens[-1])
    remaining = data.draw(st.integers(0, 6 - len(tokens)))
    last = tokens[-1] if tokens else -1
    mass = by_recursion(constraint, state, remaining, weight_of(kind), last)
    found = table(i, kind)(state, remaining, last)
    assert math.exp(found) == pytest.approx(mass, rel=1e-9, abs=1e-200)
    row = table(i, kind).children(state, remaining, last)
    for token in range(V):
        expected = -math.inf
        if token == EOS and constraint.accepts(state):
            expected = 0.0
        elif token != EOS and remaining and constraint.mask(state)[0] >> token & 1:
            after = constraint.advance(state, token)
            expected = table(i, kind)(after, remaining - 1, token)
        assert row[token] == expected


def test_the_free_function():
    c = dyck(BRACKETS)
    state = walk(c, [0, 0])
    expected = by_recursion(c, state, 4, weight_of("uniform"))
    assert math.exp(future_mass(c, state, 4, horizon=6)) == pytest.approx(expected)
    assert future_mass(c, state, 1, horizon=6) == -math.inf
    assert future_mass(c, walk(c, [EOS]), 0, horizon=6) == 0.0


def test_a_perfect_surrogate_is_the_evidence():
    """With the model itself as bigram surrogate, h(start) is Z and the twist leaves no variance."""
    lm = model(BRACKETS, 1, 5)
    wanted = target(lm, (), dyck(BRACKETS), max_tokens=5)
    future = FutureMass(dyck(BRACKETS), 5, bigrams(lm))
    assert future(dyck(BRACKETS).init(), 5) == pytest.approx(enumeration(wanted).log_evidence)


def test_a_deep_stack_is_summarised_and_nothing_is_lost():
    """Cut far too early, the twist is a bad guess, and the estimate still has no bias."""
    c = dyck(BRACKETS)
    cut = FutureMass(c, 6, max_states=2, cut=True)
    assert cut(walk(c, [0] * 5), 6) > -math.inf
    wanted = target(model(BRACKETS), (), c, max_tokens=4, twist=lambda c, n: cut)
    exact = enumeration(target(model(BRACKETS), (), c, max_tokens=4)).log_evidence
    logs = [particle_filter(wanted, 4, seed).log_evidence for seed in range(150)]
    z = np.exp(np.array(logs) - exact)
    assert abs(z.mean() - 1) < 4 * z.std() / math.sqrt(150)
    with pytest.raises(LimitExceeded, match="max_states"):
        FutureMass(c, 6, max_states=2)


def test_budgets_are_exact():
    """With a table, no particle dies for want of room, and the target is the same."""
    lm = TabularModel(BRACKETS, np.array([[8.0, 1, 1, 1, 1]]))  # likes to open brackets
    c = dyck(BRACKETS)
    plain, led = (target(lm, (), c, max_tokens=6, twist=t) for t in (None, FutureMass))
    assert importance_sampling(plain, 200, 1).particles.dead.mean() > 0.3
    assert not importance_sampling(led, 200, 1).particles.dead.any()
    assert enumeration(led).log_evidence == pytest.approx(enumeration(plain).log_evidence)


def test_what_does_not_fit():
    c = dyck(BRACKETS)
    with pytest.raises(VocabularyMismatch, match="shape"):
        FutureMass(c, 3, np.ones(V + 3))
    with pytest.raises(Unsupported, match="horizon"):
        FutureMass(c, 2)(walk(c, [0] * 6), 2)
