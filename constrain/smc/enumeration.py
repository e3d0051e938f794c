"""Exact inference by writing down every text: for small languages, and for tests."""

from __future__ import annotations

import numpy as np

from constrain.errors import LimitExceeded

from .expansion import expand
from .result import Result
from .sequential import Progress
from .target import Target
from .texts import Texts
from .weights import Floats, Ints

MAX_TEXTS = 1_000_000


def enumeration(
    target: Target,
    n_particles: int = MAX_TEXTS,
    seed: int = 0,
    *,
    record: bool = False,
    progress: Progress | None = None,
) -> Result[Texts]:
    """Every text of the target with its exact log-probability: `log_evidence` is log Z.

    Raises LimitExceeded with more than `n_particles` unfinished texts of a length.
    """

    def select(totals: Floats, step: int) -> tuple[Ints, Floats]:
        if len(totals) > n_particles:
            raise LimitExceeded("n_particles", len(totals), f"texts of {step + 1} tokens")
        return np.arange(len(totals)), totals

    return expand(target, select, record=record, progress=progress)
