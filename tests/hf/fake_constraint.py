"""A constraint by brute force: a finite set of strings, and every token tried at every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from constrain.errors import TokenRejected
from constrain.tokens.vocabulary import Vocabulary


@dataclass(frozen=True)
class SomeStrings:
    """Exactly these byte strings. A state is (bytes so far, has an end token been read)."""

    vocabulary: Vocabulary
    strings: tuple[bytes, ...]

    def init(self):
        return b"", False

    def mask(self, state):
        mask = np.zeros(self.vocabulary.n_words, np.uint32)
        for token_id in range(len(self.vocabulary)):
            if self._after(state, token_id) is not None:
                mask[token_id // 32] |= np.uint32(1 << token_id % 32)
        return mask

    def advance(self, state, token_id):
        after = self._after(state, token_id)
        if after is None:
            raise TokenRejected("not one of the strings", token_id, state)
        return after

    def is_terminal(self, state):
        return state[1]

    def _after(self, state, token_id):
        data, ended = state
        if ended or not 0 <= token_id < len(self.vocabulary):
            return None
        if token_id in self.vocabulary.eos_token_ids:
            return (data, True) if data in self.strings else None
        token = self.vocabulary.tokens[token_id]
        longer = None if token is None else data + token
        fits = longer is not None and any(s.startswith(longer) for s in self.strings)
        return (longer, False) if fits else None


def some_strings(vocabulary: Vocabulary, *strings: str) -> SomeStrings:
    return SomeStrings(vocabulary, tuple(s.encode() for s in strings))
