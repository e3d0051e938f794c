"""Random texts of a grammar: a walk along masks, led to an end; and texts that nearly are some."""

from __future__ import annotations

import random
from heapq import heappop, heappush
from itertools import count

import numpy as np

from constrain import Constraint, TokenRejected, Vocabulary
from constrain.decoding.constraint import Mask, State


def vocabulary(texts: list[str], seed: int = 1, n_pieces: int = 300) -> Vocabulary:
    """All bytes, and pieces of up to eight bytes of these texts: a small tokenizer for them."""
    rng = random.Random(seed)
    pieces: dict[bytes, None] = {}
    for _ in range(n_pieces):
        data = rng.choice(texts).encode()
        start = rng.randrange(len(data) + 1)
        piece = data[start : start + rng.randint(2, 8)]
        if len(piece) > 1:
            pieces[piece] = None
    tokens = [bytes((byte,)) for byte in range(256)] + list(pieces)
    return Vocabulary([*tokens, None], eos_token_ids=[len(tokens)])


def allowed(mask: Mask) -> list[int]:
    """The ids in a packed mask."""
    return np.flatnonzero(np.unpackbits(mask.view(np.uint8), bitorder="little")).tolist()


def allows(mask: Mask, token: int) -> bool:
    """Is this id in a packed mask?"""
    return bool(mask[token >> 5] >> np.uint32(token & 31) & 1)


def takes_tokens(constraint: Constraint, ids: list[int]) -> bool:
    """Are these tokens, each in the mask before it, a text of the grammar?

    Raises AssertionError where mask and `advance` disagree.
    """
    state = constraint.init()
    for token in ids:
        may_come = allows(constraint.mask(state), token)
        try:
            state = constraint.advance(state, token)
        except TokenRejected:
            assert not may_come
            return False
        assert may_come
    end = allows(constraint.mask(state), min(constraint.vocabulary.eos_token_ids))
    assert end is constraint.accepts(state)
    return end


def sample(constraint: Constraint, rng: random.Random, n_tokens: int) -> str:
    """A text of the grammar: up to `n_tokens` random tokens, then the bytes that end it soonest.

    Half of the draws are from tokens of several bytes, where there are any. Where no end is found
    in time, another text is drawn.
    """
    while True:
        text = _sample(constraint, rng, n_tokens)
        if text is not None:
            return text.decode()


def _sample(constraint: Constraint, rng: random.Random, n_tokens: int) -> bytes | None:
    tokens = constraint.vocabulary.tokens
    state, text = constraint.init(), b""
    for _ in range(n_tokens):
        ids = allowed(constraint.mask(state))
        long = [i for i in ids if len(tokens[i] or b"") > 1]
        token = rng.choice(long if long and rng.random() < 0.5 else ids)
        if tokens[token] is None:
            return text
        state = constraint.advance(state, token)
        text += tokens[token] or b""
    end = completion(constraint, state, rng)
    return None if end is None else text + end


def completion(
    constraint: Constraint, state: State, rng: random.Random, most: int = 2_000
) -> bytes | None:
    """Bytes that end a text, found best first: the lowest stack, then the fewest bytes.

    None where `most` states were not enough.
    """
    order, seen = count(), {state}
    heap = [(0, 0, next(order), state, b"")]
    while heap:
        _, _, _, state, data = heappop(heap)
        if constraint.accepts(state):
            return data
        if len(seen) > most:
            break
        live = [i for i in allowed(constraint.mask(state)) if i < 256]
        rng.shuffle(live)
        for byte in live:
            after = constraint.advance(state, byte)
            if after not in seen:
                seen.add(after)
                depth = constraint._engine.depth(after[0].config)
                heappush(heap, (depth, len(data), next(order), after, data + bytes((byte,))))
    return None


def mutated(text: str, others: list[str], rng: random.Random) -> str:
    """`text` with one or two characters left out, doubled, swapped or taken from `others`."""
    for _ in range(rng.randint(1, 2)):
        i = rng.randrange(len(text) + 1)
        char = rng.choice(others)
        text = rng.choice(
            (
                text[:i] + text[i + 1 :],
                text[:i] + text[i : i + 1] + text[i:],
                text[:i] + char + text[i:],
                text[:i] + char + text[i + 1 :],
                text[:i] + text[i + 1 : i + 2] + text[i : i + 1] + text[i + 2 :],
            )
        )
    return text
