"""What an algorithm asks of particles, and what it writes down about them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from .weights import Floats, Ints, effective_sample_size


class Population(Protocol):
    """n particles with log-weights, as arrays (`Texts`) or as programs (`Programs`).

    The sum of their weights estimates the evidence. Stepping advances the live ones.
    """

    def __len__(self) -> int: ...

    @property
    def log_weights(self) -> Floats:
        """float64[n], nats, without twists; -inf for a dead particle."""
        ...

    @property
    def totals(self) -> Floats:
        """The same with twists."""
        ...

    @property
    def live(self) -> NDArray[np.bool_]: ...

    @property
    def dead(self) -> NDArray[np.bool_]: ...

    @property
    def log_mass(self) -> Floats:
        """float64[n]: the last step's log-mass, where it has one; else 0."""
        ...

    def step(self, seed: int, step: int) -> Self: ...

    def take(self, indices: Ints, totals: Floats) -> Self: ...

    def values(self) -> tuple[Any, ...]:
        """What each particle is worth to the user: token ids, or the program itself."""
        ...

    def contents(self) -> tuple[str, ...]:
        """Each particle as text."""
        ...


@dataclass(frozen=True, eq=False)
class Moment:
    """A population at one moment of a run, as far as it is written down.

    ancestors: int64[n] into the moment before (the same particles where nothing was resampled).
    increments: float64[n], by which log-weights with twists differ from their ancestors'.
    """

    kind: Literal["init", "step", "resample"]
    step: int
    ancestors: Ints
    totals: Floats
    increments: Floats
    log_mass: Floats
    n_live: int
    n_dead: int
    contents: tuple[str, ...] | None

    @property
    def ess(self) -> float:
        return effective_sample_size(self.totals)


def moment(
    kind: Literal["init", "step", "resample"],
    step: int,
    population: Population,
    before: Moment | None = None,
    ancestors: Ints | None = None,
    *,
    keep_contents: bool = False,
) -> Moment:
    """Write down a population that came from the one of `before`."""
    parents = np.arange(len(population)) if ancestors is None else ancestors
    old = population.totals if before is None else before.totals[parents]
    same = old == population.totals  # also -inf, whose difference is not a number
    increments = np.subtract(population.totals, old, where=~same, out=np.zeros(len(old)))
    return Moment(
        kind=kind,
        step=step,
        ancestors=parents,
        totals=population.totals,
        increments=increments,
        log_mass=population.log_mass,
        n_live=int(population.live.sum()),
        n_dead=int(population.dead.sum()),
        contents=population.contents() if keep_contents else None,
    )
