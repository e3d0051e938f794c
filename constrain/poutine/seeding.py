"""`seed`: where the randomness of a run comes from."""

from __future__ import annotations

from typing import Any, Self

from constrain.lm.keys import Key

from .messages import Sample
from .runtime import Messenger
from .wrapping import handler


class SeedMessenger(Messenger):
    """Gives the i-th random site of a run the key (seed, particle, 0, i)."""

    def __init__(self, seed: int, particle: int = 0):
        self.seed, self.particle = seed, particle
        self._site = 0

    def __enter__(self) -> Self:
        self._site = 0
        return super().__enter__()

    def process(self, msg: Any) -> Any:
        if not isinstance(msg, Sample) or msg.key is not None:
            return msg
        self._site += 1
        return msg.replace(key=Key(self.seed, self.particle, 0, self._site))


@handler
def seed(seed: int, particle: int = 0) -> SeedMessenger:
    """Make every draw a function of (seed, particle, which site of the run it is).

    The same each time, whatever else runs beside it or in which order. The innermost seed counts.
    Inference gives its particles keys of its own, by `rng=`, and refuses a seed around it.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coins():
    ...     return [poutine.sample(f"x{i}", Bernoulli(0.5)) for i in range(5)]
    >>> poutine.seed(coins, 3)() == poutine.seed(coins, 3)()
    True
    """
    return SeedMessenger(seed, particle)
