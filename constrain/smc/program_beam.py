"""Beam search over programs: each explores its few best choices, and the best programs go on.

As in LLaMPPL (Lew, Zhi-Xuan, Grand and Mansinghka 2023): `n_explore` clones of each program step
with `mode = "beam"`, in which the k-th clone takes at every sample site the value of rank k,
weighed by its probability; then the `n_beam` heaviest are kept.
"""

from __future__ import annotations

import numpy as np

from .modeling import Model
from .population import Moment, moment
from .programs import Programs
from .result import Result
from .sequential import MAX_STEPS


def program_beam(
    model: Model,
    n_beam: int,
    n_explore: int = 2,
    *,
    force_eos: bool = False,
    record: bool = False,
    max_steps: int = MAX_STEPS,
) -> Result[Programs]:
    """At most `n_beam` programs, heaviest first. Draws nothing.

    force_eos: what the programs find in their attribute of that name.
    """
    population = Programs.start(model, 1, 0)
    moments: list[Moment] = [moment("init", 0, population, keep_contents=record)]
    for step in range(max_steps):
        if not population.live.any():
            break
        copied = np.repeat(np.arange(len(population)), np.where(population.live, n_explore, 1))
        population = population.take(copied, population.totals[copied])
        for rank, particle in zip(_ranks(copied), population.models, strict=True):
            particle.mode, particle.beam_idx, particle.force_eos = "beam", rank, force_eos
        population = population.step(0, step)
        order = np.argsort(-population.totals, kind="stable")[:n_beam]
        kept = order[population.totals[order] > -np.inf]
        population = population.take(kept, population.totals[kept])
        moments.append(
            moment("resample", step, population, moments[-1], copied[kept], keep_contents=record)
        )
    return Result(population, tuple(moments))


def _ranks(copied: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> list[int]:
    """For each copy, how many of the same program come before it."""
    seen: dict[int, int] = {}
    ranks: list[int] = []
    for i in copied.tolist():
        ranks.append(seen.get(i, 0))
        seen[i] = ranks[-1] + 1
    return ranks
