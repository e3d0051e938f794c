"""What a vector of the residual stream says in tokens: the logit lens (nostalgebraist 2020)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from jaxtyping import Float

from .interface import TransparentLlm


@dataclass(frozen=True)
class TokenLogit:
    token: int
    logit: float


@dataclass(frozen=True)
class RankChange:
    """A token's place among all, 0 for the likeliest, before and after."""

    token: int
    before: int
    after: int


def logit_lens(
    llm: TransparentLlm, batch_i: int, pos: int
) -> Float[torch.Tensor, "layers_and_one d_vocab"]:
    """Logits read off the stream before the first layer and after each; the last are true."""
    layers = range(llm.model_info().n_layers)
    states = [llm.residual_in(0), *map(llm.residual_out, layers)]
    return llm.unembed(torch.stack([state[batch_i, pos] for state in states]), normalize=True)


def promoted_and_suppressed(
    llm: TransparentLlm, vector: Float[torch.Tensor, " d_model"], k: int, normalize: bool = False
) -> tuple[list[TokenLogit], list[TokenLogit]]:
    """The k tokens that a vector (of a head, a neuron, a layer) pushes up most, and down most."""
    logits = llm.unembed(vector, normalize)
    return _largest(logits, k, 1), _largest(-logits, k, -1)


def _largest(values: torch.Tensor, k: int, sign: int) -> list[TokenLogit]:
    top = values.topk(min(k, len(values)))
    pairs = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [TokenLogit(token, sign * value) for token, value in pairs]


def rank_changes(
    llm: TransparentLlm,
    before: Float[torch.Tensor, " d_model"],
    after: Float[torch.Tensor, " d_model"],
    k: int,
) -> tuple[list[RankChange], list[RankChange]]:
    """The k tokens that rise most from one state of the stream to another, and that fall most.

    Fewer where fewer move in that direction.
    """
    old, new = (_ranks(llm.unembed(state, normalize=True)) for state in (before, after))
    change = new - old
    order = change.argsort(stable=True).tolist()
    moved = [RankChange(token, int(old[token]), int(new[token])) for token in order]
    risen = [move for move in moved[:k] if move.after < move.before]
    fallen = [move for move in moved[::-1][:k] if move.after > move.before]
    return risen, fallen


def _ranks(logits: torch.Tensor) -> torch.Tensor:
    ranks = torch.empty_like(logits, dtype=torch.long)
    ranks[logits.argsort(descending=True)] = torch.arange(len(logits), device=logits.device)
    return ranks
