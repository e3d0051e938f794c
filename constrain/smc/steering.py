"""Sequential Monte Carlo steering (Lew, Zhi-Xuan, Grand and Mansinghka 2023).

Each live particle is copied k times, the copies step, and of all particles n are kept by optimal
resampling (Fearnhead and Clifford 2003). What has no weight is left out before: it is never
kept, and never brought back with a weight.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from constrain.lm.keys import SHARED, Key

from .population import Moment, Population, moment
from .resampling import Resampler, optimal
from .result import Result
from .sequential import MAX_STEPS, Progress

Pop = TypeVar("Pop", bound=Population)


def steering(
    population: Pop,
    seed: int,
    n_beam: int,
    *,
    resample: Resampler = optimal,
    record: bool = False,
    progress: Progress | None = None,
    max_steps: int = MAX_STEPS,
) -> Result[Pop]:
    """n particles, `n_beam` copies of each live one per step: n * n_beam model calls."""
    n = len(population)
    moments: list[Moment] = [moment("init", 0, population, keep_contents=record)]

    def write(now: Moment) -> None:
        moments.append(now)
        if progress is not None:
            progress(now)

    for step in range(max_steps):
        if not population.live.any():
            break
        copies = np.where(population.live, n_beam, 1)
        copied = np.repeat(np.arange(len(population)), copies)
        totals = (population.totals - np.log(copies))[copied]
        population = population.take(copied, totals).step(seed, step)
        write(moment("step", step, population, moments[-1], copied, keep_contents=record))
        alive = np.flatnonzero(population.totals > -np.inf)
        chosen, totals = resample(population.totals[alive], n, Key(seed, SHARED, step))
        population = population.take(alive[chosen], totals)
        write(
            moment("resample", step, population, moments[-1], alive[chosen], keep_contents=record)
        )
    return Result(population, tuple(moments))
