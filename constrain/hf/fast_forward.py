"""Generation that does not ask the model for what must come anyway."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from constrain.decoding import Constraint, compile
from constrain.decoding.processing.apply import Buffers
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Grammar

from .masking import apply_masks
from .token_tables import AnyTokenizer
from .vocabulary import vocabulary


@dataclass(frozen=True)
class FastForwarded:
    """text; tokens, without the end token; calls: forward passes of the model that it took."""

    text: str
    tokens: list[int]
    calls: int


def fast_forward(
    model: Any,
    tokenizer: AnyTokenizer,
    prompt: str,
    g: Grammar | Constraint,
    *,
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    seed: int = 0,
) -> FastForwarded:
    """One text after `prompt` that fits `g`; runs of forced tokens enter the cache in one pass.

    Forced tokens are those of `Constraint.forced`, spelled as the tokenizer spells them, so that
    a schema's keys and punctuation cost nothing. temperature 0 takes the likeliest token.
    For causal models. Raises LimitExceeded when the text does not end within `max_new_tokens`;
    a constraint from `constrain.decoding.budget` is for `generate`.
    """
    constraint = compile(g, vocabulary(tokenizer, model)) if isinstance(g, Grammar) else g
    rng = np.random.default_rng(seed)
    pending: list[int] = tokenizer(prompt)["input_ids"] or [constraint.vocabulary.eos_token_ids[0]]
    state, cache, calls = constraint.init(), None, 0
    tokens: list[int] = []
    buffers = Buffers()
    while True:
        for token in constraint.forced(state):
            state = constraint.advance(state, token)
            tokens.append(token)
            pending.append(token)
        if constraint.is_terminal(state):
            break
        if len(tokens) >= max_new_tokens:
            raise LimitExceeded("max_new_tokens", len(tokens), "the text has not ended")
        with torch.no_grad():
            out = model(torch.tensor([pending], device=model.device), past_key_values=cache)
        cache, calls = out.past_key_values, calls + 1
        words = constraint.mask(state)[None]
        logits, _ = apply_masks(words, out.logits[:, -1].float(), buffers)
        token = _choose(logits[0], temperature, rng)
        state = constraint.advance(state, token)
        tokens.append(token)
        pending = [token]
        if constraint.is_terminal(state):
            break
    spelled = constraint.vocabulary.tokens
    text = b"".join(spelled[token] or b"" for token in tokens[:-1])
    return FastForwarded(text.decode(errors="replace"), tokens[:-1], calls)


def _choose(logits: torch.Tensor, temperature: float, rng: np.random.Generator) -> int:
    if temperature <= 0:
        return int(logits.argmax())
    probs = (logits.double() / temperature).softmax(dim=-1).cpu().numpy()
    return int(rng.choice(len(probs), p=probs / probs.sum()))
