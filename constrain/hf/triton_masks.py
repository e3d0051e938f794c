"""One Triton kernel that applies packed masks to logits on a CUDA device."""

# Triton's language is not Python's, and it is installed on few machines.
# pyright: basic, reportMissingImports=false, reportIndexIssue=false

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, no_type_check

import torch

from constrain.errors import Unsupported

BLOCK = 4096


def usable(scores: torch.Tensor) -> bool:
    """Is there a Triton for this tensor's device?"""
    return scores.is_cuda and find_spec("triton") is not None


def apply(masks: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
    """New scores (rows, width) with -inf where `masks`, int32 (rows, words), has no bit.

    One pass: reads only logits that may stay. Raises Unsupported without CUDA or Triton.
    """
    if not usable(scores):
        raise Unsupported(
            "a Triton kernel", note=f"it needs CUDA tensors and triton, got {scores.device}"
        )
    scores = scores.contiguous()
    out = torch.empty_like(scores)
    rows, width = scores.shape
    grid = (rows, -(-width // BLOCK))
    _kernel()[grid](masks, scores, out, masks.shape[1], width, BLOCK=BLOCK)
    return out


_compiled: list[Any] = []


@no_type_check
def _kernel():
    """The kernel; made on first use, since its decorator needs triton."""
    if _compiled:
        return _compiled[0]
    import triton
    import triton.language as tl

    @triton.jit
    def select(masks, scores, out, words, width, BLOCK: tl.constexpr):
        row = tl.program_id(0).to(tl.int64)
        column = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
        inside = column < width
        word = tl.load(masks + row * words + column // 32, mask=inside, other=0)
        allowed = inside & (((word >> (column % 32)) & 1) != 0)
        x = tl.load(scores + row * width + column, mask=allowed, other=float("-inf"))
        tl.store(out + row * width + column, x, mask=inside)

    _compiled.append(select)
    return select
