"""Resampling: n particles for m, so that every expectation is kept and the total weight as well.

A resampler is `(log_weights float64[m], n, key) -> (indices int64[k], log_weights float64[k])`.
Law: for each i the expected sum of the new weights of its copies is its old weight. k = n, but
for `optimal` where fewer than n have weight. Particles of weight zero are never chosen.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np

from constrain.lm.keys import Key

from .weights import Floats, Ints, logsumexp, normalized


class Resampler(Protocol):
    def __call__(self, log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]: ...


def _inverted(weights: Floats, points: Floats) -> Ints:
    """For each point in [0, 1), the index at which the running sum of the weights passes it."""
    positive = np.flatnonzero(weights)
    total = np.cumsum(weights[positive])
    place = np.searchsorted(total, points * total[-1], side="right")
    return positive[np.minimum(place, len(positive) - 1)]


def _equal(log_weights: Floats, indices: Ints, n: int) -> tuple[Ints, Floats]:
    return indices, np.full(n, logsumexp(log_weights) - np.log(n))


def multinomial(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """n independent draws (Gordon, Salmond and Smith 1993)."""
    points = np.sort(key.uniforms(n))
    return _equal(log_weights, _inverted(normalized(log_weights), points), n)


def stratified(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """One draw in each n-th part of [0, 1) (Kitagawa 1996)."""
    points = (np.arange(n) + key.uniforms(n)) / n
    return _equal(log_weights, _inverted(normalized(log_weights), points), n)


def systematic(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """One draw for all n parts of [0, 1) (Carpenter, Clifford and Fearnhead 1999)."""
    points = (np.arange(n) + key.uniform()) / n
    return _equal(log_weights, _inverted(normalized(log_weights), points), n)


def residual(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """floor(n w) copies of each, the rest drawn from the remainders (Liu and Chen 1998)."""
    weights = n * normalized(log_weights)
    copies = np.floor(weights + 1e-12).astype(np.int64)
    certain = np.repeat(np.arange(len(weights)), copies)[:n]
    left = n - len(certain)
    if left:
        rest = np.maximum(weights - copies, 0.0)
        drawn = _inverted(rest / rest.sum(), np.sort(key.uniforms(left)))
        certain = np.sort(np.concatenate([certain, drawn]))
    return _equal(log_weights, certain, n)


def threshold(weights: Floats, n: int) -> float:
    """The c with sum(min(1, c w)) = n, for more than n positive weights."""
    ordered = np.sort(weights)[::-1]
    below = np.cumsum(ordered[::-1])[::-1]  # below[k] = sum of all but the k largest
    k = np.arange(n)
    c = (n - k) / below[:n]
    fits = (c * ordered[:n] < 1.0) & ((k == 0) | (c * np.append(np.inf, ordered[: n - 1]) >= 1.0))
    return float(c[np.argmax(fits)]) if fits.any() else float(1.0 / ordered[n - 1])


def optimal(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """Keep the heavy with their weights, thin out the light (Fearnhead and Clifford 2003).

    No two results are the same particle. Of all unbiased ways to n particles this changes the
    weights least in mean square. With at most n of positive weight, nothing is changed.
    """
    weights = normalized(log_weights)
    positive = np.flatnonzero(weights)
    if len(positive) <= n:
        return positive, log_weights[positive]
    c = threshold(weights[positive], n)
    heavy = c * weights[positive] >= 1.0
    light = positive[~heavy]
    left = n - int(heavy.sum())
    points = (np.arange(left) + key.uniform()) / max(left, 1)
    drawn = _inverted(weights[light] / weights[light].sum(), points) if left else light[:0]
    total = logsumexp(log_weights[light]) - np.log(max(left, 1))
    indices = np.concatenate([positive[heavy], light[drawn] if left else drawn])
    new = np.concatenate([log_weights[positive[heavy]], np.full(left, total)])
    order = np.argsort(indices, kind="stable")
    return indices[order], new[order]


RESAMPLERS: dict[str, Any] = {
    "multinomial": multinomial,
    "stratified": stratified,
    "systematic": systematic,
    "residual": residual,
    "optimal": optimal,
}
