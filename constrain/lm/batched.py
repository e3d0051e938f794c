"""Categorical distributions side by side: one array of them, drawn and scored at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .distributions import Distribution
from .keys import Key


class CategoricalRows(Distribution[NDArray[np.int64]]):
    """An index per row, from unnormalised log-probabilities float[*batch, n].

    Element i of the batch (in C order) is drawn from the key's i-th uniform.

    >>> rows = CategoricalRows(np.log([[0.5, 0.5], [0.25, 0.75]]))
    >>> np.exp(rows.log_prob(np.array([0, 1]))).round(3).tolist()
    [0.5, 0.75]
    """

    def __init__(self, logits: ArrayLike):
        array = np.asarray(logits, np.float64)
        top = array.max(-1, keepdims=True)
        if not np.isfinite(top).all():
            raise ValueError("a categorical distribution needs an outcome that is possible")
        array = array - top
        self.log_probs = array - np.log(np.exp(array).sum(-1, keepdims=True))

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return self.log_probs.shape[:-1]

    def expand(self, batch_shape: tuple[int, ...]) -> CategoricalRows:
        """The same distributions, repeated to fill `batch_shape` as numpy broadcasts."""
        shape = np.broadcast_shapes(self.batch_shape, batch_shape)
        return CategoricalRows(np.broadcast_to(self.log_probs, (*shape, self.log_probs.shape[-1])))

    def sample(self, key: Key) -> tuple[NDArray[np.int64], Any]:
        total = np.cumsum(np.exp(self.log_probs), -1)
        count = int(np.prod(self.batch_shape))
        u = key.uniforms(count).reshape(self.batch_shape)[..., None]
        passed = (total <= u * total[..., -1:]).sum(-1)
        last = total.shape[-1] - 1 - np.argmax(np.isfinite(self.log_probs)[..., ::-1], -1)
        value = np.minimum(passed, last).astype(np.int64)  # u * total rounded up to the total
        return value, self.log_prob(value)

    def log_prob(self, value: ArrayLike) -> Any:
        """float[broadcast of batch and value]; -inf for an index outside of the rows."""
        index = np.asarray(value, np.int64)
        shape = np.broadcast_shapes(index.shape, self.batch_shape)
        index = np.broadcast_to(index, shape)[..., None]
        rows = np.broadcast_to(self.log_probs, (*shape, self.log_probs.shape[-1]))
        inside = (index >= 0) & (index < rows.shape[-1])
        found = np.take_along_axis(rows, np.where(inside, index, 0), -1)
        return np.where(inside, found, -np.inf)[..., 0]

    def enumerate_support(self) -> Iterator[Any]:
        """Every index that is possible in some row."""
        possible = np.isfinite(self.log_probs).reshape(-1, self.log_probs.shape[-1]).any(0)
        return iter(np.flatnonzero(possible).tolist())
