"""A trie of token prefixes: nodes are numbers, and never move or change.

Node 0 is the empty prefix. What is cached for a node is kept elsewhere, by its number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


class PrefixTrie:
    """`parents`, `tokens`, `depths` by node, in arrays that double as they grow."""

    def __init__(self, vocab: int):
        self._vocab = vocab
        self._children: dict[int, int] = {}
        self._size = 1
        self.parents = np.zeros(1024, np.int32)
        self.tokens = np.full(1024, -1, np.int32)
        self.depths = np.zeros(1024, np.int32)

    def __len__(self) -> int:
        return self._size

    def child(self, node: int, token: int) -> int:
        """The node of a prefix with one token more. O(1)."""
        key = node * self._vocab + token
        found = self._children.get(key)
        if found is None:
            found = self._children[key] = self._size
            if found == len(self.parents):
                self._grow()
            self.parents[found], self.tokens[found] = node, token
            self.depths[found] = self.depths[node] + 1
            self._size += 1
        return found

    def children(self, nodes: Ints, tokens: Ints) -> Ints:
        """`child` of each pair."""
        known, keys = self._children, (nodes * self._vocab + tokens).tolist()
        return np.array(
            [known[k] if k in known else self.child(*divmod(k, self._vocab)) for k in keys],
            np.int64,
        )

    def walk(self, node: int, tokens: Sequence[int]) -> int:
        for token in tokens:
            node = self.child(node, int(token))
        return node

    def paths(self, nodes: Ints) -> NDArray[np.int32]:
        """int32[n, longest]: the nodes from the first token to each node, right-aligned, 0 before.

        O(longest) array operations.
        """
        longest = int(self.depths[nodes].max(initial=0))
        paths = np.zeros((len(nodes), longest), np.int32)
        here = nodes.astype(np.int32)
        for column in range(longest - 1, -1, -1):
            paths[:, column] = here
            here = self.parents[here]
        return paths

    def _grow(self) -> None:
        for name in ("parents", "tokens", "depths"):
            old = getattr(self, name)
            setattr(self, name, np.concatenate([old, np.zeros_like(old)]))
