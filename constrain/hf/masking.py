"""Packed masks onto tensors of logits, on the host by kernels and on a GPU by Triton."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from constrain.decoding.processing.apply import Buffers, Masks, apply_host

from . import triton_masks

INTEGERS = {
    torch.float16: torch.int16,
    torch.bfloat16: torch.int16,
    torch.float32: torch.int32,
    torch.float64: torch.int64,
}

MINUS_INFINITY = {
    dtype: torch.tensor(-torch.inf, dtype=dtype).view(integers).numpy()[()]
    for dtype, integers in INTEGERS.items()
}  # its bits


def apply_masks(
    words: Masks, scores: torch.Tensor, buffers: Buffers, in_place: bool = False
) -> tuple[torch.Tensor, NDArray[np.bool_]]:
    """(new scores with -inf where `words` has no bit, which rows have anything else left).

    words uint32 (rows, ceil(width / 32)), scores (rows, width). On the host as many threads work
    on a large batch as torch uses. in_place: the given scores may be overwritten.
    """
    if scores.device.type == "cpu" and scores.dtype in INTEGERS:
        return _on_host(words, scores, buffers, in_place)
    masks = torch.from_numpy(words.view(np.int32)).to(scores.device, non_blocking=True)
    apply = triton_masks.apply if triton_masks.usable(scores) else apply_plainly
    out = apply(masks, scores)
    return out, (out.amax(dim=-1) > -torch.inf).cpu().numpy()


def apply_plainly(masks: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """As the kernels do, in torch's own operations; masks int32 on the device of the scores."""
    shifts = torch.arange(32, device=masks.device, dtype=torch.int32)
    bits = (masks.unsqueeze(-1) >> shifts) & 1
    allowed = bits.flatten(1)[:, : scores.shape[1]].bool()
    return torch.where(allowed, scores, torch.full_like(scores, -torch.inf))


def _on_host(
    words: Masks, scores: torch.Tensor, buffers: Buffers, in_place: bool
) -> tuple[torch.Tensor, NDArray[np.bool_]]:
    integers = INTEGERS[scores.dtype]
    given: NDArray[Any] = scores.detach().contiguous().view(integers).numpy()
    out: NDArray[Any] = given if in_place else buffers.take(given.shape, given.dtype)
    banned = MINUS_INFINITY[scores.dtype]
    alive = apply_host(words, given, out, banned, torch.get_num_threads())
    return torch.from_numpy(out).view(scores.dtype), alive


def pack(token_ids: Iterable[int], vocab: int) -> Masks:
    """The mask, `vocab` tokens wide, that allows exactly these tokens.

    >>> pack([0, 33], 40)
    array([1, 2], dtype=uint32)
    """
    mask = np.zeros((vocab + 31) // 32, np.uint32)
    for token_id in token_ids:
        mask[token_id // 32] |= np.uint32(1 << token_id % 32)
    return mask
