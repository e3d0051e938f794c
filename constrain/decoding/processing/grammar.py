"""Compiled grammars as a processor."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from constrain.errors import SpecError, TokenRejected, VocabularyMismatch
from constrain.tokens.vocabulary import Vocabulary

from .apply import Buffers, apply_masks, gather_masks
from .protocol import Array, Context, Role
from .rows import PerRow, to_numpy


class Compiled(Protocol):
    """What is asked of a constraint here."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    def init(self) -> Any: ...
    def mask(self, state: Any) -> NDArray[np.uint32]: ...
    def advance(self, state: Any, token_id: int) -> Any: ...
    def is_terminal(self, state: Any) -> bool: ...


class Place(NamedTuple):
    """Where one row stands in its constraint; state None: its tokens left the language."""

    constraint: Compiled
    state: Any


class GrammarState(NamedTuple):
    length: int  # columns of the context that have been read
    places: PerRow[Place]


class GrammarProcessor:
    """Leaves of each row's logits what its constraint allows; the rest becomes -inf.

    constraint: one for all rows, or a list with one per prompt; with several rows per prompt,
        those of the first prompt come first.

    A row that has ended passes unchanged: what comes after the end is padding and weighs
    nothing. A row that has left the language is all -inf: its mass is 0.
    """

    role: Role = "constraint"

    def __init__(self, constraint: Compiled | Sequence[Compiled]):
        several = isinstance(constraint, Sequence)
        self.constraints: tuple[Compiled, ...] = tuple(constraint) if several else (constraint,)
        if not self.constraints:
            raise SpecError("expected a constraint or a list with one per prompt, got none")
        widths = {len(c.vocabulary) for c in self.constraints}
        if len(widths) > 1:
            raise VocabularyMismatch(f"constraints for vocabularies of {sorted(widths)} ids")
        self.width = widths.pop()
        self._buffers = Buffers()

    def init(self, context: Context) -> GrammarState:
        """Every row at the start of its constraint."""
        prompts = len(self.constraints)
        if context.rows % prompts:
            raise SpecError(
                f"expected rows for {prompts} constraints, one per prompt, got {context.rows}"
            )
        each = context.rows // prompts
        starts = [Place(c, c.init()) for c in self.constraints]
        return GrammarState(context.prompt_length, PerRow(p for p in starts for _ in range(each)))

    def process(
        self, state: GrammarState, logits: Array, context: Context
    ) -> tuple[GrammarState, Array]:
        """Read the tokens since the last call, then mask."""
        if logits.shape[1] < self.width:
            raise VocabularyMismatch(
                f"the model gives {logits.shape[1]} logits, but the constraint's vocabulary has "
                f"{self.width} ids; build it as wide as the logits"
            )
        state = self.read(state, context)
        masks = [_mask(place) for place in state.places]
        words = gather_masks(masks, logits.shape[1], self._buffers)
        return state, apply_masks(words, logits, self._buffers)

    def read(self, state: GrammarState, context: Context) -> GrammarState:
        """The state after all tokens of the context."""
        if state.length == context.length:
            return state
        if state.length > context.length:
            raise SpecError(
                f"the state has read {state.length} columns, but the context has {context.length}; "
                "keep the state of a step to go back to it"
            )
        new = cast("list[list[int]]", to_numpy(context.token_ids[:, state.length :]).tolist())
        places = [follow(p, tokens) for p, tokens in zip(state.places, new, strict=True)]
        return GrammarState(context.length, PerRow(places))


def follow(place: Place, tokens: Iterable[int]) -> Place:
    """Where a row stands after these tokens. Never raises for tokens that do not fit."""
    constraint, state = place
    for token in tokens:
        if state is None or constraint.is_terminal(state):
            break
        try:
            state = constraint.advance(state, token)
        except TokenRejected:
            state = None
    return Place(constraint, state)


def _mask(place: Place) -> NDArray[np.uint32] | None:
    constraint, state = place
    if state is None:
        return np.zeros(constraint.vocabulary.n_words, np.uint32)
    return None if constraint.is_terminal(state) else constraint.mask(state)
