"""Packed masks onto logits: one cached row of 0 and -inf per mask, added."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

MAX_ROWS = 64

BITS = np.where(
    np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little"),
    np.float32(0.0),
    np.float32(-np.inf),
)  # byte of a mask -> what to add to its 8 logits


class BiasRows:
    """mask -> a tensor (width,) that is 0 where a token is allowed and -inf elsewhere.

    Ids beyond the vocabulary are not allowed. Keeps the rows used last, by the mask's content.
    """

    def __init__(self, vocab: int, max_rows: int = MAX_ROWS):
        self._vocab = vocab
        self._max_rows = max_rows
        self._rows: OrderedDict[tuple[object, ...], torch.Tensor] = OrderedDict()

    def row(self, mask: NDArray[np.uint32], like: torch.Tensor) -> torch.Tensor:
        """The row for logits shaped (..., width) as `like`, of its dtype and on its device."""
        width = like.shape[-1]
        key = (mask.tobytes(), width, like.dtype, like.device)
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = unpack(mask, self._vocab, width).to(like.device, like.dtype)
            if len(self._rows) > self._max_rows:
                self._rows.popitem(last=False)
        else:
            self._rows.move_to_end(key)
        return row


def unpack(mask: NDArray[np.uint32], vocab: int, width: int) -> torch.Tensor:
    """Return float32 (width,): 0 for the tokens below `vocab` that the mask allows, else -inf.

    >>> unpack(np.array([0b101], np.uint32), 3, 4)
    tensor([0., -inf, 0., -inf])
    """
    row = np.full(width, -np.inf, np.float32)
    octets = mask.astype("<u4", copy=False).view(np.uint8)
    row[:vocab] = BITS[octets].reshape(-1)[:vocab]
    return torch.from_numpy(row)


def pack(token_ids: Iterable[int], vocab: int) -> NDArray[np.uint32]:
    """The mask, `vocab` tokens wide, that allows exactly these tokens.

    >>> pack([0, 33], 40)
    array([1, 2], dtype=uint32)
    """
    mask = np.zeros((vocab + 31) // 32, np.uint32)
    for token_id in token_ids:
        mask[token_id // 32] |= np.uint32(1 << token_id % 32)
    return mask
