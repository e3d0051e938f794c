"""Conditional sequential Monte Carlo: an upper bound on the evidence beside the lower one.

One particle follows a given text and is never resampled away (Andrieu, Doucet and Holenstein
2010). If that text is an exact draw from the posterior, 1 / Z-hat has expectation 1 / Z, so that
E[log Z-hat of a plain run] <= log Z <= E[log Z-hat of a conditional run] (Grosse, Ghahramani and
Adams 2015). Exact draws come from `cars`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from constrain.lm.distributions import invert
from constrain.lm.keys import SHARED, Key

from .draw import Weighted
from .resampling import multinomial
from .result import Result
from .sequential import sequential
from .target import Target
from .texts import Texts
from .weights import Floats, Ints, logsumexp


@dataclass(frozen=True, eq=False)
class Led(Texts):
    """Texts of which the first is given: `leader`, token ids with the end token."""

    leader: tuple[int, ...] = ()

    def _draw(
        self, weighted: Weighted, row_of: Ints, particles: Ints, seed: int, step: int
    ) -> Ints:
        drawn = super()._draw(weighted, row_of, particles, seed, step)
        drawn[particles == 0] = self.leader[step] if step < len(self.leader) else -1
        return drawn


def keep_first(log_weights: Floats, n: int, key: Key) -> tuple[Ints, Floats]:
    """Multinomial resampling in which the first particle is its own child."""
    others, _ = multinomial(log_weights, n - 1, key) if n > 1 else (np.zeros(0, np.int64), None)
    indices = np.concatenate([[0], others]).astype(np.int64)
    return indices, np.full(n, logsumexp(log_weights) - np.log(n))


def conditional_smc(
    target: Target, n_particles: int, seed: int, leader: Sequence[int], **options: Any
) -> Result[Led]:
    """A run whose first particle is `leader`: token ids with or without an end token.

    Where it lacks one, the model draws one.
    """
    ended = bool(leader) and leader[-1] in target.lm.vocabulary.eos_token_ids
    ids = tuple(leader) if ended else (*leader, _end(target, leader, seed))
    led = replace(Led.start(target, n_particles), leader=ids)
    return sequential(led, seed, resample=keep_first, **options)


def _end(target: Target, text: Sequence[int], seed: int) -> int:
    """An end token as the model draws it after a text."""
    eos = np.array(target.lm.vocabulary.eos_token_ids)
    state = target.lm.init((*target.prompt, *text))
    probs = np.exp(target.lm.log_probs(np.array([state]))[0][eos].astype(np.float64))
    return int(eos[invert(probs, Key(seed, SHARED, SHARED).uniform())])
