"""The slow twin of the logits processor: no memory, every row replayed from its first token."""

from __future__ import annotations

import numpy as np
import torch
import transformers

from constrain.errors import TokenRejected


class Replay(transformers.LogitsProcessor):
    """As `constrain.hf.LogitsProcessor`, for constraints one per prompt and a known prompt."""

    def __init__(self, constraints, prompt_length):
        self.constraints = constraints
        self.prompt_length = prompt_length

    def __call__(self, input_ids, scores):
        expand = len(input_ids) // len(self.constraints)
        rows = [
            self.row(self.constraints[i // expand], ids[self.prompt_length :].tolist(), row)
            for i, (ids, row) in enumerate(zip(input_ids, scores, strict=True))
        ]
        return torch.stack(rows)

    def row(self, constraint, tokens, scores):
        allowed = torch.zeros(len(scores), dtype=torch.bool)
        allowed[allowed_ids(constraint, tokens)] = True
        return torch.where(allowed, scores, -torch.inf)


def allowed_ids(constraint, tokens) -> list[int]:
    """Which ids may follow `tokens`; after the end, and outside of the language, the end ids."""
    state = constraint.init()
    try:
        for token in tokens:
            if not constraint.is_terminal(state):
                state = constraint.advance(state, token)
    except TokenRejected:
        return list(constraint.vocabulary.eos_token_ids)
    if constraint.is_terminal(state):
        return list(constraint.vocabulary.eos_token_ids)
    bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
    return np.flatnonzero(bits[: len(constraint.vocabulary)]).tolist()
