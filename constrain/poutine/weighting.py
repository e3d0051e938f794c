"""`scale` and `mask`: how much a site counts."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .messages import Scored
from .runtime import Messenger, installed
from .wrapping import handler

S = TypeVar("S", bound=Scored)


class ScaleMessenger(Messenger):
    def __init__(self, scale: float):
        if not scale > 0:
            raise ValueError(f"a scale is a positive number, found {scale}")
        self.scale = scale

    def process(self, msg: Any) -> Any:
        return msg.replace(scale=msg.scale * self.scale) if isinstance(msg, Scored) else msg


@handler
def scale(scale: float) -> ScaleMessenger:
    """Multiply the log-probabilities of the sites inside: the target p becomes p ** scale.

    Above 1 a tempered target prefers likely texts. Draws still come from p; the weight of the
    run makes up for it, by (scale - 1) * log p at a latent site. Nested scales multiply.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.25), obs=True)
    >>> round(poutine.trace(poutine.scale(coin, 2.0)).get_trace().log_prob_sum(), 4)
    -2.7726
    """
    return ScaleMessenger(scale)


class MaskMessenger(Messenger):
    def __init__(self, mask: bool | NDArray[np.bool_]):
        self.mask = mask

    def process(self, msg: Any) -> Any:
        return msg.replace(mask=_both(self.mask, msg.mask)) if isinstance(msg, Scored) else msg


def _both(a: bool | NDArray[np.bool_], b: bool | NDArray[np.bool_]) -> bool | NDArray[np.bool_]:
    if a is True or b is False:
        return b
    return a if b is True or a is False else np.logical_and(a, b)


@handler
def mask(mask: bool | ArrayLike) -> MaskMessenger:
    """Sites inside happen as ever, but count only where `mask` is True.

    A bool, or an array of them for the places of a plate: a prompt or boilerplate that should not
    weigh, rows of a batch that are done.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.25), obs=True)
    >>> poutine.trace(poutine.mask(coin, False)).get_trace().log_prob_sum()
    0.0
    """
    if isinstance(mask, bool | np.bool_):
        return MaskMessenger(bool(mask))
    return MaskMessenger(np.asarray(mask, np.bool_))


def get_mask() -> bool | NDArray[np.bool_]:
    """What the `mask` handlers around say together: False means that no score is needed."""
    whole: bool | NDArray[np.bool_] = True
    for messenger in installed():
        if isinstance(messenger, MaskMessenger):
            whole = _both(messenger.mask, whole)
    return whole
