"""Which heads and neurons a logit comes from: direct attribution (Elhage et al. 2021).

The final residual is a sum of parts, and the final norm is linear once its mean and spread are
frozen; so a logit, or any weighted sum of logits, is the sum of what its parts give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float

from .transparent import HFTransparentLlm

ROWS_AT_ONCE = 8192  # of the unembedding matrix, converted to float32


@dataclass(frozen=True, eq=False)
class Attribution:
    """Parts of n weighted sums of logits, in the order of the model; `total` sums them all.

    constant: the biases of the final norm and of the output layer.
    """

    embedding: Float[torch.Tensor, " n"]
    heads: Float[torch.Tensor, "layer head n"]
    attention_bias: Float[torch.Tensor, "layer n"]
    neurons: Float[torch.Tensor, "layer d_ffn n"]
    ffn_bias: Float[torch.Tensor, "layer n"]
    constant: Float[torch.Tensor, " n"]

    def total(self) -> Float[torch.Tensor, " n"]:
        """The logits themselves (before a cap on logits, where a model has one)."""
        blocks = self.heads.sum((0, 1)) + self.neurons.sum((0, 1))
        biases = self.attention_bias.sum(0) + self.ffn_bias.sum(0) + self.constant
        return self.embedding + blocks + biases


def attribute(
    llm: HFTransparentLlm, batch_i: int, pos: int, weights: Float[torch.Tensor, "n d_vocab"]
) -> Attribution:
    """Attribute n sums of logits at one position, sum_v weights[i, v] * logits[v].

    Law: attribute(llm, b, p, w).total() == w @ logits()[b, p]. Cost: n * d_vocab * d_model, and
    n * d_ffn * d_model per layer.
    """
    norm = llm.final_norm(batch_i, pos)
    matrix, bias = llm.unembedding()
    weights = weights.to(matrix.device, torch.float32)
    directions = _times(weights, matrix)

    def through(parts: torch.Tensor) -> torch.Tensor:
        return norm.linear(parts) @ directions.T

    layers = range(llm.model_info().n_layers)
    constant = (directions @ norm.bias) if isinstance(norm.bias, torch.Tensor) else 0
    return Attribution(
        embedding=through(llm.residual_in(0)[batch_i, pos]),
        heads=torch.stack([through(llm.head_outputs(batch_i, i, pos)) for i in layers]),
        attention_bias=torch.stack([through(llm.attention_bias(batch_i, i, pos)) for i in layers]),
        neurons=torch.stack([through(llm.decomposed_ffn_out(batch_i, i, pos)) for i in layers]),
        ffn_bias=torch.stack([through(llm.ffn_bias(batch_i, i, pos)) for i in layers]),
        constant=constant + weights @ bias,
    )


def token_weights(llm: HFTransparentLlm, tokens: Sequence[int]) -> Float[torch.Tensor, "n vocab"]:
    """Weights for `attribute` that pick single tokens' logits."""
    weights = torch.zeros(len(tokens), llm.model_info().d_vocab)
    weights[torch.arange(len(tokens)), torch.tensor(list(tokens))] = 1
    return weights


def _times(weights: torch.Tensor, matrix: torch.Tensor) -> Float[torch.Tensor, "n d_model"]:
    """weights @ matrix in float32, without a float32 copy of the matrix."""
    total = weights.new_zeros(len(weights), matrix.shape[1])
    for start in range(0, len(matrix), ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        total += weights[:, rows] @ matrix[rows].float()
    return total
