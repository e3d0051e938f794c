"""Parameters as sites: `param`, and the handlers `substitute` and `lift` that decide on them.

There is no store: a parameter is what its handlers say, else its initial value. A temperature, a
soft prompt, an adapter's name or a table of twists may be one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, TypeAlias

from .messages import Message, Samplable, Sample
from .runtime import Messenger
from .sites import perform
from .wrapping import handler


@dataclass(frozen=True, slots=True, kw_only=True)
class Param(Message):
    """A parameter; `init` is its value where no handler gives one."""

    type: ClassVar[str] = "param"

    init: Any = None

    async def default(self) -> Param:
        return self if self.done else self.replace(value=self.init, done=True)


def param(name: str, init: Any = None) -> Any:
    """The value of a parameter: what a handler gives it, else `init`."""
    return perform(Param(name=name, init=init))


class SubstituteMessenger(Messenger):
    def __init__(self, data: Mapping[str, Any]):
        self.data = data

    def process_param(self, msg: Param) -> Param:
        if msg.name not in self.data:
            return msg
        return msg.replace(value=self.data[msg.name], done=True)


@handler
def substitute(data: Mapping[str, Any]) -> SubstituteMessenger:
    """Give parameters the values in `data`.

    >>> from constrain import poutine
    >>> def model():
    ...     return poutine.param("temperature", 1.0)
    >>> poutine.substitute(model, {"temperature": 0.5})()
    0.5
    """
    return SubstituteMessenger(data)


Prior: TypeAlias = "Samplable | Mapping[str, Samplable] | Callable[[str], Samplable | None]"


class LiftMessenger(Messenger):
    def __init__(self, prior: Prior):
        self.prior = prior

    def process_param(self, msg: Param) -> Param | Sample:
        prior = _prior_of(self.prior, msg.name)
        if prior is None or msg.done:
            return msg
        return Sample(name=msg.name, fn=prior, infer=msg.infer)


def _prior_of(prior: Any, name: str) -> Samplable | None:
    if isinstance(prior, Mapping):
        return prior.get(name)  # type: ignore[no-any-return]
    return prior if hasattr(prior, "log_prob") else prior(name)


@handler
def lift(*, prior: Prior) -> LiftMessenger:
    """Make parameters random: each becomes a sample site with a prior.

    prior: a distribution for all, or per name in a mapping or by a function (None leaves it).

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Choice
    >>> def model():
    ...     return poutine.param("temperature", 1.0)
    >>> lifted = poutine.lift(model, prior={"temperature": Choice([0.5, 1.0, 2.0])})
    >>> poutine.trace(lifted).get_trace().nodes["temperature"].type
    'sample'
    """
    return LiftMessenger(prior)
