"""Tokens that know their text, and a categorical distribution over them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from constrain.errors import VocabularyMismatch
from constrain.lm.distributions import Distribution, LogCategorical
from constrain.lm.keys import Key
from constrain.lm.protocol import LanguageModel


class Token(int):
    """A token id that knows its model and its text; equal to the id and to the text.

    `+` with tokens, ids, texts and sequences concatenates to a TokenSequence.
    """

    lm: Any

    def __new__(cls, lm: Any, token_id: int, token_str: str | None = None) -> Token:
        self = super().__new__(cls, token_id)
        self.lm = lm
        self._text = token_str
        return self

    @property
    def token_id(self) -> int:
        return int(self)

    @property
    def token_str(self) -> str:
        """The token's text; broken UTF-8 shows as replacement characters."""
        if self._text is None:
            text = self.lm.vocabulary.tokens[self] or b""
            self._text = text.decode(errors="replace")
        return self._text

    def __eq__(self, other: object) -> bool:
        if isinstance(other, str):
            return self.token_str == other
        if isinstance(other, Token) and self.lm is not other.lm:
            return False
        return isinstance(other, int) and int(self) == int(other)

    def __ne__(self, other: object) -> bool:  # int has one of its own
        return not self == other

    def __hash__(self) -> int:
        return hash(int(self))

    def __str__(self) -> str:
        return self.token_str

    def __repr__(self) -> str:
        return f"<{self.token_str}|{int(self)}>"

    def __add__(self, other: Any) -> Any:
        return TokenSequence(self.lm, [int(self)]) + other

    def __radd__(self, other: Any) -> Any:
        return other + TokenSequence(self.lm, [int(self)])


class TokenSequence:
    """Token ids of a model. A value: `+` makes a new one.

    seq: ids, a text, or None for the model's start token, where it has one.
    """

    def __init__(self, lm: Any, seq: Any = None):
        self.lm = lm
        self.seq: list[int] = _ids(lm, seq)

    def __add__(self, other: Any) -> TokenSequence:
        return TokenSequence(self.lm, [*self.seq, *_ids(self.lm, other)])

    def __radd__(self, other: Any) -> TokenSequence:
        return TokenSequence(self.lm, [*_ids(self.lm, other), *self.seq])

    def __iter__(self) -> Iterator[int]:
        return iter(self.seq)

    def __len__(self) -> int:
        return len(self.seq)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TokenSequence) and (self.lm, self.seq) == (other.lm, other.seq)

    def __hash__(self) -> int:
        return hash(tuple(self.seq))

    def __str__(self) -> str:
        spelled = self.lm.vocabulary.tokens
        return b"".join(spelled[token] or b"" for token in self.seq).decode(errors="replace")


def _ids(lm: Any, given: Any) -> list[int]:
    if given is None:
        start = getattr(getattr(lm, "tokenizer", None), "bos_token_id", None)
        return [] if start is None else [int(start)]
    if isinstance(given, str):
        if lm.vocabulary.encode is None:
            raise VocabularyMismatch("the model's vocabulary has no `encode`; give token ids")
        return [int(token) for token in lm.vocabulary.encode(given)]
    return [int(given)] if isinstance(given, int) else [int(token) for token in given]


class TokenCategorical(Distribution[Token]):
    """A token of a model, from unnormalised log-probabilities float[vocab]."""

    def __init__(self, lm: LanguageModel, logits: ArrayLike):
        self._index = LogCategorical(logits)
        if len(self._index.log_probs) != len(lm.vocabulary):
            raise VocabularyMismatch(
                f"expected one logit for each of {len(lm.vocabulary)} tokens, "
                f"found {len(self._index.log_probs)}"
            )
        self.lm = lm

    @property
    def log_probs(self) -> NDArray[np.float64]:
        """float64[vocab], normalised."""
        return self._index.log_probs

    def sample(self, key: Key) -> tuple[Token, float]:
        token, log_prob = self._index.sample(key)
        return self.token(token), log_prob

    def token(self, token_id: int) -> Token:
        """The value that stands for an id."""
        return Token(self.lm, token_id)

    def log_prob(self, value: int) -> float:
        return self._index.log_prob(int(value))

    def enumerate_support(self) -> Iterator[Token]:
        return (Token(self.lm, token) for token in self._index.enumerate_support())
