"""The part of a constraint's state space that can be reached, as a graph over whole tokens.

Nodes are states (with the last token, for surrogates that look at it); edges are allowed tokens.
Breadth-first from a state, so that what is left out is what is deepest.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constrain.decoding.constraint import Constraint, State
from constrain.errors import LimitExceeded

from .weights import Ints

Node = tuple[State, int]


def allowed(mask: NDArray[np.uint32], vocab: int) -> NDArray[np.bool_]:
    """A packed mask as bool[vocab]."""
    return np.unpackbits(mask.view(np.uint8), count=vocab, bitorder="little").view(np.bool_)


@dataclass(frozen=True, eq=False)
class TokenGraph:
    """Edges sorted by source: `sources`, `tokens`, `targets` int64[edges].

    nodes: what each node stands for; `ends` bool[nodes, eos ids]: which of them an end token of
    the vocabulary may leave. A node that was not explored (`explored` False) has no edges;
    `complete`: all nodes are that are within the depth that was asked for.
    """

    nodes: Sequence[Node]
    sources: Ints
    tokens: Ints
    targets: Ints
    ends: NDArray[np.bool_]
    explored: NDArray[np.bool_]
    complete: bool
    number: dict[Any, int]


def explore(
    constraint: Constraint,
    depth: int,
    *,
    with_last: bool = False,
    max_states: int = 20_000,
    cut: bool = False,
) -> TokenGraph:
    """All states within `depth` tokens of the start.

    with_last: a node is a state and the token that led to it.
    cut: leave states beyond `max_states` unexplored; otherwise they raise LimitExceeded.
    """
    vocab, eos = len(constraint.vocabulary), constraint.vocabulary.eos_token_ids
    start: Node = (constraint.init(), -1)
    nodes: list[Node] = [start]
    number: dict[Any, int] = {start: 0}
    edges: list[tuple[Ints, Ints]] = []
    ends: list[NDArray[np.bool_]] = []
    levels = {0: 0}
    for i in range(max_states):
        if i == len(nodes) or levels[i] > depth:
            break
        state = nodes[i][0]
        row = allowed(constraint.mask(state), vocab).copy()
        ends.append(row[list(eos)])
        row[list(eos)] = False
        tokens = np.flatnonzero(row)
        targets = np.empty(len(tokens), np.int64)
        for k, token in enumerate(tokens.tolist()):
            child: Node = (constraint.advance(state, token), token if with_last else -1)
            there = number.setdefault(child, len(nodes))
            if there == len(nodes):
                nodes.append(child)
                levels[there] = levels[i] + 1
            targets[k] = there
        edges.append((tokens, targets))
    open_nodes = sum(levels[i] <= depth for i in range(len(edges), len(nodes)))
    if open_nodes and not cut:
        raise LimitExceeded("max_states", len(nodes), "a smaller horizon or cut=True helps")
    return _graph(nodes, number, edges, ends, len(eos), complete=not open_nodes)


def _graph(
    nodes: list[Node],
    number: dict[Any, int],
    edges: list[tuple[Ints, Ints]],
    ends: list[NDArray[np.bool_]],
    n_eos: int,
    complete: bool,
) -> TokenGraph:
    empty = np.zeros(0, np.int64)
    may_end = np.zeros((len(nodes), n_eos), np.bool_)
    may_end[: len(ends)] = ends
    return TokenGraph(
        nodes=nodes,
        sources=np.repeat(np.arange(len(edges)), [len(tokens) for tokens, _ in edges]),
        tokens=np.concatenate([tokens for tokens, _ in edges] or [empty]),
        targets=np.concatenate([targets for _, targets in edges] or [empty]),
        ends=may_end,
        explored=np.arange(len(nodes)) < len(edges),
        complete=complete,
        number=number,
    )
