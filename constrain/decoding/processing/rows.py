"""States of a batch as trees with a row axis: gather rows, put batches together.

In a state, arrays have the rows as their first axis, and a `PerRow` holds one Python value per
row. Tuples (also named ones) and mappings are containers; everything else, numbers and arrays
without axes among it, is shared by all rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, cast

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj, to_device

from .protocol import Array

T = TypeVar("T")


class PerRow(tuple[T, ...]):
    """One value for each row; values are shared between copies, so they must not change."""

    __slots__ = ()


def take(state: Any, rows: Sequence[int] | Array) -> Any:
    """The state of these rows, in this order; rows may repeat. All that beams and resampling need.

    Law: take(take(s, a), b) == take(s, [a[i] for i in b]).
    """
    indices = to_numpy(rows).astype(np.int64, copy=False).reshape(-1)

    def gather(leaves: Sequence[Any]) -> Any:
        (leaf,) = leaves
        if isinstance(leaf, PerRow):
            values = cast(PerRow[Any], leaf)
            return PerRow(values[i] for i in indices.tolist())
        xp = array_namespace(leaf)
        return xp.take(leaf, xp.asarray(indices, device=device(leaf)), axis=0)

    return _map(gather, [state])


def join(states: Sequence[Any]) -> Any:
    """The state of all rows of these states, one after the other; what is shared is the first's.

    Law: take(join([a, b]), rows of a) == a.
    """

    def concatenate(leaves: Sequence[Any]) -> Any:
        if isinstance(leaves[0], PerRow):
            return PerRow(value for leaf in leaves for value in leaf)
        return array_namespace(*leaves).concat(list(leaves), axis=0)

    return _map(concatenate, states)


def _has_rows(leaf: Any) -> bool:
    if isinstance(leaf, PerRow):
        return True
    array: Array = leaf
    return is_array_api_obj(leaf) and array.ndim > 0


def _map(of_leaves: Callable[[Sequence[Any]], Any], trees: Sequence[Any]) -> Any:
    """Apply to the leaves with rows that stand at the same place in trees of one shape."""
    first = trees[0]
    if _has_rows(first):
        return of_leaves(trees)
    if isinstance(first, tuple):
        parts = [_map(of_leaves, part) for part in zip(*trees, strict=True)]
        kind: Any = type(cast(object, first))
        return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
    if isinstance(first, Mapping):
        keys = list(cast(Mapping[Any, Any], first))
        return {key: _map(of_leaves, [tree[key] for tree in trees]) for key in keys}
    return first


def to_numpy(array: Sequence[int] | Array) -> np.ndarray[Any, Any]:
    """On the host, copied only where it must be."""
    if is_array_api_obj(array):
        array = to_device(array, "cpu")
    return np.asarray(array)
