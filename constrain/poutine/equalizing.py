"""`equalize`: several sites that share one value."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any, Self

from .messages import Sample
from .params import Param
from .runtime import Messenger
from .wrapping import handler


class EqualizeMessenger(Messenger):
    def __init__(self, sites: str | Collection[str], type: str, keep_dist: bool):
        if type not in ("sample", "param"):
            raise ValueError(f'sites of type "sample" or "param" can be equal, found {type!r}')
        self.sites, self.type, self.keep_dist = sites, type, keep_dist
        self._first: tuple[Any] | None = None

    def __enter__(self) -> Self:
        self._first = None
        return super().__enter__()

    def _matches(self, name: str) -> bool:
        if isinstance(self.sites, str):
            return re.fullmatch(self.sites, name) is not None
        return name in self.sites

    def process_sample(self, msg: Sample) -> Sample:
        if self.type != "sample" or self._first is None or not self._matches(msg.name):
            return msg
        [value] = self._first
        if self.keep_dist:
            return msg.replace(value=value, is_observed=True)
        return msg.replace(value=value, is_observed=True, mask=False)

    def process_param(self, msg: Param) -> Param:
        if self.type != "param" or self._first is None or not self._matches(msg.name):
            return msg
        return msg.replace(value=self._first[0], done=True)

    def postprocess(self, msg: Any) -> Any:
        if msg.type == self.type and self._first is None and self._matches(msg.name):
            self._first = (msg.value,)
        return msg


@handler
def equalize(
    sites: str | Collection[str], type: str = "sample", keep_dist: bool = False
) -> EqualizeMessenger:
    """Give all sites whose names match the value of the first of them.

    sites: names, or a regular expression for whole names. keep_dist: the later sites keep their
    distributions and score the value, so that the target becomes a product of experts: one text
    under several prompts. Without it they do not count.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def twins():
    ...     return [poutine.sample(f"x{i}", Bernoulli(0.25 + i / 2), obs=None) for i in (0, 1)]
    >>> a, b = poutine.equalize(twins, r"x\\d", keep_dist=True)()
    >>> a == b
    True
    """
    return EqualizeMessenger(sites, type, keep_dist)
