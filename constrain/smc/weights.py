"""Weights in nats. The weights of a population sum to the estimate of the evidence.

Dead particles have weight -inf, and nothing here turns that into a NaN.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from constrain.lm.distributions import logsumexp

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


def normalized(log_weights: Floats) -> Floats:
    """Weights that sum to one; all zero where every particle is dead."""
    top = log_weights.max(initial=-np.inf)
    if top == -np.inf:
        return np.zeros(len(log_weights))
    weights = np.exp(log_weights - top)
    return weights / weights.sum()


def effective_sample_size(log_weights: Floats) -> float:
    """(sum w)^2 / sum w^2, the number of equal weights with this variance (Kong 1992); 0 if dead.

    >>> effective_sample_size(np.array([0.0, 0.0, -np.inf]))
    2.0
    """
    weights = normalized(log_weights)
    square = float((weights * weights).sum())
    return 1.0 / square if square else 0.0


def relative_variance(log_weights: Floats, founders: Ints, n: int, n_resamplings: int) -> float:
    """Estimated variance of the evidence over its square, from one run (Lee and Whiteley 2018).

    founders: for each particle, which of the n first particles it descends from. Without
    resampling this is the variance of the mean of the weights; with one founder left it is 1.
    The estimator may fall below zero; it is not let below what the last weights alone give.
    """
    weights = normalized(log_weights)
    if not weights.any():
        return float("inf")
    if n < 2:
        return float("nan")
    shares = np.bincount(founders, weights, minlength=n)
    apart = 1.0 - float((shares * shares).sum())
    last = (n * float((weights * weights).sum()) - 1.0) / (n - 1)
    return max(last, 1.0 - (n / (n - 1)) ** (n_resamplings + 1) * apart)


__all__ = [
    "Floats",
    "Ints",
    "effective_sample_size",
    "logsumexp",
    "normalized",
    "relative_variance",
]
