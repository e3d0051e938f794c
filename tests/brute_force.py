"""What a mask should be, found by trying everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from constrain.decoding import Constraint, State
from constrain.tokens.vocabulary import Vocabulary


def allowed(constraint: Constraint, state: State) -> set[int]:
    """The token ids whose bit is set."""
    bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
    assert not bits[len(constraint.vocabulary) :].any()
    return set(np.flatnonzero(bits[: len(constraint.vocabulary)]).tolist())


def check_masks(
    constraint: Constraint,
    is_prefix: Callable[[bytes], bool],
    is_member: Callable[[bytes], bool],
    depth: int,
    most: int = 60,
) -> None:
    """Compare the masks of every state within `depth` tokens with the two oracles."""
    vocabulary = constraint.vocabulary
    todo: list[tuple[bytes, State, int]] = [(b"", constraint.init(), 0)]
    seen = 0
    while todo and seen < most:
        text, state, used = todo.pop(0)
        seen += 1
        want = {i for i, t in enumerate(vocabulary.tokens) if t is not None and is_prefix(text + t)}
        if is_member(text):
            want.update(vocabulary.eos_token_ids)
        got = allowed(constraint, state)
        assert got == want, (text, show(vocabulary, got - want), show(vocabulary, want - got))
        assert constraint.accepts(state) == is_member(text)
        for token in sorted(got - set(vocabulary.eos_token_ids)) if used < depth else ():
            after = constraint.advance(state, token)
            todo.append((text + (vocabulary.tokens[token] or b""), after, used + 1))


def show(vocabulary: Vocabulary, ids: set[int]) -> list[bytes | None]:
    return [vocabulary.tokens[i] for i in sorted(ids)]
