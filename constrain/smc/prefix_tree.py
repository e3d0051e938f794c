"""What has been learned about prefixes by drawing texts one after the other.

Each node keeps the model's row and, for each token, an upper bound on the share of the mass behind
it that is in the language: 1 where nothing is known, 0 where it is known to be lost. Adaptive
samplers draw tokens by probability times this bound and carry what they learn up the path.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from .guide import START
from .target import Target
from .weights import Floats


@dataclass(eq=False)
class Node:
    """A prefix. probs, bounds: float64[vocab]; `masked`: the grammar's mask is in the bounds."""

    place: int
    state: int
    depth: int
    probs: Floats
    bounds: Floats
    masked: bool = False
    children: dict[int, Node] = field(default_factory=dict)

    @property
    def bound(self) -> float:
        """An upper bound on the mass of texts behind this prefix that are in the language."""
        return float(self.probs @ self.bounds)


class PrefixTree:
    """The prefixes that were visited; `n_calls` counts rows that the model was asked for."""

    def __init__(self, target: Target):
        self.target, self.guide = target, target.guide()
        self.n_calls = 0
        self.root = self._node(START, target.lm.init(target.prompt), 0)

    def child(self, node: Node, token: int) -> Node:
        """The prefix with one token more."""
        if token not in node.children:
            place, state = np.array([node.place]), np.array([node.state])
            token_ids = np.array([token])
            node.children[token] = self._node(
                int(self.guide.advance(place, token_ids)[0]),
                int(self.target.lm.advance(state, token_ids)[0]),
                node.depth + 1,
            )
        return node.children[token]

    def mask(self, node: Node) -> None:
        """Write what the grammar allows here into the bounds."""
        if not node.masked:
            allowed, _ = self.guide.rows(np.array([node.place]), node.depth)
            node.bounds = node.bounds * (allowed[0] > 0)
            node.masked = True

    def learn(self, path: list[tuple[Node, int]]) -> None:
        """Bring the bounds along a path up to date, from its end to the root."""
        for node, token in reversed(path):
            if token in node.children:
                node.bounds[token] = node.children[token].bound

    def _node(self, place: int, state: int, depth: int) -> Node:
        self.n_calls += 1
        probs = np.exp(self.target.lm.log_probs(np.array([state]))[0].astype(np.float64))
        return Node(place, state, depth, probs / probs.sum(), np.ones(len(probs)))
