"""`trace`: write down what happens at every site."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

from .messages import Message
from .runtime import Messenger, waits
from .traces import Input, Return, Trace
from .wrapping import execute

P = ParamSpec("P")
T = TypeVar("T")

RECORDED = ("sample", "factor", "param", "plate")


class TraceMessenger(Messenger):
    """Records sites; `trace` is what has been recorded since it was installed last.

    Keeps the record as a value (a chain of sites), so that a search can put it back.
    """

    def __init__(self, graph_type: str = "flat", param_only: bool = False):
        self.graph_type, self.param_only = graph_type, param_only
        self._last: Any = None  # (the record before, message)

    def __enter__(self) -> Self:
        self._last = None
        return super().__enter__()

    def postprocess(self, msg: Any) -> Any:
        recorded = ("param",) if self.param_only else RECORDED
        if msg.type in recorded:
            self.add(msg)
        return msg

    def add(self, msg: Message) -> None:
        self._last = (self._last, msg)

    @property
    def trace(self) -> Trace:
        """The record as a Trace of its own."""
        sites: list[Message] = []
        last = self._last
        while last is not None:
            last, site = last
            sites.append(site)
        trace = Trace(self.graph_type)
        for site in reversed(sites):
            trace.add_node(site.name, site)
        if self.graph_type == "dense":
            identify_dense_edges(trace)
        return trace

    def get_trace(self) -> Trace:
        return self.trace

    def __call__(self, fn: Callable[P, T]) -> TraceHandler[P, T]:
        return TraceHandler(self, fn)


class TraceHandler(Generic[P, T]):
    """A program that writes a trace when it is called; `get_trace` gives it."""

    def __init__(self, messenger: TraceMessenger, fn: Callable[P, T]):
        self.messenger, self.fn = messenger, fn
        self.waits = waits(fn)
        update_wrapper(self, fn, updated=())

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run the program; for a coroutine function, give a coroutine that does."""
        self.messenger = messenger = copy(self.messenger)
        return self._recorded(messenger, *args, **kwargs)

    def _recorded(self, messenger: TraceMessenger, *args: Any, **kwargs: Any) -> Any:
        if self.waits:
            return self._awaited(messenger, *args, **kwargs)
        with messenger:
            messenger.add(Input(name="_INPUT", args=args, kwargs=kwargs))
            value = self.fn(*args, **kwargs)
            messenger.add(Return(name="_RETURN", value=value))
            return value

    async def _awaited(self, messenger: TraceMessenger, *args: Any, **kwargs: Any) -> Any:
        with messenger:
            messenger.add(Input(name="_INPUT", args=args, kwargs=kwargs))
            value: Any = await self.fn(*args, **kwargs)  # type: ignore[misc]
            messenger.add(Return(name="_RETURN", value=value))
            return value

    @property
    def trace(self) -> Trace:
        """The trace of the call that began last."""
        return self.messenger.trace

    def get_trace(self, *args: P.args, **kwargs: P.kwargs) -> Trace:
        """Run the program and give its trace; a coroutine is run to its end."""
        messenger = copy(self.messenger)
        execute(self._recorded, messenger, *args, **kwargs)
        return messenger.trace


@overload
def trace(
    fn: None = None, graph_type: str = "flat", param_only: bool = False
) -> TraceMessenger: ...
@overload
def trace(
    fn: Callable[P, T], graph_type: str = "flat", param_only: bool = False
) -> TraceHandler[P, T]: ...
def trace(fn: Any = None, graph_type: str = "flat", param_only: bool = False) -> Any:
    """Record every site of a run in a `Trace`.

    graph_type: "dense" adds the edges along which sites may depend on each other.
    param_only: record parameters only.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def program():
    ...     rain = poutine.sample("rain", Bernoulli(0.25), obs=True)
    ...     return poutine.sample("wet", Bernoulli(0.5 if rain else 0.1), obs=False)
    >>> record = poutine.trace(program).get_trace()
    >>> list(record.nodes)
    ['_INPUT', 'rain', 'wet', '_RETURN']
    >>> round(record.log_prob_sum(), 4)  # log(0.25 * 0.5)
    -2.0794
    """
    messenger = TraceMessenger(graph_type, param_only)
    return messenger if fn is None else messenger(fn)


def identify_dense_edges(trace: Trace) -> None:
    """Add an edge between each two sites that may depend on each other, by plates and chains.

    An earlier site is passed over where both are in the same plate at different places, or where
    the later one is in a `markov` chain that does not see the earlier one. O(sites ** 2).
    """
    sites = [
        (name, site) for name, site in trace.nodes.items() if site.type in ("sample", "factor")
    ]
    for i, (name, site) in enumerate(sites):
        for before, earlier in sites[:i]:
            if _may_depend(site, before, earlier):
                trace.add_edge(before, name)


def _may_depend(site: Any, before: str, earlier: Any) -> bool:
    places = {frame.name: frame.counter for frame in earlier.cond_indep_stack}
    if any(places.get(f.name, f.counter) != f.counter for f in site.cond_indep_stack):
        return False
    scope = site.infer.get("markov_scope")
    return scope is None or before in scope or "markov_scope" not in earlier.infer
