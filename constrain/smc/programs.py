"""Particles that are programs: instances of a `Model`, stepped side by side.

A step of one is a coroutine; all run until they wait for the model, which then answers once. A
clone is made where a step ends, so no coroutine is ever copied.
"""

from __future__ import annotations

import copy
from contextvars import copy_context
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constrain.lm.keys import SHARED, Key
from constrain.poutine import Messenger
from constrain.poutine.runtime import install, installed
from constrain.poutine.seeding import SeedMessenger

from . import driver
from .modeling import Model, Weigher
from .weights import Floats, Ints

Stack = tuple[Messenger, ...]


@dataclass(frozen=True, eq=False)
class Programs:
    """n programs. Stepping and taking hand the programs on to a new population.

    offset: log-weight in the population minus log-weight of the program: -log n, so that the
        weights of programs average to the evidence, and those of the population sum to it.
    stacks: the handlers that each program runs under, copies of those installed at the start.
    """

    models: tuple[Model, ...]
    offset: float
    stacks: tuple[Stack, ...]

    @classmethod
    def start(cls, model: Model, n: int, seed: int) -> Programs:
        """n clones of a program, each of which has run `start`."""
        if any(isinstance(m, SeedMessenger) for m in installed()):
            raise ValueError(
                "poutine.seed around inference would draw the same in every particle; "
                "give the inference its rng= instead"
            )
        models = tuple(model.fork() for _ in range(n))
        stacks = tuple(tuple(copy.copy(m) for m in installed()) for _ in range(n))
        programs = cls(models, -float(np.log(n)), stacks)
        for particle in models:
            particle.reset()
        programs._run(range(n), "start", seed, SHARED)
        return programs

    def __len__(self) -> int:
        return len(self.models)

    @property
    def log_weights(self) -> Floats:
        return np.array([m.untwisted_weight for m in self.models]) + self.offset

    @property
    def totals(self) -> Floats:
        return np.array([m.weight for m in self.models]) + self.offset

    @property
    def live(self) -> NDArray[np.bool_]:
        return np.array([not m.done_stepping() for m in self.models])

    @property
    def dead(self) -> NDArray[np.bool_]:
        return np.array([m.dead for m in self.models])

    @property
    def log_mass(self) -> Floats:
        return np.zeros(len(self))

    def step(self, seed: int, step: int) -> Programs:
        """One step of every live program; the others are left alone."""
        live = np.flatnonzero(self.live).tolist()
        for i in live:
            self.models[i].untwist()
        self._run(live, "step", seed, step)
        return replace(self)

    def take(self, indices: Ints, totals: Floats) -> Programs:
        """These programs with new log-weights; one that is taken again is cloned."""
        models: list[Model] = []
        stacks: list[Stack] = []
        seen: set[int] = set()
        for i, total in zip(indices.tolist(), totals.tolist(), strict=True):
            again = i in seen
            seen.add(i)
            models.append(self.models[i].fork() if again else self.models[i])
            stack = self.stacks[i]
            stacks.append(tuple(copy.copy(m) for m in stack) if again and stack else stack)
            models[-1].weight = total - self.offset
        return Programs(tuple(models), self.offset, tuple(stacks))

    def values(self) -> tuple[Model, ...]:
        return self.models

    def contents(self) -> tuple[str, ...]:
        return tuple(m.string_for_serialization() for m in self.models)

    def _run(self, which: Any, method: str, seed: int, step: int) -> None:
        contexts = [copy_context() for _ in which]
        for i, context in zip(which, contexts, strict=True):
            self.models[i].at(Key(seed, i, step))
            context.run(install, (Weigher(self.models[i]), *self.stacks[i]))
        coroutines = [getattr(self.models[i], method)() for i in which]
        for i, outcome in zip(which, driver.run(coroutines, contexts), strict=True):
            if outcome.exit is not None:
                self.models[i].die()
