"""Several processors as one: a tuple of states, one per processor, and exact weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

from array_api_compat import array_namespace

from constrain.errors import SpecError

from . import rows as tree
from .masses import log_mass, log_prob
from .protocol import Array, Context, Critic, Processor, Role, Stateless, truncates

ORDER: tuple[Role, ...] = ("target", "constraint", "proposal", "critic")


@dataclass(frozen=True, eq=False)
class Step:
    """What a chain makes of one step's logits.

    state: the chain's state afterwards.
    logits: what to draw from: q, unnormalised, (rows, vocab).
    constrained: the target within the language, unnormalised: `logits` without the proposals.
    log_mass: float64 (rows,), nats: log of the probability that the constraints left.
    """

    state: tuple[Any, ...]
    logits: Array
    constrained: Array
    log_mass: Array

    def log_weight(self, token_ids: Array) -> Array:
        """Log importance weight of drawing these tokens (rows,) from `logits`. float64 (rows,).

        The mass that the constraints left, times p(token) / q(token) within it.
        """
        if self.logits is self.constrained:
            return self.log_mass
        xp = array_namespace(self.logits)
        p, q = log_prob(self.constrained, token_ids), log_prob(self.logits, token_ids)
        gone = (self.log_mass == -xp.inf) | (p == -xp.inf)
        zero = xp.zeros_like(p)
        ratio = xp.where(gone, zero, p) - xp.where(gone, zero, q)
        return xp.where(gone, xp.full_like(p, -xp.inf), self.log_mass + ratio)


class Judged(NamedTuple):
    """A critic's state, and what it said last."""

    state: Any
    log_potential: Array


class Chain:
    """Processors that run one after the other: targets, then constraints, then proposals.

    Within a role they keep the order in which they are given; functions (logits, context) ->
    logits are wrapped as targets. The state of a chain is a tuple with one entry for each of
    `processors`. None sees the state of another.

    A target that truncates may leave nothing of what a constraint allows. Such a chain raises
    SpecError unless `truncate_first`; then rows may come out as all -inf, with log-mass -inf.
    """

    def __init__(
        self,
        processors: Iterable[Processor | Critic | Callable[[Array, Context], Array]],
        *,
        truncate_first: bool = False,
    ):
        found = [_wrapped(p) for p in processors]
        self.processors: tuple[Processor | Critic, ...] = tuple(
            sorted(found, key=lambda p: ORDER.index(p.role))
        )
        roles = {p.role for p in found}
        early = [p for p in found if p.role == "target" and truncates(p)]
        if "constraint" in roles and early and not truncate_first:
            raise SpecError(
                f"{type(early[0]).__name__} with role 'target' truncates before the constraint and "
                "may leave none of the tokens that it allows; give it role 'proposal', or say "
                "truncate_first=True"
            )

    def __repr__(self) -> str:
        return f"Chain({list(self.processors)!r})"

    def init(self, context: Context) -> tuple[Any, ...]:
        """The states of all, for texts of which the prompt has been read."""
        return tuple(_begin(p, context) for p in self.processors)

    def process(
        self, state: tuple[Any, ...], logits: Array, context: Context
    ) -> tuple[tuple[Any, ...], Array]:
        """(state, logits) after all of them. Critics have no say here: see `judge`."""
        after: list[Any] = []
        for processor, entry in zip(self.processors, state, strict=True):
            if processor.role != "critic":
                entry, logits = processor.process(entry, logits, context)
            after.append(entry)
        return tuple(after), logits

    def step(self, state: tuple[Any, ...], logits: Array, context: Context) -> Step:
        """As `process`, with what the step is worth: see `Step`."""
        after, (target, constrained, drawn) = self._by_role(state, logits, context)
        mass = log_mass(target, constrained)
        return Step(after, drawn, constrained, mass)

    def judge(self, state: tuple[Any, ...], context: Context) -> tuple[tuple[Any, ...], Array]:
        """(state, float64 (rows,)): what the critics add to the log-weights of these texts.

        Call it after every draw (or every few): the difference to what they said last.
        """
        after = list(state)
        xp = array_namespace(context.token_ids)
        total = xp.zeros(context.rows, dtype=xp.float64)
        for i, processor in enumerate(self.processors):
            if processor.role == "critic":
                last: Judged = state[i]
                inner, now = cast(Critic, processor).score(last.state, context)
                after[i] = Judged(inner, now)
                dead = (now == -xp.inf) | (last.log_potential == -xp.inf)
                zero = xp.zeros_like(now)
                gain = xp.where(dead, zero, now) - xp.where(dead, zero, last.log_potential)
                total = total + xp.where(dead, xp.full_like(now, -xp.inf), gain)
        return tuple(after), total

    def take(self, state: tuple[Any, ...], rows: Sequence[int] | Array) -> tuple[Any, ...]:
        """The state of these rows, in this order: beams reordered, particles resampled."""
        return tree.take(state, rows)

    def join(self, states: Sequence[tuple[Any, ...]]) -> tuple[Any, ...]:
        """The state of the rows of several batches, one after the other."""
        return tree.join(states)

    def _by_role(
        self, state: tuple[Any, ...], logits: Array, context: Context
    ) -> tuple[tuple[Any, ...], tuple[Array, Array, Array]]:
        """Logits after the targets, after the constraints, and after the proposals."""
        after: list[Any] = []
        stages = {"target": logits, "constraint": logits}
        for processor, entry in zip(self.processors, state, strict=True):
            if processor.role != "critic":
                entry, logits = processor.process(entry, logits, context)
                if processor.role == "target":
                    stages["target"] = stages["constraint"] = logits
                elif processor.role == "constraint":
                    stages["constraint"] = logits
            after.append(entry)
        return tuple(after), (stages["target"], stages["constraint"], logits)


def _wrapped(processor: Any) -> Processor | Critic:
    if hasattr(processor, "init"):
        return processor
    if callable(processor):
        return Stateless(cast(Callable[[Array, Context], Array], processor))
    raise SpecError(f"expected a processor or a function of (logits, context), got {processor!r}")


def _begin(processor: Processor | Critic, context: Context) -> Any:
    state = processor.init(context)
    if processor.role == "critic":
        return Judged(*cast(Critic, processor).score(state, context))
    return state
