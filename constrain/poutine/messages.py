"""What a program says at a site: frozen messages, one class per kind of site.

Handlers never change a message; they answer with another one (`msg.replace(value=3)`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from inspect import isawaitable
from typing import Any, ClassVar, Protocol, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from constrain.lm.keys import Key, seed_of
from constrain.lm.protocol import LanguageModel, Request

Score: TypeAlias = Any
"""A log-probability in nats: a float, or an array of them under a plate."""

M = TypeVar("M", bound="Message")


class Samplable(Protocol):
    """What may stand at a sample site: `constrain.distributions`, or anything with these two.

    Either may be a coroutine; then the site has to be awaited.
    """

    def sample(self, key: Key) -> Any:
        """(value, its log-probability); the same for the same key."""
        ...

    def log_prob(self, value: Any) -> Any:
        """Log-probability of a value in nats; -inf outside of the support."""
        ...


async def _settled(answer: Any) -> Any:
    return await answer if isawaitable(answer) else answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A site of a running program.

    value: what the site gives to the program; meaningful once `done`, or when a handler set it.
    infer: annotations for inference, by name.
    done: the value stands; the default behaviour is passed by.
    stop: handlers further out do not see this message.
    continuation: called with the finished message, after all handlers.
    """

    type: ClassVar[str] = "message"

    name: str
    value: Any = None
    infer: Mapping[str, Any] = field(default_factory=dict[str, Any])
    done: bool = False
    stop: bool = False
    continuation: Callable[[Any], object] | None = None

    def replace(self: M, **changes: Any) -> M:
        """The same message with some fields changed."""
        return dataclasses.replace(self, **changes)

    async def prepare(self) -> None:
        """Wait for what handlers may want to look at, before they see the message."""

    async def default(self: M) -> M:
        """What the site does where no handler decides: nothing but be done."""
        return self.replace(done=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scored(Message):
    """A site that counts in the weight of a run.

    log_prob: of the value under the model, before `scale` and `mask`.
    log_q: of the value under what drew it; 0 for a value that was not drawn (observed, replayed).
    scale: the power to which the model's probability is raised.
    mask: where False, the site does not count.
    cond_indep_stack: the plates around it, outermost first.
    """

    log_prob: Score = None
    log_q: Score = 0.0
    scale: float = 1.0
    mask: bool | NDArray[np.bool_] = True
    is_observed: bool = False
    cond_indep_stack: tuple[Any, ...] = ()

    @property
    def score(self) -> Score:
        """log_prob as it counts in the model: scaled and masked."""
        scaled = self.log_prob if self.scale == 1.0 else self.scale * self.log_prob
        return _where(self.mask, scaled)

    @property
    def log_weight(self) -> Score:
        """What the site adds to the weight of a run: score - log_q, or 0 where masked.

        Summed over a run this is its model-trace score minus its proposal-trace score.
        """
        return self.score - _where(self.mask, self.log_q)


def _where(mask: bool | NDArray[np.bool_], value: Score) -> Score:
    if mask is False:
        return 0.0
    return value if mask is True else np.where(mask, value, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample(Scored):
    """A random choice, or an observed one (`is_observed`, with `value`).

    fn: the distribution of the model. `infer["proposal"]`, where given, draws in its place.
    key: where the randomness comes from; without one, from the system's entropy.
    """

    type: ClassVar[str] = "sample"

    fn: Samplable
    key: Key | None = None

    async def prepare(self) -> None:
        """Let a distribution that asks a model have its answer (`fn.prepare()`)."""
        for dist in (self.fn, self.infer.get("proposal")):
            if hasattr(dist, "prepare"):
                await cast(Any, dist).prepare()

    async def default(self) -> Sample:
        """Draw a value, or score the one that is there. Asks `fn` exactly once."""
        if self.done:
            return self
        if self.is_observed or self.value is not None:
            if self.log_prob is not None:
                return self.replace(done=True)
            log_prob = await _settled(self.fn.log_prob(self.value))
            return self.replace(log_prob=log_prob, done=True)
        proposal: Samplable | None = self.infer.get("proposal")
        key = self.key or Key(seed_of(None))
        value, log_q = await _settled((proposal or self.fn).sample(key))
        log_prob = log_q if proposal is None else await _settled(self.fn.log_prob(value))
        return self.replace(value=value, log_prob=log_prob, log_q=log_q, done=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Factor(Scored):
    """A number of nats added to the score of a run: `log_prob`."""

    type: ClassVar[str] = "factor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Logits(Message):
    """A question to a language model; `value` is its row of log-probabilities, float64[vocab]."""

    type: ClassVar[str] = "logits"

    lm: LanguageModel
    state: int

    async def default(self) -> Logits:
        if self.done or self.value is not None:
            return self.replace(done=True)
        return self.replace(value=await Request(self.lm, self.state), done=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier(Message):
    """A place where all particles may meet to be resampled."""

    type: ClassVar[str] = "barrier"


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Message):
    """A call of an `effectful` function; `kind` is the type it was given."""

    type: ClassVar[str] = "call"

    kind: str
    fn: Callable[..., Any]
    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] = field(default_factory=dict[str, Any])

    async def default(self) -> Call:
        if self.done or self.value is not None:
            return self.replace(done=True)
        return self.replace(value=await _settled(self.fn(*self.args, **self.kwargs)), done=True)
