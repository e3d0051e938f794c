"""`collapse`: sum out the choices of a program exactly, by dynamic programming.

Runs that stand at one site in one state have the same future, whatever came before. So the score
of all futures is worked out once per (site, state), backwards from the program's ends: the forward
algorithm for chains, the sum over all tokenisations of a text, a product of a model with an
automaton. A state is what the program declares it to be, in `infer["state"]` or by `markov`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

import numpy as np

from constrain.errors import LimitExceeded, Unsupported
from constrain.lm.distributions import LogCategorical, logsumexp
from constrain.lm.keys import Key

from .blocking import block
from .messages import Factor, Sample
from .replaying import ReplayMessenger
from .runtime import DeadEnd, NonlocalExit, apply_stack
from .searching import EscapeMessenger, all_escape, enum_extend
from .traces import Trace
from .tracing import TraceMessenger
from .wrapping import execute, scorer

Place = tuple[str, Hashable]


@dataclass
class _Node:
    """A (site, state): its continuations, and the log of the sum of all their futures."""

    law: dict[Any, float]
    longer: list[Trace]
    before: float
    totals: list[float] = field(default_factory=list[float])

    @property
    def future(self) -> float:
        return logsumexp(self.totals)


@dataclass(frozen=True)
class _Stop:
    """Where a run along a partial trace got to: a place, or the end with a value."""

    trace: Trace
    site: Sample | None
    value: Any = None
    dead: bool = False

    @property
    def score(self) -> float:
        return -np.inf if self.dead else self.trace.log_prob_sum()


class _Table:
    """All places of one program with certain arguments."""

    def __init__(self, program: Callable[[], Any], max_states: int):
        self.program, self.max_states = program, max_states
        self.nodes: dict[Place, _Node] = {}

    def run(self, known: Trace) -> _Stop:
        with block(), TraceMessenger() as tracer:
            try:
                with EscapeMessenger(partial(all_escape, known)), ReplayMessenger(known):
                    value = execute(self.program)
            except DeadEnd:
                return _Stop(tracer.trace, None, dead=True)
            except NonlocalExit as left:
                return _Stop(tracer.trace, _sample(left.site))
            return _Stop(tracer.trace, None, value)

    def log_total(self) -> float:
        """Log of the sum over all runs; fills the table, one place at a time (no recursion)."""
        start = self.run(Trace())
        if start.site is None:
            return start.score
        open_places = [self._open(start)]
        while open_places:
            node = self.nodes[open_places[-1]]
            if len(node.totals) == len(node.longer):
                open_places.pop()
                continue
            stop = self.run(node.longer[len(node.totals)])
            if stop.site is None:
                node.totals.append(stop.score - node.before)
                continue
            place = _place(stop.site)
            if place not in self.nodes:
                open_places.append(self._open(stop))
            elif place in open_places:
                raise ValueError(f"site {place[0]!r} comes again in the same state {place[1]!r}")
            else:
                self._check(stop, place)
                node.totals.append(stop.score - node.before + self.nodes[place].future)
        first = self.nodes[_place(start.site)]
        return first.before + first.future

    def _open(self, stop: _Stop) -> Place:
        site = _there(stop.site)
        place = _place(site)
        if len(self.nodes) >= self.max_states:
            raise LimitExceeded("max_states of collapse", self.max_states)
        longer = enum_extend(stop.trace, site)
        self.nodes[place] = _Node(_law(site), longer, stop.score)
        return place

    def _check(self, stop: _Stop, place: Place) -> None:
        law, known = _law(_there(stop.site)), self.nodes[place].law
        if law.keys() != known.keys() or not np.allclose(
            [law[value] for value in known], list(known.values()), atol=1e-9
        ):
            raise ValueError(
                f"site {place[0]!r} has two distributions in the one state {place[1]!r}; "
                "its state must hold all that the rest of the program depends on"
            )

    def draw(self, key: Key) -> Any:
        """What the program returns, from its exact posterior."""
        stop, step = self.run(Trace()), 0
        while stop.site is not None:
            node = self.nodes[_place(stop.site)]
            chosen, _ = LogCategorical(node.totals).sample(key.at(step=step))
            stop = self.run(enum_extend(stop.trace, stop.site)[chosen])
            step += 1
        return stop.value


def _there(site: Sample | None) -> Sample:
    assert site is not None
    return site


def _sample(site: Any) -> Sample:
    return site


def _law(site: Sample) -> dict[Any, float]:
    fn: Any = site.fn
    score = scorer(fn)
    allowed: Any = site.infer.get("allowed")
    support = fn.enumerate_support()
    return {value: score(value) for value in support if allowed is None or allowed[value]}


def _place(site: Sample) -> Place:
    for note in ("state", "markov_state"):
        if note in site.infer:
            return site.name, (site.infer[note], site.infer.get("grammar_states", ()))
    raise Unsupported(
        f"collapsing site {site.name!r}",
        note='no state is declared: give infer={"state": ...}, or loop over poutine.markov(...)',
    )


class _Posterior:
    """What a collapsed program returns; it was scored by the factor beside it."""

    def __init__(self, table: _Table):
        self.table = table

    def sample(self, key: Key) -> tuple[Any, float]:
        return self.table.draw(key), 0.0

    def log_prob(self, value: Any) -> float:
        raise Unsupported("scoring what a collapsed program returned")


def collapse(
    fn: Callable[..., Any] | None = None, name: str = "collapsed", max_states: int = 100_000
) -> Any:
    """Replace a program by its exact marginal: one factor, and one draw from its posterior.

    The factor `<name>` is the log of the sum of the scores of all runs of `fn`, observations and
    factors included; the site `<name>_value` draws what `fn` returns from the exact posterior and
    weighs nothing. Every choice in `fn` must be enumerable and declare its state; that runs in one
    state have one distribution is checked, that their futures agree is up to the program. Where
    the grammars of `constrain` stand is added to the state.
    Handlers around the call do not reach into it; wrap `fn` in them.
    Raises Unsupported where there is no such dynamic program, LimitExceeded beyond `max_states`.
    Cost: one run of `fn` per (state, value). A wrapper or decorator; it cannot be a `with`.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import Bernoulli
    >>> def chain():
    ...     x = False
    ...     for t in poutine.markov(range(20)):
    ...         x = poutine.sample(f"x{t}", Bernoulli(0.9 if x else 0.2))
    ...     poutine.sample("y", Bernoulli(0.5 if x else 0.0), obs=True)
    >>> record = poutine.trace(poutine.collapse(chain)).get_trace()
    >>> round(float(np.exp(record.log_prob_sum())), 4)  # close to 2/3 of a half
    0.3331
    """
    if fn is None:
        return partial(collapse, name=name, max_states=max_states)

    @wraps(fn)
    def collapsed(*args: Any, **kwargs: Any) -> Any:
        table = _Table(partial(fn, *args, **kwargs), max_states)
        total = table.log_total()
        apply_stack(Factor(name=name, log_prob=total, is_observed=True))
        if total == -np.inf:
            raise ValueError(f"no run of {name!r} is possible: its posterior is empty")
        return apply_stack(Sample(name=f"{name}_value", fn=_Posterior(table))).value

    return collapsed
