"""Distributions without a model: what a site draws from, and how probable a value is.

`sample(key)` gives (value, log-probability) and is a function of the key; a discrete value comes
from one uniform number by inversion, so that a draw among thousands of tokens costs one of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from constrain.errors import Unsupported

from .keys import Key

T = TypeVar("T")


def logsumexp(values: ArrayLike) -> float:
    """log of the sum of exp(values) in nats; -inf for no values or only -inf."""
    array = np.asarray(values, np.float64)
    top = array.max(initial=-np.inf)
    return float(top + np.log(np.exp(array - top).sum())) if np.isfinite(top) else float(top)


def log_normalized(logits: ArrayLike) -> NDArray[np.float64]:
    """`logits` minus their logsumexp."""
    array = np.asarray(logits, np.float64)
    return array - logsumexp(array)


def invert(weights: NDArray[Any], u: float) -> int:
    """The index at which the running sum of non-negative `weights` passes u times their total.

    An index of weight 0 is never given. O(len(weights)).
    """
    total = np.cumsum(weights)
    i = int(np.searchsorted(total, u * total[-1], side="right"))
    while i == len(weights) or not weights[i] > 0:  # u * total rounded up to the total
        i -= 1
    return i


class Distribution(Generic[T]):
    """A distribution over values; a subclass gives `sample` and `log_prob`."""

    def sample(self, key: Key) -> tuple[T, float]:
        """(value, its log-probability); the same for the same key."""
        raise NotImplementedError

    def log_prob(self, value: T) -> float:
        """Log-probability in nats; -inf outside of the support."""
        raise NotImplementedError

    def enumerate_support(self) -> Iterator[T]:
        """Every value of positive probability, where they are finitely many."""
        raise Unsupported(f"enumerating the support of {type(self).__name__}")

    def argmax(self, rank: int = 0) -> tuple[T, float]:
        """The value that is `rank` places behind the most probable one (0: that one itself)."""
        values = [(value, self.log_prob(value)) for value in self.enumerate_support()]
        values.sort(key=lambda pair: -pair[1])
        if not 0 <= rank < len(values):
            raise IndexError(f"the support has {len(values)} values; there is no rank {rank}")
        return values[rank]


class Delta(Distribution[T]):
    """One certain value; `log_density` is its score."""

    def __init__(self, value: T, log_density: float = 0.0):
        self.value, self.log_density = value, log_density

    def sample(self, key: Key) -> tuple[T, float]:
        return self.value, self.log_density

    def log_prob(self, value: T) -> float:
        return self.log_density if value == self.value else -math.inf

    def enumerate_support(self) -> Iterator[T]:
        yield self.value


class Bernoulli(Distribution[bool]):
    """True with probability p."""

    def __init__(self, p: float):
        if not 0.0 <= p <= 1.0:
            raise ValueError(f"a probability is between 0 and 1, found {p}")
        self.p = p

    def sample(self, key: Key) -> tuple[bool, float]:
        value = key.uniform() < self.p
        return value, self.log_prob(value)

    def log_prob(self, value: bool) -> float:
        p = self.p if value else 1.0 - self.p
        return math.log(p) if p > 0 else -math.inf

    def enumerate_support(self) -> Iterator[bool]:
        return (value for value in (True, False) if self.log_prob(value) > -math.inf)


class Geometric(Distribution[int]):
    """The number of trials up to the first success: 1, 2, 3, ... with p (1 - p) ** (n - 1)."""

    def __init__(self, p: float):
        if not 0.0 < p <= 1.0:
            raise ValueError(f"a probability of success is in (0, 1], found {p}")
        self.p = p

    def sample(self, key: Key) -> tuple[int, float]:
        u = key.uniform()
        n = 1 if self.p == 1.0 else 1 + math.floor(math.log1p(-u) / math.log1p(-self.p))
        return n, self.log_prob(n)

    def log_prob(self, value: int) -> float:
        if value < 1 or value != int(value):
            return -math.inf
        if self.p == 1.0:
            return 0.0 if value == 1 else -math.inf
        return math.log(self.p) + (value - 1) * math.log1p(-self.p)

    def argmax(self, rank: int = 0) -> tuple[int, float]:
        if rank < 0:
            raise IndexError(f"a rank counts from 0, found {rank}")
        return rank + 1, self.log_prob(rank + 1)


class LogCategorical(Distribution[int]):
    """An index, from unnormalised log-probabilities float[n]."""

    def __init__(self, logits: ArrayLike):
        if logsumexp(logits) == -np.inf:
            raise ValueError("a categorical distribution needs an outcome that is possible")
        self.log_probs = log_normalized(logits)

    def sample(self, key: Key) -> tuple[int, float]:
        value = invert(np.exp(self.log_probs), key.uniform())
        return value, float(self.log_probs[value])

    def log_prob(self, value: int) -> float:
        i = int(value)
        return float(self.log_probs[i]) if 0 <= i < len(self.log_probs) else -math.inf

    def enumerate_support(self) -> Iterator[int]:
        return iter(np.flatnonzero(np.isfinite(self.log_probs)).tolist())


class Categorical(LogCategorical):
    """An index, from non-negative weights float[n]."""

    def __init__(self, weights: ArrayLike):
        with np.errstate(divide="ignore"):
            super().__init__(np.log(np.asarray(weights, np.float64)))


class Choice(Distribution[T]):
    """One of `values`, by unnormalised log-probabilities (all equal where left out)."""

    def __init__(self, values: Sequence[T], logits: ArrayLike | None = None):
        self.values = list(values)
        self._index = LogCategorical(np.zeros(len(self.values)) if logits is None else logits)

    def sample(self, key: Key) -> tuple[T, float]:
        i, log_prob = self._index.sample(key)
        return self.values[i], log_prob

    def log_prob(self, value: T) -> float:
        same = [self._index.log_prob(i) for i, v in enumerate(self.values) if v == value]
        return logsumexp(same)

    def enumerate_support(self) -> Iterator[T]:
        return (self.values[i] for i in self._index.enumerate_support())
