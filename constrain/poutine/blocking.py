"""`block`: sites that nobody outside gets to see."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from .messages import Message
from .runtime import Messenger
from .wrapping import handler


class BlockMessenger(Messenger):
    def __init__(self, hides: Callable[[Message], bool | None]):
        self.hides = hides

    def process(self, msg: Any) -> Any:
        return msg.replace(stop=True) if self.hides(msg) else msg


@handler
def block(
    *,
    hide: Collection[str] | None = None,
    expose: Collection[str] | None = None,
    hide_types: Collection[str] | None = None,
    expose_types: Collection[str] | None = None,
    hide_fn: Callable[[Message], bool | None] | None = None,
    expose_fn: Callable[[Message], bool | None] | None = None,
) -> BlockMessenger:
    """Hide sites from all handlers further out; without arguments, all of them.

    hide, hide_types: these names, these types. expose, expose_types: all but these. hide_fn,
    expose_fn: by a function of the message, and then nothing else counts. Good for auxiliary
    randomness and for inference inside a program. A hidden question to a model is still batched.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def program():
    ...     poutine.sample("a", Bernoulli(0.5))
    ...     poutine.sample("b", Bernoulli(0.5))
    >>> record = poutine.trace(poutine.block(program, hide=["a"])).get_trace()
    >>> "a" in record, "b" in record
    (False, True)
    """
    if hide_fn and expose_fn:
        raise ValueError("give hide_fn or expose_fn, not both")
    if hide_fn:
        return BlockMessenger(hide_fn)
    if expose_fn:
        return BlockMessenger(lambda msg: not expose_fn(msg))
    if hide is hide_types is expose is expose_types is None:
        return BlockMessenger(lambda msg: True)
    return BlockMessenger(_by_names(hide or (), hide_types or (), expose, expose_types))


def _by_names(
    hide: Collection[str],
    hide_types: Collection[str],
    expose: Collection[str] | None,
    expose_types: Collection[str] | None,
) -> Callable[[Message], bool]:
    def hides(msg: Message) -> bool:
        if msg.name in hide or msg.type in hide_types:
            return True
        if expose is None and expose_types is None:
            return False
        return msg.name not in (expose or ()) and msg.type not in (expose_types or ())

    return hides
