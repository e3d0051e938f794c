"""Sequential Monte Carlo, and importance sampling as the case that never resamples.

Particles step together; when the effective sample size falls below a share of n they are
resampled (Liu and Chen 1995; Del Moral, Doucet and Jasra 2006, section 3.4). The evidence is
estimated without bias whatever the threshold and the resampler.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np

from constrain.lm.keys import SHARED, Key

from .population import Moment, Population, moment
from .resampling import Resampler, systematic
from .result import Result
from .weights import effective_sample_size

Pop = TypeVar("Pop", bound=Population)
Progress = Callable[[Moment], object]

MAX_STEPS = 100_000


def sequential(
    population: Pop,
    seed: int,
    *,
    ess_threshold: float = 0.5,
    resample: Resampler = systematic,
    record: bool = False,
    progress: Progress | None = None,
    max_steps: int = MAX_STEPS,
) -> Result[Pop]:
    """Step until no particle is live.

    ess_threshold: resample when the effective sample size is below this share of the number of
        particles; 0 never does, anything above 1 always does.
    record: keep the contents of every particle at every step, for `to_json` and `to_html`.
    progress: called with every moment.
    """
    n = len(population)
    moments = [moment("init", 0, population, keep_contents=record)]

    def write(now: Moment) -> None:
        moments.append(now)
        if progress is not None:
            progress(now)

    for step in range(max_steps):
        if not population.live.any():
            break
        population = population.step(seed, step)
        write(moment("step", step, population, moments[-1], keep_contents=record))
        if _degenerate(population, ess_threshold * n):
            key = Key(seed, SHARED, step)
            ancestors, totals = resample(population.totals, n, key)
            population = population.take(ancestors, totals)
            write(
                moment("resample", step, population, moments[-1], ancestors, keep_contents=record)
            )
    return Result(population, tuple(moments))


def _degenerate(population: Population, threshold: float) -> bool:
    """Is there something to gain: live particles left, some weight, and too few that have it?"""
    totals = population.totals
    alive = bool(population.live.any()) and bool(np.isfinite(totals).any())
    return alive and effective_sample_size(totals) < threshold


def importance(
    population: Pop, seed: int, *, record: bool = False, progress: Progress | None = None
) -> Result[Pop]:
    """Importance sampling (Kahn and Marshall 1953): independent particles, no resampling."""
    return sequential(population, seed, ess_threshold=0.0, record=record, progress=progress)
