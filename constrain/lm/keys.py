"""Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror and Shaw 2011).

A draw is a function of a seed and of where it is made: which particle, which step, which site.
So results depend neither on the size of a batch nor on the order of its rows, and a program that
runs alone draws what it would draw among a thousand.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

Seed: TypeAlias = "int | np.random.Generator"

_WORD = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_ROUNDS = 10

SHARED = 0xFFFFFFFF
"""The particle number of draws that belong to no particle, such as those of a resampler."""


def philox(counter: tuple[Any, Any, Any, Any], key: tuple[int, int]) -> tuple[Any, Any, Any, Any]:
    """Four 32-bit words for four 32-bit counter words; works on ints and on uint64 arrays alike.

    >>> [hex(word) for word in philox((0, 0, 0, 0), (0, 0))]
    ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    a, b, c, d = counter
    low, high = key
    word, shift = (int(_WORD), 32) if isinstance(a, int) else (_WORD, _SHIFT)
    for _ in range(_ROUNDS):
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, c = (right >> shift) ^ b ^ low, (left >> shift) ^ d ^ high
        b, d = right & word, left & word
        low, high = (low + _WEYL[0]) & 0xFFFFFFFF, (high + _WEYL[1]) & 0xFFFFFFFF
    return a, b, c, d


def seed_of(rng: Seed | None) -> int:
    """64 bits from a seed, from a generator (which moves on), or from the system's entropy."""
    if isinstance(rng, int):
        return rng & 0xFFFFFFFFFFFFFFFF
    return int((np.random.default_rng() if rng is None else rng).integers(1 << 63))


def uniforms(seed: int, particles: ArrayLike, step: ArrayLike, site: ArrayLike = 0) -> Any:
    """Float64 in [0, 1), one for each element of the broadcast (particles, step, site).

    Law: uniforms(seed, i, t, k) == Key(seed, i, t, k).uniform(), whatever else is in the arrays.
    """
    shape = np.broadcast_shapes(*map(np.shape, (particles, step, site)))
    where = [np.broadcast_to(np.asarray(x, np.uint64), shape) for x in (particles, step, site)]
    zero = np.zeros(shape, np.uint64)
    a, b, _, _ = philox((where[0], where[1], where[2], zero), (seed & 0xFFFFFFFF, seed >> 32))
    return _unit(a, b)


def _unit(a: Any, b: Any) -> Any:
    """53 random bits as a float in [0, 1)."""
    return ((a >> 5) * 67108864.0 + (b >> 6)) * (1.0 / 9007199254740992.0)


@dataclass(frozen=True, slots=True)
class Key:
    """One place where something random happens. A value: equal keys draw equal numbers."""

    seed: int
    particle: int = 0
    step: int = 0
    site: int = 0

    def uniform(self, draw: int = 0) -> float:
        """A float in [0, 1); `draw` counts where one place needs several."""
        key = (self.seed & 0xFFFFFFFF, self.seed >> 32)
        a, b, _, _ = philox((self.particle, self.step, self.site, draw), key)
        return _unit(a, b)

    def uniforms(self, n: int) -> NDArray[np.float64]:
        """The first n draws of this place, float64[n]."""
        where = [np.full(n, x, np.uint64) for x in (self.particle, self.step, self.site)]
        key = (self.seed & 0xFFFFFFFF, self.seed >> 32)
        a, b, _, _ = philox((where[0], where[1], where[2], np.arange(n, dtype=np.uint64)), key)
        return _unit(a, b)

    def at(self, *, step: int | None = None, site: int | None = None) -> Key:
        """The key of another step or site of the same particle."""
        return replace(
            self,
            step=self.step if step is None else step,
            site=self.site if site is None else site,
        )
