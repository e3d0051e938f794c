"""`enum`: all values of a site at once, along an array axis of their own."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from constrain.errors import Unsupported
from constrain.lm.distributions import LogCategorical, logsumexp
from constrain.lm.keys import Key, seed_of

from .messages import Sample, Scored
from .plates import get_plates
from .runtime import Messenger
from .traces import ENUMERATED, Trace
from .wrapping import handler


class EnumMessenger(Messenger):
    def __init__(self, first_available_dim: int | None = None):
        if first_available_dim is not None and first_available_dim >= 0:
            raise ValueError(f"axes count from the right, -1, -2, ...; found {first_available_dim}")
        self.first_available_dim = first_available_dim
        self._next: int | None = None

    def __enter__(self) -> Self:
        self._next = None
        return super().__enter__()

    def process_sample(self, msg: Sample) -> Sample:
        if msg.infer.get("enumerate") != "parallel" or msg.is_observed or msg.value is not None:
            return msg
        if hasattr(msg.fn, "prepare"):
            raise Unsupported(
                f"all values at once at site {msg.name!r}, which moves a context on",
                note="use CategoricalRows of the model's rows, or enumerate_traces",
            )
        dim = self._dim()
        values, log_probs, log_q = _all_values(msg)
        ones = (1,) * (-dim - 1)
        shape = (len(values), *ones)
        return msg.replace(
            value=values.reshape(shape),
            log_prob=_along(log_probs, dim),
            log_q=np.asarray(log_q).reshape(shape),
            done=True,
            infer={**msg.infer, ENUMERATED: dim},
        )

    def _dim(self) -> int:
        """The next axis, to the left of all plates and of what is enumerated already."""
        plates = min((frame.dim or 0 for frame in get_plates()), default=0)
        if self._next is None:
            self._next = (
                plates - 1 if self.first_available_dim is None else self.first_available_dim
            )
        if self._next >= plates:
            raise ValueError(
                f"axis {self._next} is a plate's; enum needs first_available_dim={plates - 1}"
            )
        self._next -= 1
        return self._next + 1


def _all_values(msg: Sample) -> tuple[NDArray[Any], NDArray[np.float64], Any]:
    """Values, their log-probabilities float[n, *batch], and log_q as it goes into the weight."""
    fn: Any = msg.fn
    top: int | None = msg.infer.get("num_samples")
    support = list(fn.enumerate_support())
    batched = bool(getattr(fn, "batch_shape", ()))
    log_probs = np.stack([np.asarray(fn.log_prob(value), np.float64) for value in support])
    if top is None or top >= len(support):
        return np.asarray(support), log_probs, np.zeros(len(support))
    if batched:
        raise Unsupported(f"the likeliest values of a whole batch, at site {msg.name!r}")
    order = np.argsort(-log_probs, kind="stable")
    rest = log_probs[order[top:]]
    drawn = _draw(rest, msg.key or Key(seed_of(None)))
    kept = [*order[:top].tolist(), int(order[top + drawn])]
    log_q = np.zeros(top + 1)
    log_q[-1] = rest[drawn] - logsumexp(rest)  # stands for all of the rest
    return np.asarray([support[i] for i in kept]), log_probs[kept], log_q


def _draw(log_probs: NDArray[np.float64], key: Key) -> int:
    return LogCategorical(log_probs).sample(key)[0]


def _along(log_probs: NDArray[np.float64], dim: int) -> NDArray[np.float64]:
    """float[n, *batch] with the first axis moved to `dim`."""
    batch = log_probs.shape[1:]
    ones = (1,) * (-dim - 1 - len(batch))
    return log_probs.reshape((log_probs.shape[0], *ones, *batch))


@handler
def enum(first_available_dim: int | None = None) -> EnumMessenger:
    """Give sites marked `infer={"enumerate": "parallel"}` all their values at once.

    The value is an array with the support along a fresh axis, to the left of all others; what is
    computed from it broadcasts, and `log_evidence` sums it out. So programs must work on arrays:
    distributions of later sites take parameters of any shape (`CategoricalRows`). With
    `infer={"num_samples": k}` only the k likeliest values, and one drawn from the rest that stands
    for all of it: unbiased, for supports as large as a vocabulary.
    first_available_dim: the rightmost axis to use, where plates come later.

    >>> from constrain import poutine
    >>> from constrain.lm.batched import CategoricalRows
    >>> def program():
    ...     x = poutine.sample("x", CategoricalRows(np.log([0.5, 0.5])))
    ...     rows = np.log([[0.9, 0.1], [0.3, 0.7]])
    ...     poutine.sample("y", CategoricalRows(rows[x]), obs=0)
    >>> record = poutine.trace(poutine.enum(poutine.config_enumerate(program))).get_trace()
    >>> round(float(np.exp(poutine.log_evidence(record))), 4)  # 0.5 * 0.9 + 0.5 * 0.3
    0.6
    """
    return EnumMessenger(first_available_dim)


def log_evidence(trace: Trace) -> float:
    """The log weight of a run, with all enumerated sites summed out.

    Exact where every latent site is enumerated; otherwise one unbiased weight with less variance.
    Sites that depend on enumerated values must be in the same plates; raises Unsupported where
    they are not.
    """
    plain = 0.0
    summed: Any = 0.0
    plates: frozenset[Any] | None = None
    first = _first_dim(trace)
    trace.compute_log_prob()
    for name, site in trace.nodes.items():
        if not isinstance(site, Scored):
            continue
        weight: Any = np.asarray(site.log_weight)
        if first is None or weight.ndim < -first:
            plain += float(weight.sum())
            continue
        summed = summed + weight
        frames = frozenset(frame for frame in site.cond_indep_stack if frame.dim is not None)
        if plates is not None and frames != plates:
            raise Unsupported(f"summing out values across the plates around site {name!r}")
        plates = frames
    if first is None:
        return plain
    axes = tuple(range(np.ndim(summed) + first + 1))
    return plain + float(np.sum(_logsumexp(summed, axes)))


def _first_dim(trace: Trace) -> int | None:
    """The rightmost enumerated axis."""
    dims = [site.infer[ENUMERATED] for site in trace.nodes.values() if ENUMERATED in site.infer]
    return max(dims, default=None)


def _logsumexp(values: NDArray[np.float64], axes: tuple[int, ...]) -> NDArray[np.float64]:
    top = values.max(axes, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore"):
        return np.log(np.exp(values - top).sum(axes)) + top.squeeze(axes)
