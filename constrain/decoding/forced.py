"""Tokens that must come next, so that nobody needs to ask a model for them.

Bytes are forced where just one byte may come and the text may not end. How they are spelled in
tokens is the tokenizer's habit: where the vocabulary can encode text, its tokens are kept as far
as no longer token can reach over the end of what is forced; without a tokenizer the longest
token is taken, again and again, with the same care at the end.
"""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from constrain.errors import VocabularyMismatch
from constrain.tokens.engine import Engine
from constrain.tokens.lookup import Words, below, chosen, longest_prefix, path, token_at
from constrain.tokens.rows import Mask
from constrain.tokens.vocabulary import Vocabulary

MAX_BYTES = 1 << 14
"""Forced bytes that are looked for at once; a longer run comes in parts."""

MAX_DROPPED = 4
"""Tokens at the end whose spelling is doubted: a merge does not reach further back."""

S = TypeVar("S")


class Constrained(Protocol[S]):
    """The part of a Constraint that is needed here."""

    vocabulary: Vocabulary

    def mask(self, state: S) -> Mask: ...
    def advance(self, state: S, token_id: int) -> S: ...
    def advance_bytes(self, state: S, data: bytes) -> S: ...
    def forced_bytes(self, state: S) -> bytes: ...


def forced_bytes(engine: Engine, config: int) -> bytes:
    """The bytes that must come next: all texts that go on from `config` go on with these."""
    found = bytearray()
    while len(found) < MAX_BYTES and not engine.accepts(config):
        live = engine.live(config, most=2)
        if len(live) != 1:
            break
        found.append(live[0])
        config, _ = engine.run(config, bytes(live))
    return bytes(found)


def forced(constraint: Constrained[S], state: S, v: Words) -> list[int]:
    """Token ids that must come next; an end token too, if there is nothing else to come."""
    data = constraint.forced_bytes(state)
    ids = _spelled(constraint.vocabulary, v, data) if data else []
    del ids[_settled(constraint, state, v, data, ids) :]
    only = _single(constraint.mask(state))
    if only >= 0 and ids[:1] != [only]:  # the vocabulary leaves less choice than the bytes do
        ids = [only]
    for token in ids:
        state = constraint.advance(state, token)
    while (token := _single(constraint.mask(state))) >= 0:
        ids.append(token)
        state = constraint.advance(state, token)
    return ids


def _spelled(vocabulary: Vocabulary, v: Words, data: bytes) -> list[int]:
    """Tokens for `data`, or for its beginning where its end is no text or cannot be spelled."""
    if vocabulary.encode is None:
        return _greedy(vocabulary, v, data)
    text = _whole_characters(data)
    try:
        ids = list(vocabulary.encode(text)) if text else []
    except VocabularyMismatch:
        return []
    return ids if _bytes_of(vocabulary, ids) == text.encode() else []


def _bytes_of(vocabulary: Vocabulary, ids: list[int]) -> bytes:
    return b"".join(vocabulary.tokens[i] or b"" for i in ids)


def _whole_characters(data: bytes) -> str:
    """The text of `data` without a character begun at its end; none if it begins within one."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        return data[: error.start].decode()


def _greedy(vocabulary: Vocabulary, v: Words, data: bytes) -> list[int]:
    ids: list[int] = []
    while data and (token := longest_prefix(v, data)) >= 0:
        ids.append(token)
        data = data[len(vocabulary.tokens[token] or b"") :]
    return ids


def _settled(constraint: Constrained[S], state: S, v: Words, data: bytes, ids: list[int]) -> int:
    """How many of `ids`, which spell a beginning of `data`, hold whatever comes after `data`."""
    lengths = [len(constraint.vocabulary.tokens[i] or b"") for i in ids]
    end = sum(lengths)
    by_tokenizer = constraint.vocabulary.encode is not None
    n = max(0, len(ids) - MAX_DROPPED)
    start = sum(lengths[:n])
    for length in lengths[n:]:
        for p in range(start, start + length if by_tokenizer else start + 1):
            if _reaches_over(constraint, state, v, data, p, end):
                return n
        start += length
        n += 1
    return n


def _reaches_over(
    constraint: Constrained[S], state: S, v: Words, data: bytes, start: int, end: int
) -> bool:
    """May a token come at `start` of the forced `data` that goes on beyond `end`?"""
    nodes = path(v, data[start:])
    if any(token_at(v, x) >= 0 for x in nodes[end - start + 1 :]):
        return True
    if len(nodes) <= len(data) - start:
        return False
    longer = below(v, nodes[-1])
    if not len(longer):
        return False
    here = constraint.advance_bytes(state, data[:start])
    return len(chosen(constraint.mask(here), longer)) > 0


def _single(mask: Mask) -> int:
    """The only token of a mask, or -1."""
    words = np.flatnonzero(mask)
    if len(words) != 1:
        return -1
    bits = int(mask[words[0]])
    return -1 if bits & (bits - 1) else 32 * int(words[0]) + bits.bit_length() - 1
