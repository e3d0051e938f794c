"""Exact search by running a program again and again: `escape`, `queue` and what extends a trace.

A program is left at the first choice that a partial trace does not know; the trace is extended by
what may happen there, and the program runs again along each extension. A first-in-first-out queue
enumerates all runs; one that gives the best partial trace first finds the most probable run first.
"""

from __future__ import annotations

import heapq
import queue as queues
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial, wraps
from itertools import count, islice
from typing import Any, Protocol, TypeAlias

from constrain.errors import LimitExceeded, Unsupported
from constrain.lm.keys import Key, seed_of

from .blocking import block
from .messages import Message, Sample
from .replaying import ReplayMessenger
from .runtime import DeadEnd, Messenger, NonlocalExit, installed
from .traces import Return, Trace
from .tracing import TraceMessenger, trace as traced
from .wrapping import execute, forked, handler, scorer

EscapeFn: TypeAlias = Callable[[Trace, Message], bool]
ExtendFn: TypeAlias = Callable[..., list[Trace]]


class EscapeMessenger(Messenger):
    def __init__(self, escape_fn: Callable[[Message], bool]):
        self.escape_fn = escape_fn

    def process_sample(self, msg: Sample) -> Sample:
        if self.escape_fn(msg):
            raise NonlocalExit(msg)
        return msg


@handler
def escape(*, escape_fn: Callable[[Message], bool]) -> EscapeMessenger:
    """Leave the program at the first random site where `escape_fn(site)` holds.

    Raises NonlocalExit with the site as the handlers inside have left it.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.5))
    >>> try:
    ...     poutine.escape(coin, escape_fn=lambda site: True)()
    ... except poutine.NonlocalExit as left:
    ...     print("left at", left.site.name)
    left at x
    """
    return EscapeMessenger(escape_fn)


# --- where to leave


def all_escape(trace: Trace, msg: Message) -> bool:
    """Is this a random choice that `trace` does not know?"""
    return isinstance(msg, Sample) and not msg.is_observed and msg.name not in trace


def discrete_escape(trace: Trace, msg: Message) -> bool:
    """Is this such a choice, among values that can be enumerated?"""
    return all_escape(trace, msg) and hasattr(_sample(msg).fn, "enumerate_support")


# --- how to go on


def _sample(msg: Message) -> Any:
    return msg


def enum_extend(trace: Trace, msg: Message, num_samples: int | None = None) -> list[Trace]:
    """One trace for every value of the site's support (the first `num_samples` of them).

    Where a grammar has said which tokens are `allowed`, only for these.
    """
    allowed: Any = msg.infer.get("allowed")
    support = _sample(msg).fn.enumerate_support()
    values = (value for value in support if allowed is None or allowed[value])
    score = scorer(_sample(msg).fn)
    return [
        _extended(trace, _sample(msg), value, score(value)) for value in islice(values, num_samples)
    ]


def mc_extend(trace: Trace, msg: Message, num_samples: int | None = None) -> list[Trace]:
    """Traces with values drawn from the site's distribution: one, or `num_samples`.

    They are drawn by the site's key, where it has one.
    """
    key = _sample(msg).key or Key(seed_of(None))
    keys = [key.at(site=(key.site + (i << 20)) & 0xFFFFFFFF) for i in range(num_samples or 1)]
    draws = [execute(forked(_sample(msg).fn).sample, key) for key in keys]
    return [_extended(trace, _sample(msg), value, log_prob) for value, log_prob in draws]


def _extended(trace: Trace, msg: Sample, value: Any, log_prob: float) -> Trace:
    longer = trace.copy()
    longer.add_node(msg.name, msg.replace(value=value, log_prob=log_prob, done=True))
    return longer


# --- the search


class TraceQueue(Protocol):
    """Where partial traces wait: `queue.Queue`, `queue.LifoQueue`, `BestFirst`, ..."""

    def put(self, item: Trace, /) -> Any: ...
    def get(self) -> Trace: ...
    def empty(self) -> bool: ...


class BestFirst:
    """A queue that gives the trace of the highest score first, equal ones in their order.

    score: what to go by, `log_prob_sum` by default. With it, and as long as no site adds to the
    score (discrete sites never do, positive factors would), runs come in order of probability;
    with a bound on what is to come added, this is A* (Hart, Nilsson and Raphael 1968). max_size:
    forget the worst beyond that many; the search is then a beam.
    """

    def __init__(
        self,
        score: Callable[[Trace], float] = Trace.log_prob_sum,
        max_size: int | None = None,
    ):
        self.score, self.max_size = score, max_size
        self._heap: list[tuple[float, int, Trace]] = []
        self._order = count()

    def put(self, item: Trace, /) -> None:
        heapq.heappush(self._heap, (-self.score(item), next(self._order), item))
        if self.max_size is not None and len(self._heap) > self.max_size:
            self._heap.remove(max(self._heap))
            heapq.heapify(self._heap)

    def get(self) -> Trace:
        return heapq.heappop(self._heap)[2]

    def empty(self) -> bool:
        return not self._heap


def queue(
    fn: Callable[..., Any] | None = None,
    queue: TraceQueue | None = None,
    max_tries: int = 1_000_000,
    extend_fn: ExtendFn = enum_extend,
    escape_fn: EscapeFn = discrete_escape,
    num_samples: int | None = None,
) -> Any:
    """The program that, at each call, runs along a trace from `queue` to the program's end.

    Traces that prove to be partial are extended by `extend_fn(trace, site, num_samples=)` and put
    back; runs that come to a dead end are dropped. The first call fills an empty queue; later
    calls on an empty one raise StopSearch. Handlers further out see only the run that is
    completed: what they learnt during others is put back, as long as they keep it as values.
    Raises LimitExceeded after `max_tries` runs without a complete one. To enumerate all runs,
    `enumerate_traces` is shorter.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coins():
    ...     return [poutine.sample(f"x{i}", Bernoulli(0.75)) for i in range(2)]
    >>> best = poutine.queue(coins, queue=poutine.BestFirst())
    >>> best(), best()
    ([True, True], [True, False])
    """
    if fn is None:
        rest = (queue, max_tries, extend_fn, escape_fn, num_samples)
        return lambda fn: _search(fn, *rest)  # pyright: ignore[reportUnknownLambdaType]
    return _search(fn, queue, max_tries, extend_fn, escape_fn, num_samples)


class StopSearch(Exception):
    """Every run of the program has been given."""


def _search(
    fn: Callable[..., Any],
    waiting: TraceQueue | None,
    max_tries: int,
    extend_fn: ExtendFn,
    escape_fn: EscapeFn,
    num_samples: int | None,
) -> Callable[..., Any]:
    traces: Any = queues.Queue[Trace]() if waiting is None else waiting
    started = not traces.empty()

    @wraps(fn)
    def next_run(*args: Any, **kwargs: Any) -> Any:
        nonlocal started
        if not started:
            traces.put(Trace())
            started = True
        for _ in range(max_tries):
            if traces.empty():
                raise StopSearch
            known = traces.get()
            tracer = TraceMessenger()
            leave, along = EscapeMessenger(partial(escape_fn, known)), ReplayMessenger(known)
            try:
                with _undone_on_exit(), tracer, leave, along:
                    value = execute(fn, *args, **kwargs)
                    if _comes_too_early(traces, known, tracer.trace):
                        raise _NotYet(Return(name="_RETURN", value=value))
                    return value
            except DeadEnd:
                continue
            except _NotYet:
                traces.put(tracer.trace)
            except NonlocalExit as left:
                for longer in extend_fn(tracer.trace, left.site, num_samples=num_samples):
                    traces.put(longer)
        raise LimitExceeded("runs of a queue", max_tries, "raise max_tries")

    return next_run


class _NotYet(NonlocalExit):
    """A run is complete, but others that are open may be better."""


def _comes_too_early(traces: Any, known: Trace, run: Trace) -> bool:
    """Has what came after the last choice of a run made it worse than it was queued for?"""
    return isinstance(traces, BestFirst) and traces.score(run) < traces.score(known)


@contextmanager
def _undone_on_exit() -> Generator[None]:
    """Put back the attributes of all installed handlers if the program is left."""
    before = [(messenger, dict(vars(messenger))) for messenger in installed()]
    try:
        yield
    except NonlocalExit:
        for messenger, attributes in before:
            vars(messenger).clear()
            vars(messenger).update(attributes)
        raise


def enumerate_traces(
    fn: Callable[..., Any],
    *args: Any,
    queue: TraceQueue | None = None,
    max_runs: int = 1_000_000,
    **kwargs: Any,
) -> Iterator[Trace]:
    """Every complete run of a program of discrete choices, as a Trace; together, the joint.

    In the order of `queue`: shortest first, or the most probable first with `BestFirst()`. Handlers
    around the call do not take part; wrap `fn` in them. Raises LimitExceeded after `max_runs`
    runs, complete or not, and Unsupported at a choice that cannot be enumerated.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def coin():
    ...     return poutine.sample("x", Bernoulli(0.75))
    >>> [(t.nodes["_RETURN"].value, round(t.log_prob_sum(), 3)) for t in enumerate_traces(coin)]
    [(True, -0.288), (False, -1.386)]
    """

    def refuse(known: Trace, msg: Message) -> bool:
        if all_escape(known, msg) and not discrete_escape(known, msg):
            raise Unsupported(f"enumerating the choice at site {msg.name!r}")
        return discrete_escape(known, msg)

    searched = _search(traced(fn).get_trace, queue, max_runs, enum_extend, refuse, None)
    while True:
        try:
            with block():
                found = searched(*args, **kwargs)
        except StopSearch:
            return
        yield found
