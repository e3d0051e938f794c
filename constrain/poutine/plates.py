"""`plate`, `broadcast`, `block_plate`: independent repetitions, as an array axis or as a loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import TracebackType
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from constrain.lm.keys import Key

from .messages import Sample, Scored
from .runtime import Messenger, apply_stack, block_messengers, installed
from .wrapping import handler

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class CondIndepStackFrame:
    """A plate around a site. dim: its array axis, from the right (-1, ...), or None in a loop.

    counter: the place in a loop; places of one plate are independent of each other.
    """

    name: str
    dim: int | None
    size: int
    counter: int = 0


class Subsample:
    """`count` of `size` indices without replacement; its probability does not count."""

    def __init__(self, size: int, count: int):
        self.size, self.count = size, count

    def sample(self, key: Key) -> tuple[Indices, float]:
        return np.argsort(key.uniforms(self.size), kind="stable")[: self.count], 0.0

    def log_prob(self, value: Any) -> float:
        return 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plate(Sample):
    """The site at which a plate chooses its subsample; `value` are the indices."""

    type: ClassVar[str] = "plate"


class PlateMessenger(Messenger):
    def __init__(
        self,
        name: str,
        size: int,
        subsample_size: int | None = None,
        subsample: Sequence[int] | None = None,
        dim: int | None = None,
    ):
        self.name, self.size, self.subsample_size = name, size, subsample_size
        self.subsample, self.dim = subsample, dim
        self._frame: CondIndepStackFrame | None = None
        self._scale = 1.0

    @property
    def frame(self) -> CondIndepStackFrame | None:
        """What the sites inside get to know; None while the plate is not installed."""
        return self._frame

    def __enter__(self) -> Indices:  # type: ignore[override]
        indices = self._indices()
        dim = _free_dim(self.dim, self.name)
        super().__enter__()
        self._frame = CondIndepStackFrame(self.name, dim, len(indices))
        return indices

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._frame = None
        # a loop that is left by an exception is closed late, when handlers further out are gone
        if any(messenger is self for messenger in installed()):
            super().__exit__(kind, error, traceback)

    def __iter__(self) -> Iterator[int]:
        indices = self._indices()
        super().__enter__()
        try:
            for i in indices.tolist():
                self._frame = CondIndepStackFrame(self.name, None, len(indices), i)
                yield i
        finally:
            self.__exit__(None, None, None)

    def _indices(self) -> Indices:
        if self.subsample is not None:
            indices = np.asarray(self.subsample, np.int64)
        elif self.subsample_size is not None:
            choice = Subsample(self.size, self.subsample_size)
            indices = apply_stack(Plate(name=self.name, fn=choice)).value
        else:
            indices = np.arange(self.size)
        self._scale = self.size / len(indices)
        return indices

    def process(self, msg: Any) -> Any:
        if not isinstance(msg, Scored) or msg.type == "plate":
            return msg
        stack = (self._frame, *msg.cond_indep_stack)
        return msg.replace(cond_indep_stack=stack, scale=msg.scale * self._scale)

    def postprocess(self, msg: Any) -> Any:
        frame = self._frame
        if isinstance(msg, Scored) and msg.type != "plate" and frame and frame.dim is not None:
            shape = np.shape(msg.log_prob)
            if len(shape) < -frame.dim or shape[frame.dim] not in (1, frame.size):
                raise ValueError(
                    f"site {msg.name!r} is in plate {frame.name!r}, axis {frame.dim} of size "
                    f"{frame.size}, but its log_prob has shape {shape}; see poutine.broadcast"
                )
        return msg


def _free_dim(dim: int | None, name: str) -> int:
    frames = [messenger.frame for messenger in plates_around()]
    taken = {frame.dim for frame in frames if frame is not None}
    if dim is None:
        return next(d for d in range(-1, -len(taken) - 2, -1) if d not in taken)
    if dim >= 0:
        raise ValueError(f"a plate's axis counts from the right, -1, -2, ...; found {dim}")
    if dim in taken:
        raise ValueError(f"axis {dim} of plate {name!r} is taken by a plate around it")
    return dim


def plates_around() -> list[PlateMessenger]:
    return [messenger for messenger in installed() if isinstance(messenger, PlateMessenger)]


def get_plates() -> tuple[CondIndepStackFrame, ...]:
    """The plates around this point of a program, outermost first."""
    frames = [messenger.frame for messenger in plates_around()]
    return tuple(frame for frame in frames if frame is not None)


@handler
def plate(
    name: str,
    size: int,
    subsample_size: int | None = None,
    subsample: Sequence[int] | None = None,
    dim: int | None = None,
) -> PlateMessenger:
    """`size` independent repetitions of the sites inside.

    `with plate(...) as indices` makes them an array axis (the rightmost free one, or `dim`): values
    and log-probabilities inside have that axis. `for i in plate(...)` runs them one by one.
    With a subsample, its sites stand for all: their scores are scaled by size / subsample.

    >>> from constrain import poutine
    >>> from constrain.lm.batched import CategoricalRows
    >>> with poutine.trace() as record, poutine.plate("rows", 3) as rows:
    ...     x = poutine.sample("x", CategoricalRows(np.zeros((3, 4))), obs=np.array([0, 1, 2]))
    >>> np.round(record.trace.log_prob_sum() / np.log(1 / 4), 4)
    np.float64(3.0)
    """
    return PlateMessenger(name, size, subsample_size, subsample, dim)


class BroadcastMessenger(Messenger):
    def process_sample(self, msg: Sample) -> Sample:
        frames = [frame for frame in get_plates() if frame.dim is not None]
        if not frames:
            return msg
        shape = [1] * -min(frame.dim or 0 for frame in frames)
        for frame in frames:
            shape[frame.dim or 0] = frame.size
        fn: Any = msg.fn
        if not hasattr(fn, "expand"):
            raise ValueError(
                f"{type(fn).__name__} at site {msg.name!r} cannot be repeated along plates; "
                "give a distribution with expand(batch_shape), such as CategoricalRows"
            )
        return msg.replace(fn=fn.expand(tuple(shape)))


@handler
def broadcast() -> BroadcastMessenger:
    """Repeat the distribution at each site along the plates around it.

    >>> from constrain import poutine
    >>> from constrain.lm.batched import CategoricalRows
    >>> with poutine.broadcast(), poutine.plate("rows", 3):
    ...     poutine.sample("x", CategoricalRows([0.0, 0.0])).shape
    (3,)
    """
    return BroadcastMessenger()


def block_plate(
    name: str | None = None, dim: int | None = None, strict: bool = True
) -> AbstractContextManager[Any]:
    """Step out of one plate around, by name or axis, for the sites inside.

    strict: raise ValueError if there is no such plate.
    """
    if (name is None) == (dim is None):
        raise ValueError("give a plate's name or its axis, one of them")

    def chosen(messenger: Messenger) -> bool:
        frame = messenger.frame if isinstance(messenger, PlateMessenger) else None
        return frame is not None and (frame.name == name or frame.dim == dim is not None)

    if strict and not any(map(chosen, installed())):
        raise ValueError(f"there is no plate {name if dim is None else dim!r} around")
    return block_messengers(chosen)
