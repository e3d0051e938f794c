"""The words of a program: random choices, observations, factors, questions to a model.

Written in an `async def`, each is awaited; elsewhere it gives its value at once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from inspect import CO_COROUTINE
from typing import Any

from constrain.lm.protocol import LanguageModel

from .messages import Barrier, Factor, Logits, Message, Samplable, Sample
from .runtime import apply_stack, apply_stack_async


async def _awaited(msg: Message) -> Any:
    return (await apply_stack_async(msg)).value


def perform(msg: Message) -> Any:
    """The value of a site, or in a coroutine (two frames up) an awaitable for it."""
    if sys._getframe(2).f_code.co_flags & CO_COROUTINE:  # pyright: ignore[reportPrivateUsage]
        return _awaited(msg)
    return apply_stack(msg).value


def sample(
    name: str, fn: Samplable, obs: Any = None, infer: Mapping[str, Any] | None = None
) -> Any:
    """A value drawn from `fn`, or `obs` if given: then the site is observed and scores it.

    infer: annotations; `{"proposal": d}` draws from d and weighs the value by fn / d.
    """
    observed = obs is not None
    annotations = {} if infer is None else infer
    return perform(Sample(name=name, fn=fn, value=obs, is_observed=observed, infer=annotations))


def observe(name: str, fn: Samplable, value: Any) -> Any:
    """The same as `sample(name, fn, obs=value)`, also for a value of None."""
    return perform(Sample(name=name, fn=fn, value=value, is_observed=True))


def factor(name: str, log_weight: float) -> Any:
    """Multiply the weight of this run by exp(log_weight)."""
    return perform(Factor(name=name, log_prob=log_weight, is_observed=True))


def logits(name: str, lm: LanguageModel, state: int) -> Any:
    """The model's log-probabilities after the prefix that `state` stands for, float64[vocab]."""
    return perform(Logits(name=name, lm=lm, state=state))


def barrier(name: str) -> Any:
    """A place where all particles may meet to be resampled."""
    return perform(Barrier(name=name))
