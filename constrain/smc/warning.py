"""What a user should know about a run that went through, but not well."""

from __future__ import annotations

import numpy as np

from .population import Population
from .result import Result


class InferenceWarning(UserWarning):
    """A result that is without bias and yet not to be relied on."""


def findings(result: Result[Population]) -> list[str]:
    """What is wrong with a run, in words; empty if nothing is."""
    found: list[str] = []
    dead = float(result.particles.dead.mean()) if len(result.particles) else 0.0
    if dead == 1.0:
        found.append("every particle is dead: a twist or more particles may help")
    elif dead > 0.5:
        found.append(f"{dead:.0%} of the particles are dead: a twist keeps more of them alive")
    resampled = any(m.kind == "resample" for m in result.moments)
    founders = len(np.unique(result.founders[~result.particles.dead])) if result.moments else 0
    many = len(result.moments[0].totals) > 1 if result.moments else False
    if resampled and many and dead < 1.0 and founders == 1:
        found.append(
            "all texts descend from one first particle: their beginnings are one sample, and the "
            "error of the evidence is unknown"
        )
    return found
