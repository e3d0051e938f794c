"""What grammars say about the next token of each particle.

A guide numbers the states it meets, so that particles carry ints: copying one is assignment and
resampling is indexing. Several constraints are one guide, which allows what they all allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constrain.decoding.constraint import Constraint, State
from constrain.errors import VocabularyMismatch
from constrain.tokens.vocabulary import Vocabulary

from .future import FutureMass
from .token_graph import allowed
from .weights import Floats, Ints

START = 0


class Guide:
    """The states of some constraints (none: every text), numbered as they are met.

    future: log h per constraint, or None where it gives no twist; with twists, a token behind
        which nothing fits within the budget is not allowed.
    max_tokens: tokens that a text may have before its end token.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        constraints: Sequence[Constraint],
        future: Sequence[FutureMass | None] = (),
        max_tokens: int = 64,
    ):
        widths = {len(c.vocabulary) for c in constraints} | {len(vocabulary)}
        if len(widths) > 1:
            raise VocabularyMismatch(
                f"the model and its constraints have vocabularies of {sorted(widths)} ids"
            )
        self.vocabulary, self.constraints = vocabulary, tuple(constraints)
        self.future = tuple(future) or (None,) * len(self.constraints)
        self.max_tokens = max_tokens
        self.eos = np.array(vocabulary.eos_token_ids)
        self._is_eos = np.zeros(len(vocabulary), np.bool_)
        self._is_eos[self.eos] = True
        start = tuple(c.init() for c in self.constraints)
        self._by_last = any(f is not None and f.by_last for f in self.future)
        self._nodes: list[tuple[tuple[State, ...], int]] = [(start, -1)]
        self._number: dict[Any, int] = {(start, -1): START}
        self._next: dict[int, int] = {}

    @property
    def twisted(self) -> bool:
        return any(f is not None for f in self.future)

    def is_end(self, tokens: Ints) -> NDArray[np.bool_]:
        return self._is_eos[tokens]

    def advance(self, places: Ints, tokens: Ints) -> Ints:
        """The places after one allowed token each."""
        keys = (places * len(self.vocabulary) + tokens).tolist()
        known = self._next
        return np.array([known[k] if k in known else self._step(k) for k in keys], np.int64)

    def _step(self, key: int) -> int:
        place, token = divmod(key, len(self.vocabulary))
        states = self._nodes[place][0]
        after = tuple(c.advance(s, token) for c, s in zip(self.constraints, states, strict=True))
        node = (after, token if self._by_last else -1)
        number = self._number.setdefault(node, len(self._nodes))
        if number == len(self._nodes):
            self._nodes.append(node)
        self._next[key] = number
        return number

    def may(self, place: int, token: int) -> bool:
        """May this one token come next? Asks no mask."""
        states = self._nodes[place][0]
        if self._is_eos[token]:
            return all(c.accepts(s) for c, s in zip(self.constraints, states, strict=True))
        try:
            self._step(place * len(self.vocabulary) + token)
        except ValueError:
            return False
        return True

    def rows(self, places: Ints, n_tokens: int) -> tuple[NDArray[Any], Floats]:
        """(factors [n, vocab], log_scale float64[n]) for texts that have n_tokens tokens now.

        A token's factor times exp(log_scale) is the twist of the text with it: 0 if it is not
        allowed, 1 for an end token, and 1 for every allowed one where there are no twists.
        """
        vocab = len(self.vocabulary)
        if not self.twisted:
            rows = np.ones((len(places), vocab), np.bool_)
            for i, place in enumerate(places.tolist()):
                for c, state in zip(self.constraints, self._nodes[place][0], strict=True):
                    rows[i] &= allowed(c.mask(state), vocab)
            if n_tokens >= self.max_tokens:
                rows &= self._is_eos
            return rows, np.zeros(len(places))
        logs = np.stack([self._log_row(place, n_tokens) for place in places.tolist()])
        top = logs.max(-1)
        scale = np.where(np.isfinite(top), top, 0.0)
        return np.exp(logs - scale[:, None]), scale

    def _log_row(self, place: int, n_tokens: int) -> Floats:
        """Sum of the constraints' log twists of every child, -inf where one forbids it."""
        states, last = self._nodes[place]
        row = np.zeros(len(self.vocabulary))
        for c, future, state in zip(self.constraints, self.future, states, strict=True):
            if future is None:
                row[~allowed(c.mask(state), len(row))] = -np.inf
            else:
                row += future.children(state, self.max_tokens - n_tokens, last)
        if n_tokens >= self.max_tokens:
            row[~self._is_eos] = -np.inf
        return row
