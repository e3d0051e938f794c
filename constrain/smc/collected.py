"""Texts that were drawn one after the other, as a population that has come to its end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .target import Target
from .weights import Floats, Ints


@dataclass(frozen=True, eq=False)
class Collected:
    """Token ids of whole texts (end tokens left out) with log-weights float64[n]."""

    target: Target
    tokens: tuple[tuple[int, ...], ...]
    log_weights: Floats

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def totals(self) -> Floats:
        return self.log_weights

    @property
    def live(self) -> NDArray[np.bool_]:
        return np.zeros(len(self), np.bool_)

    @property
    def dead(self) -> NDArray[np.bool_]:
        return self.log_weights == -np.inf

    @property
    def log_mass(self) -> Floats:
        return np.zeros(len(self))

    def step(self, seed: int, step: int) -> Self:
        return self

    def take(self, indices: Ints, totals: Floats) -> Self:
        tokens = tuple(self.tokens[i] for i in indices.tolist())
        return replace(self, tokens=tokens, log_weights=totals)

    def values(self) -> tuple[tuple[int, ...], ...]:
        return self.tokens

    def contents(self) -> tuple[str, ...]:
        return tuple(self.target.text(ids).decode(errors="replace") for ids in self.tokens)


def equally_weighted(
    target: Target, tokens: Sequence[Sequence[int]], log_evidence: float
) -> Collected:
    """Texts that share an estimate of the evidence evenly."""
    eos = set(target.lm.vocabulary.eos_token_ids)
    plain = tuple(tuple(t for t in ids if t not in eos) for ids in tokens)
    weight = log_evidence - np.log(max(1, len(plain)))
    return Collected(target, plain, np.full(len(plain), weight))
