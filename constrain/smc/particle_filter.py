"""The discrete particle filter: every child of every particle, thinned out optimally.

Fearnhead and Clifford (2003). The next tokens of a particle are not drawn but all weighed; of the
children that go on, n are kept by optimal resampling. Those that end are all kept, with their
exact weight, since they cost nothing more. n model calls a step, as with drawing.
"""

from __future__ import annotations

import numpy as np

from constrain.lm.keys import SHARED, Key

from .expansion import expand
from .resampling import Resampler, optimal
from .result import Result
from .sequential import MAX_STEPS, Progress
from .target import Target
from .texts import Texts
from .weights import Floats, Ints


def particle_filter(
    target: Target,
    n_particles: int,
    seed: int,
    *,
    resample: Resampler = optimal,
    record: bool = False,
    progress: Progress | None = None,
    max_steps: int = MAX_STEPS,
) -> Result[Texts]:
    """At most `n_particles` live texts at a time; the result holds all that ended.

    Where there are never more texts than that, the answer is exact.
    """

    def select(totals: Floats, step: int) -> tuple[Ints, Floats]:
        if len(totals) <= n_particles:
            return np.arange(len(totals)), totals
        return resample(totals, n_particles, Key(seed, SHARED, step))

    return expand(target, select, record=record, progress=progress, max_steps=max_steps)
