"""`markov`: what happens in a chain depends on the last few steps only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import copy
from functools import wraps
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from .messages import Sample
from .runtime import Messenger, installed, waits
from .wrapping import handler

P = ParamSpec("P")
T = TypeVar("T")
Level = tuple[tuple[str, Any], ...]


class MarkovMessenger(Messenger):
    """Entered once per step (or level of a recursion), on top of itself."""

    def __init__(self, iterable: Iterable[Any] | None = None, history: int = 1, keep: bool = False):
        if history < 0:
            raise ValueError(f"a history counts steps, found {history}")
        self.iterable, self.history, self.keep = iterable, history, keep
        self._levels: tuple[Level, ...] = ()
        self._pos = -1
        self._origin: MarkovMessenger | None = None

    def __call__(self, fn: Callable[P, T]) -> Callable[P, T]:
        """`fn` one level down in each call of it, however it comes to be called again."""
        if waits(fn):
            waiting: Any = fn

            @wraps(fn)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self._of_this_run():
                    return await waiting(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @wraps(fn)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            with self._of_this_run():
                return fn(*args, **kwargs)

        return called

    def _of_this_run(self) -> MarkovMessenger:
        """The copy that is installed here, or a new one."""
        for messenger in installed():
            if isinstance(messenger, MarkovMessenger) and messenger._origin is self:
                return messenger
        fresh = copy(self)
        fresh._origin = self
        return fresh

    def __enter__(self) -> Self:
        if self._pos < 0:
            super().__enter__()
        self._pos += 1
        if self._pos == len(self._levels):
            self._levels = (*self._levels, ())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not self.keep:
            self._levels = self._levels[: self._pos]
        self._pos -= 1
        # a loop that is left by an exception is closed late, when handlers further out are gone
        if self._pos < 0 and any(messenger is self for messenger in installed()):
            super().__exit__(kind, error, traceback)

    def __iter__(self) -> Iterator[Any]:
        if self.iterable is None:
            raise TypeError("markov() is a loop if it is given what to loop over")
        steps = 0
        try:
            for value in self.iterable:
                self.__enter__()
                steps += 1
                yield value
        finally:
            for _ in range(steps):
                self.__exit__(None, None, None)

    def process_sample(self, msg: Sample) -> Sample:
        start = max(0, self._pos - self.history)
        seen = tuple(pair for level in self._levels[start : self._pos + 1] for pair in level)
        further_in = msg.infer.get("markov_state", ())
        state = (*seen, *further_in)
        scope = frozenset(name for name, _ in state)
        return msg.replace(infer={**msg.infer, "markov_state": state, "markov_scope": scope})

    def postprocess_sample(self, msg: Sample) -> Sample:
        here = (*self._levels[self._pos], (msg.name, msg.value))
        self._levels = (*self._levels[: self._pos], here, *self._levels[self._pos + 1 :])
        return msg


@handler
def markov(
    iterable: Iterable[Any] | None = None, history: int = 1, keep: bool = False
) -> MarkovMessenger:
    """Declare that sites see no further back than `history` steps of a chain.

    As a loop (`for t in markov(range(n))`), a context, or a decorator of a recursive function. A
    site's `infer["markov_state"]` holds what it may see, as (name, value) pairs: `collapse` and
    particles may be merged where these agree. keep: levels of a recursion that have been left
    stay visible to their neighbours.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def walk():
    ...     for t in poutine.markov(range(3)):
    ...         poutine.sample(f"x{t}", Bernoulli(0.5))
    >>> sites = poutine.trace(walk, graph_type="dense").get_trace()
    >>> sites.predecessors("x2")
    ['x1']
    """
    return MarkovMessenger(iterable, history, keep)
