"""`replay`: run a program again along the choices of a trace."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .messages import Sample
from .params import Param
from .runtime import Messenger
from .traces import Trace
from .wrapping import handler


class ReplayMessenger(Messenger):
    def __init__(self, trace: Trace | None = None, params: Mapping[str, Any] | None = None):
        self.nodes = {} if trace is None else trace.nodes
        self.params = params or {}

    def process_sample(self, msg: Sample) -> Sample:
        site = self.nodes.get(msg.name)
        if site is None or msg.is_observed:
            return msg
        if site.type != "sample" or site.is_observed:
            raise ValueError(
                f"site {msg.name!r} is a random choice here, but in the trace it is "
                f"{'observed' if site.type == 'sample' else 'a ' + site.type}"
            )
        kept = {key: value for key, value in site.infer.items() if key != "proposal"}
        return msg.replace(value=site.value, infer={**msg.infer, **kept})

    def process_param(self, msg: Param) -> Param:
        if msg.name in self.params:
            return msg.replace(value=self.params[msg.name], done=True)
        return msg


@handler
def replay(trace: Trace | None = None, params: Mapping[str, Any] | None = None) -> ReplayMessenger:
    """Give latent sites the values that they have in `trace`, and parameters those of `params`.

    The values are scored by the program that runs now: under another prompt, model or grammar
    this rescores a text. Nothing is drawn, so such a site weighs its whole score. Observed sites
    and sites that the trace does not know go on as they would. Raises ValueError where the trace
    observed what is latent now.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin(p):
    ...     return poutine.sample("x", Bernoulli(p))
    >>> old = poutine.trace(coin).get_trace(0.5)
    >>> new = poutine.trace(poutine.replay(coin, old)).get_trace(0.9)
    >>> new.nodes["x"].value == old.nodes["x"].value
    True
    """
    return ReplayMessenger(trace, params)
