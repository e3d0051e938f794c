"""How much each part of a sum contributes to it, as a share of the whole.

A part counts by how much closer it brings the sum: |whole| - |whole - part|, in the L1 norm and
not below a small floor, divided by the sum over all parts (Ferrando et al. 2022, "Measuring the
Mixing of Contextual Information in the Transformer"). Shares are >= 0 and sum to one.
"""

from __future__ import annotations

import torch
from jaxtyping import Float

FLOOR = 1e-5


def contributions(
    parts: Float[torch.Tensor, "*parts *point d_model"],
    whole: Float[torch.Tensor, "*point d_model"],
    norm: float = 1,
) -> Float[torch.Tensor, "*parts *point"]:
    """Share of each part in `whole`; the axes of `parts` beyond those of `whole` come first.

    >>> whole = torch.tensor([4.0, 0.0])
    >>> contributions(torch.tensor([[3.0, 0.0], [1.0, 0.0]]), whole)
    tensor([0.7500, 0.2500])
    """
    parts, whole = parts.float(), whole.float()
    left = torch.linalg.vector_norm(whole - parts, ord=norm, dim=-1)
    closer = (torch.linalg.vector_norm(whole, ord=norm, dim=-1) - left).clamp(min=FLOOR)
    part_axes = tuple(range(parts.ndim - whole.ndim))
    return closer / closer.sum(part_axes, keepdim=True)


def attention_contributions(
    residual_in: Float[torch.Tensor, "query_pos d_model"],
    residual_after_attn: Float[torch.Tensor, "query_pos d_model"],
    decomposed_attn: Float[torch.Tensor, "query_pos key_pos head d_model"],
) -> tuple[
    Float[torch.Tensor, "query_pos key_pos head"],
    Float[torch.Tensor, " query_pos"],
]:
    """Shares of every (source, head), and of what was there before, in the stream after attention.

    A bias of the layer belongs to no part and takes no share.
    """
    parts = decomposed_attn.permute(1, 2, 0, 3).flatten(0, 1)
    shares = contributions(torch.cat([parts, residual_in[None]]), residual_after_attn)
    heads = shares[:-1].unflatten(0, decomposed_attn.shape[1:3])
    return heads.permute(2, 0, 1), shares[-1]


def ffn_contributions(
    residual_before: Float[torch.Tensor, "*any d_model"],
    residual_out: Float[torch.Tensor, "*any d_model"],
    ffn_out: Float[torch.Tensor, "*any d_model"],
) -> tuple[Float[torch.Tensor, "*any"], Float[torch.Tensor, "*any"]]:
    """Shares of the feed-forward layer, and of what was there before, in the layer's output."""
    ffn, residual = contributions(torch.stack([ffn_out, residual_before]), residual_out)
    return ffn, residual


def neuron_contributions(
    residual_before: Float[torch.Tensor, " d_model"],
    residual_out: Float[torch.Tensor, " d_model"],
    decomposed_ffn_out: Float[torch.Tensor, "d_ffn d_model"],
) -> tuple[Float[torch.Tensor, " d_ffn"], Float[torch.Tensor, ""]]:
    """Shares of every neuron, and of what was there before, in a layer's output at one position."""
    shares = contributions(torch.cat([decomposed_ffn_out, residual_before[None]]), residual_out)
    return shares[:-1], shares[-1]


def threshold_and_renormalize(
    threshold: float,
    blocks: Float[torch.Tensor, "*point *parts"],
    residual: Float[torch.Tensor, "*point"],
) -> tuple[Float[torch.Tensor, "*point *parts"], Float[torch.Tensor, "*point"]]:
    """Drop shares below `threshold`; what stays at a point sums to one again.

    >>> threshold_and_renormalize(0.2, torch.tensor([0.1, 0.3]), torch.tensor(0.6))
    (tensor([0.0000, 0.3333]), tensor(0.6667))
    """
    blocks = torch.where(blocks >= threshold, blocks, 0)
    residual = torch.where(residual >= threshold, residual, 0)
    part_axes = tuple(range(residual.ndim, blocks.ndim))
    total = residual + (blocks.sum(part_axes) if part_axes else blocks)
    total = torch.where(total > 0, total, 1)  # nothing stayed here
    return blocks / total.reshape(*total.shape, *(1 for _ in part_axes)), residual / total
