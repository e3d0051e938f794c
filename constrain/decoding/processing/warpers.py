"""Processors that reshape a distribution: temperature, truncation, repetition penalty.

All work on any library of the array API and return new logits of the same dtype. Truncations are
proposals by default, so that they change how tokens are drawn and not what is weighed; as a
`target` they redefine the model. They go by value, not by order: tokens of equal logits stay or
go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log

from array_api_compat import array_namespace

from constrain.errors import SpecError

from .masses import log_sum
from .protocol import Array, Context, Role


@dataclass(frozen=True)
class Temperature:
    """Logits divided by `temperature` > 0: below 1 sharper, above 1 flatter."""

    temperature: float
    role: Role = "target"

    def __post_init__(self) -> None:
        _check("temperature", self.temperature, self.temperature > 0, "above 0")

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        return state, logits / self.temperature


@dataclass(frozen=True)
class TopK:
    """Keeps the `k` likeliest tokens of each row."""

    k: int
    role: Role = "proposal"
    truncates = True

    def __post_init__(self) -> None:
        _check("k", self.k, self.k >= 1, "at least 1")

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        if self.k >= logits.shape[-1]:
            return state, logits
        return state, _keep(logits, logits >= _kth_largest(logits, self.k))


@dataclass(frozen=True)
class TopP:
    """Keeps the likeliest tokens whose probabilities reach `p` together (Holtzman et al. 2020)."""

    p: float
    role: Role = "proposal"
    truncates = True

    def __post_init__(self) -> None:
        _check("p", self.p, 0 < self.p <= 1, "above 0 and at most 1")

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        xp = array_namespace(logits)
        probs = xp.exp(_log_softmax(logits))
        ranked = xp.sort(probs, axis=-1, descending=True)
        before = xp.cumulative_sum(ranked, axis=-1) - ranked
        kept = xp.where(before < self.p, ranked, xp.full_like(ranked, 2.0))
        return state, _keep(logits, probs >= xp.min(kept, axis=-1, keepdims=True))


@dataclass(frozen=True)
class MinP:
    """Keeps tokens at least `p` times as likely as the likeliest one (Nguyen et al. 2024)."""

    p: float
    role: Role = "proposal"
    truncates = True

    def __post_init__(self) -> None:
        _check("p", self.p, 0 < self.p <= 1, "above 0 and at most 1")

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        xp = array_namespace(logits)
        return state, _keep(logits, logits >= xp.max(logits, axis=-1, keepdims=True) + log(self.p))


@dataclass(frozen=True)
class RepetitionPenalty:
    """Tokens of the context become less likely (Keskar et al. 2019): for `penalty` above 1.

    Positive logits are divided by it, negative ones multiplied. The prompt counts.
    """

    penalty: float
    role: Role = "target"

    def __post_init__(self) -> None:
        _check("penalty", self.penalty, self.penalty > 0, "above 0")

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        xp = array_namespace(logits)
        lower = xp.where(logits > 0, logits / self.penalty, logits * self.penalty)
        return state, xp.where(_present(context.token_ids, logits), lower, logits)


def _check(name: str, value: float, good: bool, expected: str) -> None:
    if not good:
        raise SpecError(f"{name} has to be {expected}, got {value!r}")


def _keep(logits: Array, kept: Array) -> Array:
    xp = array_namespace(logits)
    return xp.where(kept, logits, xp.full_like(logits, -xp.inf))


def _kth_largest(logits: Array, k: int) -> Array:
    """(rows, 1). The libraries' own selections are linear, where the array API can only sort."""
    xp = array_namespace(logits)
    if hasattr(xp, "topk"):
        return xp.topk(logits, k, -1).values[:, -1:]
    if hasattr(xp, "partition"):
        return xp.partition(logits, -k, axis=-1)[:, -k][:, None]
    return xp.sort(logits, axis=-1)[:, -k][:, None]


def _log_softmax(logits: Array) -> Array:
    """float64; -inf throughout a row with nothing left."""
    xp = array_namespace(logits)
    total = log_sum(logits)[..., None]
    wide = xp.astype(logits, xp.float64)
    return wide - xp.where(xp.isfinite(total), total, xp.zeros_like(total))


def _present(token_ids: Array, logits: Array) -> Array:
    """Bool (rows, vocab): does the token stand in the row? Ids beyond the logits are left out."""
    xp = array_namespace(logits)
    out = xp.zeros_like(logits, dtype=xp.bool)
    for row, ids in enumerate(token_ids):
        out[row, ids[ids < logits.shape[1]]] = True
    return out
