"""Models whose next token depends on the last few only: a full table, and n-grams from counts.

A state is the last `order` tokens, read as a number in base vocab + 1 whose digits are token + 1
(0 where there is no token yet). Particles with equal last tokens are therefore one state.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from constrain.errors import VocabularyMismatch
from constrain.tokens.vocabulary import Vocabulary

from .keys import Seed
from .protocol import LogProbs, States, Tokens


class Markov:
    """States and how they go on, for a model of an order."""

    def __init__(self, vocabulary: Vocabulary, order: int):
        self.vocabulary = vocabulary
        self.order = order
        self._base = len(vocabulary) + 1
        self._modulus = self._base**order
        if self._modulus * self._base >= 1 << 62:
            raise VocabularyMismatch(
                f"{order} tokens of a vocabulary of {len(vocabulary)} do not fit an int64 state"
            )

    def init(self, prompt: Sequence[int] = ()) -> int:
        state = 0
        for token in prompt:
            state = (state * self._base + token + 1) % self._modulus
        return state

    def advance(self, states: States, tokens: Tokens) -> States:
        return (np.asarray(states, np.int64) * self._base + tokens + 1) % self._modulus

    def _context(self, state: int) -> tuple[int, ...]:
        """The last tokens, oldest first."""
        tokens: list[int] = []
        while state:
            state, digit = divmod(state, self._base)
            tokens.append(digit - 1)
        return tuple(reversed(tokens))


class TabularModel(Markov):
    """A model that is its table: float64[(vocab + 1) ** order, vocab] of probabilities.

    Rows are normalised. All sentences can be enumerated, so that inference can be tested.
    """

    def __init__(self, vocabulary: Vocabulary, table: ArrayLike):
        rows = np.asarray(table, np.float64)
        order = round(np.log(len(rows)) / np.log(len(vocabulary) + 1)) if len(rows) > 1 else 0
        super().__init__(vocabulary, order)
        if rows.shape != (self._modulus, len(vocabulary)):
            raise VocabularyMismatch(
                f"expected a table of shape ((vocab + 1) ** order, vocab) with vocab = "
                f"{len(vocabulary)}, found {rows.shape}"
            )
        with np.errstate(divide="ignore"):
            self._table = np.log(rows / rows.sum(-1, keepdims=True))

    @classmethod
    def random(
        cls, vocabulary: Vocabulary, order: int, rng: Seed, concentration: float = 1.0
    ) -> TabularModel:
        """Each row drawn from a symmetric Dirichlet distribution."""
        generator = np.random.default_rng(rng)
        size = (len(vocabulary) + 1) ** order
        alpha = np.full(len(vocabulary), concentration)
        return cls(vocabulary, generator.dirichlet(alpha, size) + 1e-9)

    def log_probs(self, states: States) -> LogProbs:
        return self._table[np.asarray(states)]


class NGramModel(Markov):
    """Counts of up to `order` preceding tokens, interpolated (Witten and Bell 1991).

    p(t | context) = (count(context t) + kinds * p(t | shorter context)) / (count(context) + kinds)
    with kinds the number of different tokens seen after the context; the empty context falls back
    on the uniform distribution.
    """

    def __init__(self, vocabulary: Vocabulary, texts: Iterable[Sequence[int]], order: int = 2):
        super().__init__(vocabulary, order)
        self._counts: defaultdict[tuple[int, ...], Counter[int]] = defaultdict(Counter)
        for text in texts:
            for i, token in enumerate(text):
                for start in range(max(0, i - order), i + 1):
                    self._counts[tuple(text[start:i])][token] += 1

    @cached_property
    def _uniform(self) -> NDArray[np.float64]:
        return np.full(len(self.vocabulary), 1.0 / len(self.vocabulary))

    def log_probs(self, states: States) -> LogProbs:
        return np.log(np.stack([self._row(self._context(int(s))) for s in np.asarray(states)]))

    def _row(self, context: tuple[int, ...]) -> NDArray[np.float64]:
        row = self._uniform
        for start in range(len(context), -1, -1):
            counts = self._counts.get(context[start:])
            if counts is None:
                break
            seen = np.fromiter(counts.values(), np.float64)
            row = row * (len(seen) / (seen.sum() + len(seen)))
            row[np.fromiter(counts, np.int64)] += seen / (seen.sum() + len(seen))
        return row
