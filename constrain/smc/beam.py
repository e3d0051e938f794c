"""Beam search: the n most probable unfinished texts go on (Lowerre 1976).

A result's weights are the texts' own log-probabilities within the languages, so `posterior` is
that of the texts found. The best text is found if no prefix of it ever drops out of the beam;
with n at least the number of prefixes of each length, it is certain to be.
"""

from __future__ import annotations

import numpy as np

from .expansion import expand
from .result import Result
from .sequential import MAX_STEPS, Progress
from .target import Target
from .texts import FINISHED, Texts
from .weights import Floats, Ints


def beam(
    target: Target,
    n_particles: int,
    seed: int = 0,
    *,
    record: bool = False,
    progress: Progress | None = None,
    max_steps: int = MAX_STEPS,
) -> Result[Texts]:
    """The `n_particles` best texts that a beam of that width finds, best first. Draws nothing."""

    def select(totals: Floats, step: int) -> tuple[Ints, Floats]:
        best = np.argsort(-totals, kind="stable")[:n_particles]
        return best, totals[best]

    def settled(texts: Texts) -> bool:
        """Can nothing that is live still be among the best? Without critics weights only fall."""
        ended = np.sort(texts.totals[texts.status == FINISHED])[::-1]
        best_live = texts.log_weights[texts.live].max(initial=-np.inf)
        return (
            not target.critics and len(ended) >= n_particles and ended[n_particles - 1] >= best_live
        )

    found = expand(
        target, select, until=settled, record=record, progress=progress, max_steps=max_steps
    )
    texts = found.particles
    best = np.argsort(-np.where(texts.live, -np.inf, texts.totals), kind="stable")[:n_particles]
    best = best[~texts.live[best]]
    return Result(texts.take(best, texts.totals[best]), found.moments)
