"""`infer_config` and `config_enumerate`: annotations for inference, put on from outside."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .messages import Message, Sample
from .runtime import Messenger
from .wrapping import handler


class InferConfigMessenger(Messenger):
    def __init__(self, config_fn: Callable[[Message], Mapping[str, Any]]):
        self.config_fn = config_fn

    def process_sample(self, msg: Message) -> Message:
        return msg.replace(infer={**msg.infer, **self.config_fn(msg)})

    def process_param(self, msg: Message) -> Message:
        return self.process_sample(msg)


@handler
def infer_config(*, config_fn: Callable[[Message], Mapping[str, Any]]) -> InferConfigMessenger:
    """Add `config_fn(site)` to the annotations of sample and parameter sites.

    This is where a proposal, a way to enumerate or a state for `collapse` is attached.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.5))
    >>> fair = {"proposal": Bernoulli(1.0)}
    >>> drawn = poutine.infer_config(coin, config_fn=lambda site: fair)
    >>> round(poutine.trace(drawn).get_trace().log_weight(), 4)  # log(0.5 / 1.0)
    -0.6931
    """
    return InferConfigMessenger(config_fn)


class _Enumerated(Messenger):
    def __init__(self, how: str | None, top: int | None):
        self.infer = {"enumerate": how} if top is None else {"enumerate": how, "num_samples": top}

    def process_sample(self, msg: Sample) -> Sample:
        if msg.is_observed or "enumerate" in msg.infer or not _can_be_enumerated(msg):
            return msg
        return msg.replace(infer={**msg.infer, **self.infer})


def _can_be_enumerated(msg: Sample) -> bool:
    return hasattr(msg.fn, "enumerate_support")


@handler
def config_enumerate(default: str | None = "parallel", num_samples: int | None = None) -> Messenger:
    """Mark all latent sites with a support to enumerate, unless they are marked already.

    default: "parallel" (see `enum`), "sequential" (see `queue`), or None. num_samples: only that
    many of the likeliest values, and one drawn from the rest in their stead.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> @poutine.config_enumerate()
    ... def coin():
    ...     return poutine.sample("x", Bernoulli(0.5))
    >>> dict(poutine.trace(coin).get_trace().nodes["x"].infer)
    {'enumerate': 'parallel'}
    """
    return _Enumerated(default, num_samples)
