"""Masks and steps as tensor operations, with the tables where the model is.

Nothing here waits for the host, so that constrained decoding can be a part of a compiled model:

    p = DeviceProcessor(constraint, "cuda")
    states = p.start(rows)
    tokens = p.apply(states, logits).argmax(-1)
    states = p.advance(states, tokens)
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from constrain.decoding.eager import EagerConstraint
from constrain.decoding.processing import Context, Role
from constrain.errors import VocabularyMismatch
from constrain.tokens.eager import DEAD, END


class DeviceState(NamedTuple):
    length: int  # columns of the context that have been read
    states: torch.Tensor  # int64 (rows,)


class DeviceProcessor:
    """An eager constraint in tensors; also a processor for chains.

    width: columns of the logits, if more than the vocabulary has; these are never allowed.
    Holds 4 bytes per state and class of tokens, and 8 per column.
    """

    role: Role = "constraint"

    def __init__(
        self,
        constraint: EagerConstraint,
        device: torch.device | str = "cpu",
        *,
        width: int | None = None,
    ):
        tables = constraint.tables
        vocab = len(constraint.vocabulary)
        self.width = vocab if width is None else width
        if self.width < vocab:
            raise VocabularyMismatch(f"{width} logits for a vocabulary of {vocab} ids")
        self.next = torch.from_numpy(tables.next).to(device)
        no_text = tables.next.shape[1] - 2
        self.class_of = torch.full((self.width,), no_text, dtype=torch.long, device=device)
        self.class_of[:vocab] = torch.from_numpy(tables.class_of).to(device)
        self._start = tables.start

    def start(self, rows: int) -> torch.Tensor:
        """States int64 (rows,) of texts that have not begun."""
        return torch.full((rows,), self._start, dtype=torch.long, device=self.next.device)

    def allowed(self, states: torch.Tensor) -> torch.Tensor:
        """Which tokens may come: bool (rows, width). All may in a row that has ended."""
        return (self.next[states] != DEAD)[:, self.class_of] | (states == END)[:, None]

    def apply(self, states: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        """Logits (rows, width) with -inf for what may not come."""
        return torch.where(self.allowed(states), logits, -torch.inf)

    def advance(self, states: torch.Tensor, token_ids: torch.Tensor) -> torch.Tensor:
        """The states after these tokens (rows,); 0 for tokens that may not come, for good."""
        return self.next[states, self.class_of[token_ids]].long()

    def init(self, context: Context) -> DeviceState:
        """As every processor: the state of a batch whose prompt has been read."""
        return DeviceState(context.prompt_length, self.start(context.rows))

    def process(
        self, state: DeviceState, logits: torch.Tensor, context: Context
    ) -> tuple[DeviceState, torch.Tensor]:
        """Read the tokens since the last call, then mask."""
        states = state.states
        for column in range(state.length, context.length):
            states = self.advance(states, context.token_ids[:, column])
        return DeviceState(context.length, states), self.apply(states, logits)
