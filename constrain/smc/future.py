"""How much of a surrogate model's mass can still be finished: twists from the grammar itself.

h(s, r) is the probability that a surrogate, started in state s, writes at most r more tokens and
an end token, all of it in the language. The surrogate draws tokens independently (uniformly, or
by given weights) or by bigrams; h comes from dynamic programming over the token graph. Used as
the twist of sequential Monte Carlo (Zhao et al. 2024; Zhang et al. 2023 for the surrogate) it
changes the variance and never the target.

A context-free grammar has no end of states. What is too deep for the table stands in for by the
shallowest state with the same mask, which caps the stack; h stays positive there, so that nothing
that can be finished is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from constrain.decoding.constraint import Constraint, State
from constrain.errors import Unsupported, VocabularyMismatch
from constrain.lm.protocol import LanguageModel

from .token_graph import TokenGraph, allowed, explore
from .weights import Floats

LEAST = -600.0
"""log h of a state that is viable for all that is known, but has no mass in the table."""


class FutureMass:
    """log h(s, r) for all states within `horizon` tokens of the start and all r <= horizon.

    weights: float[vocab] probabilities of the surrogate's tokens, end tokens among them, or
        float[vocab + 1, vocab] by the token before (the last row: at the start); uniform if left
        out. Where they are positive wherever the model is, h = 0 only where nothing fits.
    max_states: bound on the table's states; more raise LimitExceeded, or are summarised if `cut`.

    O(horizon * edges) to build, one array of float64[horizon + 1, states] to keep.
    """

    def __init__(
        self,
        constraint: Constraint,
        horizon: int,
        weights: ArrayLike | None = None,
        *,
        max_states: int = 20_000,
        cut: bool = False,
    ):
        vocab = len(constraint.vocabulary)
        table = np.full(vocab, 1.0 / vocab) if weights is None else np.asarray(weights, np.float64)
        if table.shape not in ((vocab,), (vocab + 1, vocab)):
            raise VocabularyMismatch(
                f"expected weights of shape ({vocab},) or ({vocab + 1}, {vocab}), "
                f"found {table.shape}"
            )
        self.constraint, self.horizon = constraint, horizon
        self.by_last = table.ndim == 2
        self.graph = explore(
            constraint, horizon, with_last=self.by_last, max_states=max_states, cut=cut
        )
        self._table = table
        self.log_mass = self._solve()
        complete = self.graph.complete
        self._stand_ins = {} if complete else _shallowest(constraint, self.graph)

    def _solve(self) -> Floats:
        """log h, float64[horizon + 1, states], by r.

        What cannot be finished is followed apart from its mass, which may underflow.
        """
        graph, n = self.graph, len(self.graph.nodes)
        end, edge = self._ends_and_edges()
        mass, can = np.zeros((self.horizon + 1, n)), np.zeros((self.horizon + 1, n), np.bool_)
        mass[0], can[0] = end, graph.ends.any(-1)
        if not graph.complete:
            can[0] |= ~graph.explored
        for r in range(1, self.horizon + 1):
            through = np.bincount(graph.sources, edge * mass[r - 1][graph.targets], minlength=n)
            reached = np.bincount(graph.sources, can[r - 1][graph.targets], minlength=n)
            mass[r], can[r] = end + through, can[0] | (reached > 0)
        with np.errstate(divide="ignore"):
            return np.where(can, np.maximum(np.log(mass), LEAST), -np.inf)

    def _ends_and_edges(self) -> tuple[Floats, Floats]:
        """The surrogate's probability of ending in each node, and of each edge."""
        graph, table = self.graph, self._table
        eos = list(self.constraint.vocabulary.eos_token_ids)
        if not self.by_last:
            return (graph.ends * table[eos]).sum(-1), table[graph.tokens]
        last = np.array([node[1] for node in graph.nodes])
        end = (graph.ends * table[last][:, eos]).sum(-1)
        return end, table[last[graph.sources], graph.tokens]

    def node(self, state: State, last: int = -1) -> tuple[int, bool]:
        """(the number of a state in the table, False), or (that of its stand-in, True)."""
        graph = self.graph
        found = graph.number.get((state, last if self.by_last else -1))
        if found is not None and (graph.complete or graph.explored[found]):
            return found, False
        if graph.complete:
            raise Unsupported(
                "the future of a state beyond the table's horizon",
                note=f"it holds states within {self.horizon} tokens of the start",
            )
        return self._stand_ins.get(self.constraint.mask(state).tobytes(), 0), True

    def __call__(self, state: State, remaining: int, last: int = -1) -> float:
        """log h(state, remaining): nats, -inf where nothing fits."""
        if self.constraint.is_terminal(state):
            return 0.0
        node, stands_in = self.node(state, last)
        found = float(self.log_mass[min(remaining, self.horizon), node])
        return max(found, LEAST) if stands_in else found

    def children(self, state: State, remaining: int, last: int = -1) -> Floats:
        """log h of every token's child with `remaining` tokens to come, float64[vocab].

        -inf for a token that is not allowed or behind which nothing fits; 0 for an end token.
        """
        vocab = len(self.constraint.vocabulary)
        row = np.full(vocab, -np.inf)
        node, stands_in = self.node(state, last)
        eos = np.array(self.constraint.vocabulary.eos_token_ids)
        if stands_in:
            row[allowed(self.constraint.mask(state), vocab)] = LEAST
        if remaining > 0:
            begin, stop = np.searchsorted(self.graph.sources, [node, node + 1])
            level = self.log_mass[min(remaining - 1, self.horizon)]
            tokens, targets = self.graph.tokens[begin:stop], self.graph.targets[begin:stop]
            row[tokens] = np.maximum(row[tokens], level[targets])
        else:
            row[:] = -np.inf
        row[eos] = np.where(allowed(self.constraint.mask(state), vocab)[eos], 0.0, -np.inf)
        return row


def _shallowest(constraint: Constraint, graph: TokenGraph) -> dict[bytes, int]:
    """For each mask the first node that has it."""
    found: dict[bytes, int] = {}
    for i in np.flatnonzero(graph.explored).tolist():
        found.setdefault(constraint.mask(graph.nodes[i][0]).tobytes(), i)
    return found


_kept: WeakKeyDictionary[Constraint, dict[Any, FutureMass]] = WeakKeyDictionary()


def future_mass(
    constraint: Constraint, state: State, remaining: int, horizon: int | None = None
) -> float:
    """log of the uniform surrogate's mass of texts that go on from a state with at most
    `remaining` tokens and an end token; -inf where none fits.

    horizon: tokens from the start that the table reaches; the state must lie within. Tables are
    kept with the constraint.
    """
    tables = _kept.setdefault(constraint, {})
    reach = max(horizon or 0, remaining)
    if reach not in tables:
        tables[reach] = FutureMass(constraint, reach)
    return tables[reach](state, remaining)


def bigrams(lm: LanguageModel, prompt: Sequence[int] = ()) -> Floats:
    """float64[vocab + 1, vocab]: the model's next-token probabilities after each single token,
    and in the last row after the prompt. One model call for vocab + 1 prefixes.
    """
    tokens = range(len(lm.vocabulary))
    states = np.array([*(lm.init([token]) for token in tokens), lm.init(prompt)])
    return np.exp(lm.log_probs(states).astype(np.float64))
