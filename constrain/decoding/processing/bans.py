"""Processors that forbid tokens by simple rules: words, ids, lengths. All are constraints.

They know nothing of a grammar. Together with one they may leave a row without tokens; its
log-mass is -inf then. For a length that a grammar always keeps, see `budget`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import cast

from array_api_compat import array_namespace, device

from constrain.errors import SpecError

from .protocol import Array, Context, Role
from .rows import to_numpy


class Suppress:
    """These token ids never come."""

    role: Role = "constraint"

    def __init__(self, token_ids: Iterable[int]):
        self.token_ids = sorted(set(token_ids))

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        return state, _without(logits, self.token_ids)


class BadWords:
    """These sequences of token ids never come; each must have at least one id.

    The last id of a word is banned where the others stand in front; the prompt counts.
    """

    role: Role = "constraint"

    def __init__(self, words: Iterable[Sequence[int]]):
        self.words = [tuple(word) for word in words]
        if not all(self.words):
            raise SpecError("expected bad words of at least one token id, got an empty one")
        self._reach = max((len(word) - 1 for word in self.words), default=0)

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        xp = array_namespace(logits)
        out = xp.asarray(logits, copy=True)
        start = max(0, context.length - self._reach)
        ends = cast("list[list[int]]", to_numpy(context.token_ids[:, start:]).tolist())
        for row, end in enumerate(ends):
            for *before, last in self.words:
                if last < out.shape[1] and end[len(end) - len(before) :] == before:
                    out[row, last] = -xp.inf
        return state, out


class Force:
    """These token ids come first, in this order, in every row; then anything may."""

    role: Role = "constraint"

    def __init__(self, token_ids: Sequence[int]):
        self.token_ids = tuple(token_ids)

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        done = context.length - context.prompt_length
        if done >= len(self.token_ids):
            return state, logits
        return state, _only(logits, [self.token_ids[done]])


class MinLength:
    """No end token before `length` tokens have been generated."""

    role: Role = "constraint"

    def __init__(self, length: int, eos_token_ids: Iterable[int]):
        self.length = length
        self.eos_token_ids = sorted(set(eos_token_ids))

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        if context.length - context.prompt_length >= self.length:
            return state, logits
        return state, _without(logits, self.eos_token_ids)


class MaxLength:
    """Only an end token once `length` tokens have been generated."""

    role: Role = "constraint"

    def __init__(self, length: int, eos_token_ids: Iterable[int]):
        self.length = length
        self.eos_token_ids = sorted(set(eos_token_ids))

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        if context.length - context.prompt_length < self.length:
            return state, logits
        return state, _only(logits, self.eos_token_ids)


def _without(logits: Array, token_ids: Sequence[int]) -> Array:
    xp = array_namespace(logits)
    out = xp.asarray(logits, copy=True)
    if token_ids:
        out[:, xp.asarray(token_ids, device=device(logits))] = -xp.inf
    return out


def _only(logits: Array, token_ids: Sequence[int]) -> Array:
    xp = array_namespace(logits)
    out = xp.full_like(logits, -xp.inf)
    columns = xp.asarray(token_ids, device=device(logits))
    out[:, columns] = logits[:, columns]
    return out
