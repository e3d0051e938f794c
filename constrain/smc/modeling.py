"""Programs as particles: subclass `Model`, write what one step does, run inference.

The language of LLaMPPL (Lew, Zhi-Xuan, Grand and Mansinghka 2023). Every `sample`, `observe` and
the rest is a site: its message goes through the handlers that are installed, and its weight to the
particle. A particle whose weight becomes zero ends there and then.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Awaitable, Callable
from typing import Any, Self

import numpy as np

from constrain.lm.keys import Key
from constrain.poutine import (
    DeadEnd,
    Factor,
    Message,
    Messenger,
    Sample,
    Scored,
    apply_stack,
    apply_stack_async,
)
from constrain.poutine.runtime import installed

from .forking import SHARED, Memo, fork


class Weigher(Messenger):
    """Stands outside of all handlers: gives a particle's sites their keys, takes their weights."""

    def __init__(self, model: Model):
        self.model = model

    def process_sample(self, msg: Sample) -> Sample:
        if msg.key is not None or msg.is_observed or msg.value is not None:
            return msg
        return msg.replace(key=self.model.next_key())

    process_plate = process_sample  # a plate chooses its subsample

    def postprocess(self, msg: Any) -> Any:
        if isinstance(msg, Scored):
            self.model.weigh(float(np.sum(msg.log_weight)), msg)  # an array under a plate
        return msg


class Model:
    """A particle. Subclasses write `step`, and may write `start`, which runs once before it.

    `__init__` calls `super().__init__()` and makes no random choice. `weight` is in nats, with
    twists. `mode` ("sample" or "beam") and `beam_idx` say how `sample` chooses.
    """

    def __init__(self) -> None:
        self._key: Key | None = None
        self.reset()

    def reset(self) -> None:
        """Weight 1, not finished."""
        self._log_weight = 0.0
        self.twist_amount = 0.0
        self.finished = False
        self.mode = "sample"
        self.beam_idx = 0
        self.force_eos = False
        self._n_sites = 0
        self._n_draws = 0

    def immutable_properties(self) -> set[str]:
        """Names of attributes that steps do not change: clones share them."""
        return set()

    async def start(self) -> None:
        """What happens once, before the first step."""

    async def step(self) -> None:
        """What happens in each step, until `finish` is called."""
        raise NotImplementedError(f"{type(self).__name__} has no `async def step(self)`")

    def string_for_serialization(self) -> str:
        """The particle as text, in records."""
        return str(self)

    def __str__(self) -> str:
        return "Particle"

    # --- what a program says

    async def sample(self, dist: Any, proposal: Any = None, name: str | None = None) -> Any:
        """A value from `dist`; from `proposal`, if given, with weight dist / proposal."""
        if self.mode == "beam":
            return await self._best(dist if proposal is None else proposal, name)
        infer = {} if proposal is None else {"proposal": proposal}
        return await self._site(Sample(name=self._name(name), fn=dist, infer=infer))

    async def observe(self, dist: Any, x: Any, name: str | None = None) -> Any:
        """Weigh by the probability that `dist` gives x; returns x. Zero ends the particle."""
        site = Sample(name=self._name(name), fn=dist, value=x, is_observed=True)
        return await self._site(site)

    async def intervene(self, dist: Any, x: Any, name: str | None = None) -> Any:
        """Let `dist` have the value x without any weight: a context is fed a token."""
        site = Sample(name=self._name(name), fn=dist, value=x, is_observed=True, mask=False)
        return await self._site(site)

    def condition(self, b: Any) -> None:
        """Go on only if b is true."""
        if not b:
            self.score(-math.inf)

    def score(self, score: float) -> None:
        """Multiply the weight by exp(score). -inf ends the particle."""
        site = Factor(name=self._name(None), log_prob=float(score), is_observed=True)
        self._under_weigher(apply_stack, site)

    def twist(self, amt: float) -> None:
        """Multiply the weight by exp(amt) until the next step: a guess at how well it will go."""
        self.twist_amount += amt

    def untwist(self) -> None:
        self.twist_amount = 0.0

    def finish(self) -> None:
        """No more steps; twists are divided out."""
        self.untwist()
        self.finished = True

    def done_stepping(self) -> bool:
        return self.finished

    async def call(self, submodel: SubModel) -> Any:
        """Run a submodel as a part of this program; gives what it returns."""
        return await submodel.run_with_parent(self)

    # --- weights and keys

    @property
    def weight(self) -> float:
        """Log-weight in nats, twists included."""
        return self._log_weight + self.twist_amount

    @weight.setter
    def weight(self, value: float) -> None:
        self._log_weight = value - (self.twist_amount if value > -math.inf else 0.0)

    @property
    def untwisted_weight(self) -> float:
        return self._log_weight

    @property
    def dead(self) -> bool:
        return self._log_weight == -math.inf

    def weigh(self, score: float, site: Message) -> None:
        """Take the weight of a site. Raises DeadEnd where nothing is left of it."""
        if math.isnan(score) or score == math.inf:
            raise ValueError(f"site {site.name!r} has weight {score}; expected a number or -inf")
        self._log_weight += score
        if score == -math.inf:
            self.die()
            raise DeadEnd(site)

    def die(self) -> None:
        """Weight 0, for good."""
        self._log_weight = -math.inf
        self.finish()

    def at(self, key: Key) -> None:
        """Draw from here on by this key, one site number per draw."""
        self._key, self._n_draws = key, 0

    def next_key(self) -> Key | None:
        if self._key is None:
            return None
        key = self._key.at(site=self._n_draws)
        self._n_draws += 1
        return key

    def _name(self, name: str | None) -> str:
        if name is not None:
            return name
        self._n_sites += 1
        return f"site{self._n_sites - 1}"

    async def _site(self, msg: Message) -> Any:
        if any(isinstance(m, Weigher) and m.model is self for m in installed()):
            return (await apply_stack_async(msg)).value
        with Weigher(self):
            return (await apply_stack_async(msg)).value

    def _under_weigher(self, apply: Callable[[Any], Any], msg: Message) -> None:
        if any(isinstance(m, Weigher) and m.model is self for m in installed()):
            apply(msg)
            return
        with Weigher(self):
            apply(msg)

    async def _best(self, dist: Any, name: str | None) -> Any:
        """The value of rank `beam_idx`, weighed by its probability: what beam search asks."""
        if hasattr(dist, "prepare"):
            await dist.prepare()
        try:
            value, _ = dist.argmax(self.beam_idx)
        except IndexError:
            self.condition(False)
            raise
        return await self.observe(dist, value, name)

    # --- clones

    def fork(self) -> Self:
        """A clone: attributes are copied as `forking.fork` says, immutable ones are shared."""
        clone = object.__new__(type(self))
        shared, memo, attributes = self.immutable_properties(), Memo(), clone.__dict__
        memo[id(self)] = clone
        attributes.update(self.__dict__)
        for name, value in self.__dict__.items():
            if type(value) not in SHARED and name not in shared:
                attributes[name] = fork(value, memo)
        return clone

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self.fork()


class SubModel:
    """A part of a program with words of its own; write `async def forward(self)`."""

    def __init__(self) -> None:
        self.parent: Any = None

    async def run_with_parent(self, parent: Any) -> Any:
        before, self.parent = self.parent, parent
        try:
            return await self.forward()
        finally:
            self.parent = before

    async def forward(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no `async def forward(self)`")

    async def sample(self, dist: Any, proposal: Any = None, name: str | None = None) -> Any:
        return await self.parent.sample(dist, proposal, name)

    async def observe(self, dist: Any, x: Any, name: str | None = None) -> Any:
        return await self.parent.observe(dist, x, name)

    async def intervene(self, dist: Any, x: Any, name: str | None = None) -> Any:
        return await self.parent.intervene(dist, x, name)

    def condition(self, b: Any) -> None:
        self.parent.condition(b)

    def score(self, score: float) -> None:
        self.parent.score(score)

    def twist(self, amt: float) -> None:
        self.parent.twist(amt)

    async def call(self, submodel: SubModel) -> Any:
        return await self.parent.call(submodel)


def submodel(f: Callable[..., Awaitable[Any]]) -> type[SubModel]:
    """A SubModel class from `async def f(self, *args)`; calls of it are for `call`."""

    class Part(SubModel):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__()
            self._args, self._kwargs = args, kwargs

        async def forward(self) -> Any:
            return await f(self, *self._args, **self._kwargs)

    functools.update_wrapper(Part, f, updated=())
    return Part
