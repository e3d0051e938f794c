"""Copies of a program's attributes for its clones.

What cannot change is shared: numbers, texts, frozen dataclasses, states of constraints, language
models. Lists, dicts and sets are copied with what is in them; an object with a `fork` method is
asked for one, any other goes through `copy.deepcopy`. Two names of one object stay that.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from constrain.decoding.constraint import Constraint, Handle
from constrain.tokens.vocabulary import Vocabulary

Memo = dict[int, Any]

SHARED: frozenset[type] = frozenset(
    {
        bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, frozenset,
        types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type,
        Handle, Constraint, Vocabulary,
    }
)  # fmt: skip
"""Types whose values never change, or are the same for everybody."""


def fork(value: Any, memo: Memo) -> Any:
    """A value that may be changed without changing `value`; shared where nothing can change."""
    kind = type(value)
    if kind in SHARED:
        return value
    known = memo.get(id(value))
    if known is not None:
        return known
    copier = COPIERS.get(kind, _other)
    made = copier(value, memo)
    memo[id(value)] = made
    return made


def _list(value: list[Any], memo: Memo) -> list[Any]:
    made: list[Any] = []
    memo[id(value)] = made  # before its contents, which may hold it
    made.extend(fork(item, memo) for item in value)
    return made


def _dict(value: dict[Any, Any], memo: Memo) -> dict[Any, Any]:
    made: dict[Any, Any] = {}
    memo[id(value)] = made
    made.update((fork(k, memo), fork(v, memo)) for k, v in value.items())
    return made


def _tuple(value: tuple[Any, ...], memo: Memo) -> tuple[Any, ...]:
    made = tuple(fork(item, memo) for item in value)
    return value if all(a is b for a, b in zip(value, made, strict=True)) else made


def _other(value: Any, memo: Memo) -> Any:
    if isinstance(value, int | str | bytes):  # also their subclasses, such as tokens
        return value
    frozen = getattr(type(value), "__dataclass_params__", None)
    if frozen is not None and frozen.frozen:
        return value
    if hasattr(value, "fork"):
        return value.fork()
    if hasattr(value, "log_probs") and hasattr(value, "advance"):  # a language model
        return value
    return copy.deepcopy(value, memo)


def _array(value: np.ndarray[Any, Any], memo: Memo) -> np.ndarray[Any, Any]:
    return value.copy() if value.flags.writeable else value


COPIERS: dict[type, Callable[[Any, Memo], Any]] = {
    list: _list,
    dict: _dict,
    set: lambda value, memo: set(value),
    tuple: _tuple,
    np.ndarray: _array,
}
