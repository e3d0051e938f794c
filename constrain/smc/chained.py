"""Texts that are drawn through a chain of processors, with the weights of their roles.

A target processor redefines the model, a constraint weighs its log-mass, a proposal weighs
log p - log q, a critic its difference (see `constrain.decoding.processing`). So whatever shapes
plain generation is a proposal for exact inference as well. A proposal that cannot draw what the
target allows (top-k) leaves a hole in the support, which no weight repairs: it is warned of.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from constrain.decoding.processing import Chain, Context, MaxLength
from constrain.decoding.processing.protocol import truncates
from constrain.lm.keys import uniforms

from .draw import weigh
from .target import Target
from .texts import DEAD, Texts
from .warning import InferenceWarning
from .weights import Ints


@dataclass(frozen=True, eq=False)
class Chained(Texts):
    """`chain_state` has a row per particle; the target's own constraints and critics are unused."""

    chain: Chain = field(default_factory=lambda: Chain([]))
    chain_state: tuple[Any, ...] = ()

    @classmethod
    def through(cls, target: Target, processors: Iterable[Any], n: int) -> Chained:
        """n empty texts of `target`, drawn through `processors` and ended at its length."""
        given = list(processors)
        chain = Chain([*given, MaxLength(target.max_tokens, target.lm.vocabulary.eos_token_ids)])
        holes = [p for p in chain.processors if p.role == "proposal" and truncates(p)]
        if holes:
            warnings.warn(
                f"{type(holes[0]).__name__} as a proposal never draws some texts of the target: "
                "the evidence comes out too small",
                InferenceWarning,
                stacklevel=3,
            )
        start = replace(cls.start(target, n), chain=chain)
        return replace(start, chain_state=chain.init(start._context()))

    def _context(self) -> Context:
        """Prompt and tokens; behind an end token there are more of them."""
        end = self.target.lm.vocabulary.eos_token_ids[0]
        prompt = np.tile(np.array(self.target.prompt, np.int64), (len(self), 1))
        tokens = np.where(self.tokens < 0, end, self.tokens).astype(np.int64)
        return Context(np.concatenate([prompt, tokens], 1), len(self.target.prompt))

    def take(self, indices: Ints, totals: NDArray[np.float64]) -> Self:
        taken = super().take(indices, totals)
        return replace(taken, chain_state=self.chain.take(self.chain_state, indices))

    def step(self, seed: int, step: int) -> Self:
        live = np.flatnonzero(self.live)
        rows = np.zeros((len(self), len(self.target.lm.vocabulary)))
        states, row_of = np.unique(self.lm_states[live], return_inverse=True)
        rows[live] = self.target.lm.log_probs(states)[row_of.reshape(-1)]
        done = self.chain.step(self.chain_state, rows, self._context())
        alive = live[np.isfinite(done.log_mass[live])]
        tokens = np.full(len(self), -1, np.int64)
        drawn_from = done.logits[alive]
        weighted = weigh(drawn_from, np.ones_like(drawn_from, np.bool_), normalized=False)
        u = uniforms(seed, self.slots[alive], step)
        tokens[alive] = weighted.draw(np.arange(len(alive)), u)
        log_weight = np.zeros(len(self))
        log_weight[alive] = done.log_weight(np.maximum(tokens, 0))[alive]
        grown = replace(self, chain_state=done.state)._with(
            live, tokens, log_weight, np.zeros(len(self))
        )
        return replace(grown._judged(live), log_mass=np.where(self.live, done.log_mass, 0.0))

    def _judged(self, moved: Ints) -> Self:
        """Critics' differences in the weights of those that moved."""
        state, gain = self.chain.judge(self.chain_state, self._context())
        weights, status = self.log_weights.copy(), self.status.copy()
        alive = moved[status[moved] != DEAD]
        weights[alive] += gain[alive]
        status[weights == -np.inf] = DEAD
        return replace(self, chain_state=state, log_weights=weights, status=status)
