"""Packed masks onto logits: what a mask leaves out becomes -inf, in a new array."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from array_api_compat import array_namespace, device
from numpy.typing import NDArray

from .protocol import Array

ALL = np.uint32(0xFFFFFFFF)


def gather_masks(masks: Sequence[NDArray[np.uint32] | None], width: int) -> NDArray[np.uint32]:
    """One buffer (rows, ceil(width / 32)) of these masks; None allows everything.

    Ids beyond a mask's own vocabulary are not allowed.
    """
    words = (width + 31) // 32
    out = np.zeros((len(masks), words), np.uint32)
    for row, mask in zip(out, masks, strict=True):
        if mask is None:
            row[:] = ALL
        else:
            row[: len(mask)] = mask[:words]
    return out


def apply_masks(words: NDArray[np.uint32], logits: Array) -> Array:
    """New logits (rows, width) with -inf where `words` (rows, ceil(width / 32)) has no bit."""
    xp = array_namespace(logits)
    octets = words.astype("<u4", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=logits.shape[1], bitorder="little")
    allowed = xp.asarray(cast(Any, bits.view(np.bool_)), device=device(logits))
    return xp.where(allowed, logits, xp.full_like(logits, -xp.inf))
