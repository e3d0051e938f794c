"""Adaptive weighted rejection sampling, for constraints too costly to mask (Lipkin et al. 2025).

Tokens are drawn from the model and offered to the constraint one by one; what is refused is not
drawn again. Let the first accepted token come after refused mass 1 - R, with probability q among
what was left. One more token is then drawn and offered: if it is accepted too, or none is left,
the step's weight is R, else R q. This recursive estimator has the allowed mass as its expectation
whatever the token, so that everything built on weights stays without bias; a mask, where it can
be had, has no variance at all.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from constrain.lm.distributions import invert
from constrain.lm.keys import Key

from .result import Result
from .sequential import sequential
from .target import Target
from .texts import Texts
from .weights import Floats


class Rejecting(Texts):
    """Texts that ask about single tokens and never for a mask. Twists are not used."""

    def step(self, seed: int, step: int) -> Self:
        live = np.flatnonzero(self.live)
        tokens = np.full(len(self), -1, np.int64)
        log_mass = np.zeros(len(self))
        states, row_of = np.unique(self.lm_states[live], return_inverse=True)
        rows = np.exp(self.target.lm.log_probs(states).astype(np.float64)) if len(live) else None
        for particle, row in zip(live.tolist(), row_of.reshape(-1).tolist(), strict=True):
            assert rows is not None
            key = Key(seed, int(self.slots[particle]), step)
            found = draw(rows[row].copy(), self._offer(particle), key)
            tokens[particle], log_mass[particle] = found
        return self._with(live, tokens, log_mass, np.zeros(len(self)))

    def _offer(self, particle: int) -> Callable[[int], bool]:
        place, n_tokens = int(self.places[particle]), self.tokens.shape[1]

        def offer(token: int) -> bool:
            if n_tokens >= self.guide.max_tokens and token not in self.guide.eos:
                return False
            return self.guide.may(place, token)

        return offer


def draw(probs: Floats, offer: Callable[[int], bool], key: Key) -> tuple[int, float]:
    """(token, log of an estimate of the allowed mass), or (-1, -inf) if nothing is allowed.

    probs: float64[vocab], sums to one; overwritten. Offers each token at most once.
    """
    first, left, share = _first_accepted(probs, offer, key, 0)
    if first < 0:
        return -1, -np.inf
    probs[first] = 0.0
    if not probs.any():
        return first, float(np.log(left))
    second = invert(probs, key.uniform(len(probs)))
    accepted = offer(second)
    return first, float(np.log(left if accepted else left * share))


def _first_accepted(
    probs: NDArray[Any], offer: Callable[[int], bool], key: Key, n_drawn: int
) -> tuple[int, float, float]:
    """(token, mass that was left when it was drawn, its share of that); refused ones become 0."""
    while True:
        left = float(probs.sum())
        if not left > 0:
            return -1, 0.0, 0.0
        token = invert(probs, key.uniform(n_drawn))
        if offer(token):
            return token, left, float(probs[token]) / left
        probs[token] = 0.0
        n_drawn += 1


def awrs(target: Target, n_particles: int, seed: int, **options: Any) -> Result[Rejecting]:
    """`sequential` on texts whose tokens are found by rejection."""
    return sequential(Rejecting.start(target, n_particles), seed, **options)
