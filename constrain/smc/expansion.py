"""The loop that looks at every child of every text, whatever is then kept of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np

from .population import Moment, moment
from .result import Result
from .sequential import MAX_STEPS, Progress
from .target import Target
from .texts import FINISHED, Texts
from .weights import Floats, Ints

Select: TypeAlias = Callable[[Floats, int], tuple[Ints, Floats]]
"""(log-weights of the children that go on, step) -> (which to keep, their new log-weights)."""


def expand(
    target: Target,
    select: Select,
    *,
    until: Callable[[Texts], bool] = lambda texts: False,
    record: bool = False,
    progress: Progress | None = None,
    max_steps: int = MAX_STEPS,
) -> Result[Texts]:
    """Replace every live text by children until none is live or `until` holds.

    A child that ends is kept with its exact weight; of the others, what `select` says.
    """
    texts = Texts.start(target, 1)
    moments: list[Moment] = [moment("init", 0, texts, keep_contents=record)]
    for step in range(max_steps):
        if not texts.live.any() or until(texts):
            break
        texts, ancestors = _expanded(texts, select, step)
        moments.append(
            moment("resample", step, texts, moments[-1], ancestors, keep_contents=record)
        )
        if progress is not None:
            progress(moments[-1])
    return Result(texts, tuple(moments))


def _expanded(texts: Texts, select: Select, step: int) -> tuple[Texts, Ints]:
    """(the texts one token on, which text each comes from)"""
    children = texts.children()
    is_end = texts.guide.is_end(children.tokens)
    done, going = children[is_end], children[~is_end]
    indices, totals = select(going.totals, step)
    kept = going[indices]
    finished = np.flatnonzero(texts.status == FINISHED)
    after = Texts.joined(
        [
            texts.take(finished, texts.totals[finished]),
            texts.grown(done, done.totals),
            texts.grown(kept, totals),
        ]
    )
    ancestors = np.concatenate([finished, done.parents, kept.parents])
    alive = np.flatnonzero(~after.dead)
    return after.take(alive, after.totals[alive]), ancestors[alive]
