"""`do`: set a value from outside, as if the program had it hard-coded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from constrain.lm.keys import Key, seed_of

from .conditioning import refuse_composed
from .messages import Sample
from .runtime import Messenger, apply_stack_async
from .wrapping import forked, handler, settled

MARK = "interveners"


class DoMessenger(Messenger):
    def __init__(self, data: Mapping[str, Any]):
        self.data = data

    def process_sample(self, msg: Sample) -> Sample:
        by: tuple[object, ...] = msg.infer.get(MARK, ())
        if msg.name not in self.data or self in by:
            return msg
        if by:
            raise ValueError(f"two interventions on {msg.name!r}; a site takes one")
        return _Intervention.on(msg, self.data[msg.name], self)

    def process_composed(self, msg: Sample) -> Sample:
        refuse_composed(msg, self.data)
        return msg


@dataclass(frozen=True, slots=True, kw_only=True)
class _Intervention(Sample):
    """What the program sees of a site that was intervened on; handlers further out do not.

    Its default lets the site itself happen, through the whole stack, and then gives another value.
    """

    site: Sample
    intervention: Any

    @classmethod
    def on(cls, msg: Sample, intervention: Any, by: DoMessenger) -> _Intervention:
        shared = {field.name: getattr(msg, field.name) for field in fields(Sample)}
        shared |= {"name": f"{msg.name}__CF", "is_observed": True, "mask": False, "stop": True}
        infer = {**msg.infer, MARK: (*msg.infer.get(MARK, ()), by)}
        site = msg.replace(infer=infer, fn=forked(msg.fn))
        return cls(**shared, site=site, intervention=intervention)

    async def default(self) -> Sample:
        site = await apply_stack_async(self.site)
        value = self.intervention
        if hasattr(value, "log_prob"):
            value, _ = await settled(value.sample(_other_key(site.key)))
        elif callable(value):
            value = value(site.value)
        log_prob = await settled(self.fn.log_prob(value))
        return self.replace(value=value, log_prob=log_prob, done=True)


def _other_key(key: Key | None) -> Key:
    """A key for a draw that is independent of the site's own."""
    return Key(seed_of(None)) if key is None else key.at(site=key.site + (1 << 31))


@handler
def do(data: Mapping[str, Any]) -> DoMessenger:
    """Give the program other values at sites than what happens there.

    The site still happens, by its name, and scores what was drawn; but the program goes on with
    `data[name]`: a value, a function of what was drawn, or a distribution to draw from. The
    value counts nowhere: with text, tokens are fed without being scored. Inside this handler the
    site with the new value is called `<name>__CF` and scores 0. With `condition` around it, one
    asks what would have been (Richardson and Robins 2013, single-world intervention graphs).

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def program():
    ...     rain = poutine.sample("rain", Bernoulli(0.25))
    ...     return poutine.sample("wet", Bernoulli(1.0 if rain else 0.0))
    >>> made = poutine.do(program, {"rain": True})
    >>> seen = poutine.trace(poutine.condition(made, {"rain": False})).get_trace()
    >>> seen.nodes["rain"].value, seen.nodes["wet"].value
    (False, True)
    """
    return DoMessenger(data)
