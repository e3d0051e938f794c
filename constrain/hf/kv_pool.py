"""Keys and values of single tokens, in pages of one token, under a byte budget.

Each prefix of the trie owns at most one slot, that of its last token; a sequence's cache is
gathered from the slots along its path. So prefixes share what they have in common, and copying,
dropping or reordering sequences moves no keys. Slots that were not looked at for the longest time
are given away; what stood there is computed anew when it is needed.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import DynamicCache

from constrain.errors import LimitExceeded

Layer = tuple[torch.Tensor, torch.Tensor]


class KVPool:
    """Slots of one model. Slot 0 is zeros and stands for padding."""

    def __init__(self, max_bytes: int):
        self._max_bytes = max_bytes
        self._layers: list[Layer] = []
        self._bytes_per_slot = 0
        self.slots = np.zeros(0, np.int32)  # by node: its slot, 0 for none
        self._owner = np.zeros(1, np.int32)  # by slot: its node
        self._used = np.zeros(1, np.int64)  # by slot: when it was looked at last
        self._clock = 0

    @property
    def n_bytes(self) -> int:
        return self._bytes_per_slot * len(self._owner)

    def held(self, paths: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Which nodes have a slot."""
        self._cover(int(paths.max(initial=0)) + 1)
        return self.slots[paths] > 0

    def gather(self, paths: NDArray[np.int32]) -> DynamicCache:
        """A cache of (n, length) nodes, 0 for padding; all must be held."""
        slots = self.slots[paths]
        self._clock += 1
        self._used[slots] = self._clock
        cache = DynamicCache()
        if not paths.shape[1]:
            return cache
        index = torch.from_numpy(slots.astype(np.int64)).reshape(-1)
        for i, (keys, values) in enumerate(self._layers):
            cache.update(_rows(keys, index, slots.shape), _rows(values, index, slots.shape), i)
        return cache

    def store(self, cache: DynamicCache, nodes: NDArray[np.int64]) -> None:
        """Keep the last columns of a cache, one per column of `nodes` (n, new).

        Nodes that have a slot already are passed by, and one that stands twice is kept once.
        """
        self._cover(int(nodes.max(initial=0)) + 1)
        flat = nodes.reshape(-1)
        _, first = np.unique(flat, return_index=True)
        chosen = first[(self.slots[flat[first]] == 0) & (flat[first] > 0)]
        if not len(chosen):
            return
        if not self._layers:
            self._layers = [_empty(layer) for layer in _layers(cache)]
            self._bytes_per_slot = sum(
                2 * keys[0].numel() * keys.element_size() for keys, _ in self._layers
            )
        slots = self._take(len(chosen))
        self.slots[flat[chosen]], self._owner[slots] = slots, flat[chosen]
        self._used[slots] = self._clock
        rows, columns = np.divmod(chosen, nodes.shape[1])
        places = [torch.from_numpy(x) for x in (slots.astype(np.int64), rows, columns)]
        for mine, layer in zip(self._layers, _layers(cache), strict=True):
            for own, new in zip(mine, layer, strict=True):
                own[places[0]] = new[:, :, -nodes.shape[1] :][places[1], :, places[2]]

    def clear(self) -> None:
        self._layers, self.slots = [], np.zeros(0, np.int32)
        self._owner, self._used = np.zeros(1, np.int32), np.zeros(1, np.int64)

    def _take(self, n: int) -> NDArray[np.int32]:
        """n slots: free ones, new ones, then those that rested longest."""
        free = np.flatnonzero(self._owner[1:] == 0)[:n] + 1
        lacking = n - len(free)
        if lacking:
            room = max(0, self._max_bytes // max(1, self._bytes_per_slot) - len(self._owner))
            grown = min(room, max(lacking, len(self._owner)))
            free = np.concatenate([free, len(self._owner) + np.arange(min(grown, lacking))])
            self._extend(grown)
            lacking = n - len(free)
        if lacking:
            free = np.concatenate([free, self._evicted(lacking)])
        return free.astype(np.int32)

    def _evicted(self, n: int) -> NDArray[np.int64]:
        resting = np.flatnonzero((self._used < self._clock) & (self._owner > 0))
        if len(resting) < n:
            raise LimitExceeded(
                "kv_bytes", self.n_bytes, "the sequences of one batch need more; raise kv_bytes"
            )
        oldest = resting[np.argsort(self._used[resting], kind="stable")[:n]]
        self.slots[self._owner[oldest]] = 0
        return oldest

    def _extend(self, n: int) -> None:
        self._layers = [(_extended(keys, n), _extended(values, n)) for keys, values in self._layers]
        self._owner = np.concatenate([self._owner, np.zeros(n, np.int32)])
        self._used = np.concatenate([self._used, np.zeros(n, np.int64)])

    def _cover(self, n_nodes: int) -> None:
        if n_nodes > len(self.slots):
            more = max(n_nodes, 2 * len(self.slots)) - len(self.slots)
            self.slots = np.concatenate([self.slots, np.zeros(more, np.int32)])


def _layers(cache: Any) -> list[Layer]:
    return [(layer.keys, layer.values) for layer in cache.layers]


def _empty(layer: Layer) -> Layer:
    """One slot of zeros, (1, heads, head_dim), as a layer of this shape needs."""
    return tuple(new.new_zeros((1, new.shape[1], new.shape[3])) for new in layer)  # type: ignore[return-value]


def _extended(own: torch.Tensor, n: int) -> torch.Tensor:
    return torch.cat([own, own.new_zeros((n, *own.shape[1:]))])


def _rows(own: torch.Tensor, index: torch.Tensor, shape: tuple[int, ...]) -> torch.Tensor:
    """(n, heads, length, head_dim) from slots (slots, heads, head_dim)."""
    return own[index].reshape(*shape, *own.shape[1:]).transpose(1, 2)
