"""Handlers in their three forms: context manager, decorator, wrapper."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import wraps
from inspect import isawaitable
from typing import Any, ParamSpec, Protocol, TypeVar, cast, overload

import numpy as np

from constrain.lm.protocol import run_alone

from .runtime import Messenger

P = ParamSpec("P")
Q = ParamSpec("Q")
T = TypeVar("T")
M_co = TypeVar("M_co", bound=Messenger, covariant=True)


class Handler(Protocol[P, M_co]):
    """`h(...)` is a context manager and a decorator; `h(program, ...)` is the program under it."""

    @overload
    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> M_co: ...
    @overload
    def __call__(
        self, fn: Callable[Q, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Callable[Q, T]: ...


def handler(make: Callable[P, M_co]) -> Handler[P, M_co]:
    """Let the function that makes a messenger also take a program in front, to wrap.

    Whatever is callable in front is the program; so other callables are given by keyword.
    """

    @wraps(make)
    def made(*args: Any, **kwargs: Any) -> Any:
        if args and callable(args[0]):
            return make(*args[1:], **kwargs)(args[0])
        return make(*args, **kwargs)

    return cast("Handler[P, M_co]", made)


def forked(fn: Any) -> Any:
    """A distribution as it stands, to be asked without moving a context behind it."""
    return copy.deepcopy(fn) if hasattr(fn, "prepare") else fn


def scorer(fn: Any) -> Callable[[Any], Any]:
    """The log_prob of values of the support of `fn` as it stands, to be asked at will."""
    rows: Any = getattr(fn, "log_probs", None)
    if rows is not None and np.ndim(rows) == 1:
        return lambda value: float(rows[int(value)])
    return lambda value: execute(forked(fn).log_prob, value)


def as_token(fn: Any, token_id: int) -> Any:
    """The value that `fn` would give for an id; some know their tokens' text (`fn.token`)."""
    return fn.token(token_id) if hasattr(fn, "token") else token_id


async def settled(answer: Any) -> Any:
    """`answer`, awaited if it has to be."""
    return await answer if isawaitable(answer) else answer


def execute(program: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a program returns; a coroutine is run to its end, each model question by itself."""
    answer = program(*args, **kwargs)
    return run_alone(answer) if isawaitable(answer) else answer
