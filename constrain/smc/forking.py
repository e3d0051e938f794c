"""Copies of a program's attributes for its clones.

What cannot change is shared: numbers, texts, frozen dataclasses, states of constraints, language
models. Lists, dicts and sets are copied with what is in them; an object with a `fork` method is
asked for one, any other goes through `copy.deepcopy`. Two names of one object stay that.
"""

from __future__ import annotations

import copy
import types
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from constrain.decoding.constraint import Constraint, Handle
from constrain.lm.keys import Key
from constrain.tokens.vocabulary import Vocabulary

Memo = dict[int, Any]

SHARED: frozenset[type] = frozenset(
    {
        bool, int, float, complex, str, bytes, type(None), type(Ellipsis), range, frozenset,
        types.FunctionType, types.BuiltinFunctionType, types.MethodType, types.ModuleType, type,
        Handle, Constraint, Vocabulary, Key,
    }
)  # fmt: skip
"""Types whose values never change, or are the same for everybody."""


Copier = Callable[[Any, Memo], Any]


def fork(value: Any, memo: Memo) -> Any:
    """A value that may be changed without changing `value`; shared where nothing can change."""
    kind = type(value)
    if kind in SHARED:
        return value
    known = memo.get(id(value))
    if known is not None:
        return known
    copier = COPIERS.get(kind) or COPIERS.setdefault(kind, _copier(kind))
    made = memo[id(value)] = copier(value, memo)
    return made


def _flat(values: Iterable[Any]) -> bool:
    """Is everything in here shared?"""
    return all(map(SHARED.__contains__, map(type, values)))


def _list(value: list[Any], memo: Memo) -> list[Any]:
    if _flat(value):
        return value.copy()
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
    if _flat(value):
        return value
    made = tuple(fork(item, memo) for item in value)
    return value if all(a is b for a, b in zip(value, made, strict=True)) else made


def _array(value: np.ndarray[Any, Any], memo: Memo) -> np.ndarray[Any, Any]:
    return value.copy() if value.flags.writeable else value


def _same(value: Any, memo: Memo) -> Any:
    return value


def _by_itself(value: Any, memo: Memo) -> Any:
    return value.fork()


def _copier(kind: type) -> Copier:
    """How values of a class are copied that is met for the first time."""
    frozen = getattr(kind, "__dataclass_params__", None)
    is_model = hasattr(kind, "log_probs") and hasattr(kind, "advance")
    if issubclass(kind, int | str | bytes) or is_model or (frozen and frozen.frozen):
        return _same
    return _by_itself if hasattr(kind, "fork") else copy.deepcopy


COPIERS: dict[type, Copier] = {
    list: _list,
    dict: _dict,
    set: lambda value, memo: set(value),
    tuple: _tuple,
    np.ndarray: _array,
}
