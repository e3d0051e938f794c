"""`condition` makes choices observations, `uncondition` makes observations choices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .messages import Sample
from .runtime import Messenger
from .traces import Trace
from .wrapping import handler


class ConditionMessenger(Messenger):
    def __init__(self, data: Mapping[str, Any] | Trace):
        self.data = (
            {name: site.value for name, site in data.nodes.items() if site.type == "sample"}
            if isinstance(data, Trace)
            else data
        )

    def process_sample(self, msg: Sample) -> Sample:
        value = self.data.get(msg.name)
        return msg if value is None else msg.replace(value=value, is_observed=True)

    def process_composed(self, msg: Sample) -> Sample:
        refuse_composed(msg, self.data)
        return msg


def refuse_composed(msg: Sample, data: Mapping[str, Any]) -> None:
    """A site that `reparam` made of others cannot be given a value from outside of it."""
    if data.get(msg.name) is not None:
        raise ValueError(
            f"site {msg.name!r} is made of others by a `reparam` inside; "
            "give values to those, or put the `reparam` outside"
        )


@handler
def condition(data: Mapping[str, Any] | Trace) -> ConditionMessenger:
    """Observe values at sites, by name: they are given, and scored.

    With text this is infilling: the tokens in `data` are forced, and count. None leaves a site as
    it is. The same as `obs=` at the site.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.25))
    >>> heads = poutine.trace(poutine.condition(coin, {"x": True})).get_trace()
    >>> heads.nodes["x"].is_observed, round(heads.log_prob_sum(), 4)
    (True, -1.3863)
    """
    return ConditionMessenger(data)


class UnconditionMessenger(Messenger):
    def process_sample(self, msg: Sample) -> Sample:
        if not msg.is_observed:
            return msg
        infer = {**msg.infer, "was_observed": True, "obs": msg.value}
        return msg.replace(value=None, is_observed=False, infer=infer)


@handler
def uncondition() -> UnconditionMessenger:
    """Draw observed sites from their distributions, as before any data were there.

    Their observed values stay in `infer["obs"]`. Data that a handler further out gives still
    count, since that handler comes later.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def data():
    ...     return poutine.sample("x", Bernoulli(1.0), obs=False)
    >>> data(), poutine.uncondition(data)()
    (False, True)
    """
    return UnconditionMessenger()
