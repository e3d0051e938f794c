"""Inner loops of applying packed masks to logits, beside `_kernels`, which they do not need.

Logits come as integers of their own width, so that every float type is served; what is written
for a token that may not come is the bit pattern of -inf. Most words of a mask are all 0 or all
1, in long runs: these are filled and copied in one go. All numbers are signed, which is what the
compiler makes wide instructions of.
"""

from __future__ import annotations

from typing import Any, no_type_check

import numpy as np
from numba import njit

RUN = 16
"""Words of 0 or 1 alone that are worth a fill or a copy of their own."""

BIT = (1 << np.arange(32, dtype=np.uint32)).view(np.int32)

kernel = njit(cache=True, nogil=True)


@kernel
@no_type_check
def full_words(
    words: Any,  # int32 [rows, ceil(width / 32)]
    counts: Any,  # int64 [rows]: how many words of the row allow everything
):
    for r in range(len(words)):
        n = 0
        for i in range(words.shape[1]):
            n += words[r, i] == -1
        counts[r] = n


@njit(nogil=True)
@no_type_check
def _select(mask: Any, x: Any, y: Any, bit: Any, banned: Any):
    """Whole words, whatever they are. A function of its own: so the compiler makes it wide."""
    for i in range(len(mask)):
        word = mask[i]
        for k in range(32):
            y[32 * i + k] = x[32 * i + k] if word & bit[k] else banned


@njit(nogil=True)
@no_type_check
def _finite(mask: Any, y: Any, bit: Any, banned: Any):
    """Is there an allowed logit other than -inf?"""
    for i in range(len(mask)):
        if mask[i]:
            for k in range(32 * i, min(32 * i + 32, len(y))):
                if y[k] != banned and mask[i] & bit[k - 32 * i]:
                    return True
    return False


@kernel
@no_type_check
def select_rows(
    words: Any,  # int32 [rows, ceil(width / 32)]
    logits: Any,  # signed [rows, width]
    out: Any,  # as logits: all of it is written
    alive: Any,  # bool [rows]: is an allowed logit other than -inf?
    bit: Any,  # int32 [32]: 1 << k
    banned: Any,  # as logits: -inf
):
    width = logits.shape[1]
    whole = width // 32
    for r in range(len(words)):
        x, y, mask = logits[r], out[r], words[r]
        i, done = 0, 0  # words looked at, words written
        while done < whole:
            j = i
            while j < whole and mask[j] == mask[i]:
                j += 1
            long_run = j - i >= RUN and (mask[i] == 0 or mask[i] == -1)
            if i > done and (long_run or i == whole):
                _select(mask[done:i], x[32 * done : 32 * i], y[32 * done : 32 * i], bit, banned)
                done = i
            if long_run:
                if mask[i] == 0:
                    y[32 * i : 32 * j] = banned
                else:
                    y[32 * i : 32 * j] = x[32 * i : 32 * j]
                done = j
            i = j
        for k in range(32 * whole, width):
            y[k] = x[k] if mask[whole] & bit[k - 32 * whole] else banned
        alive[r] = _finite(mask, y, bit, banned)


@njit(nogil=True)
@no_type_check
def _ban(mask: Any, y: Any, bit: Any, banned: Any):
    """As `_select`, in place; words that allow everything are not touched."""
    for i in range(len(mask)):
        word = mask[i]
        if word != -1:
            for k in range(32):
                y[32 * i + k] = y[32 * i + k] if word & bit[k] else banned


@kernel
@no_type_check
def ban_rows(
    words: Any,  # int32 [rows, ceil(width / 32)]
    out: Any,  # signed [rows, width]: only what may not come is written
    alive: Any,  # bool [rows]
    bit: Any,  # int32 [32]
    banned: Any,  # as out: -inf
):
    width = out.shape[1]
    whole = width // 32
    for r in range(len(words)):
        y, mask = out[r], words[r]
        i, done = 0, 0
        while done < whole:
            j = i
            while j < whole and mask[j] == mask[i]:
                j += 1
            empty = j - i >= RUN and mask[i] == 0
            if i > done and (empty or i == whole):
                _ban(mask[done:i], y[32 * done : 32 * i], bit, banned)
                done = i
            if empty:
                y[32 * i : 32 * j] = banned
                done = j
            i = j
        for k in range(32 * whole, width):
            if not mask[whole] & bit[k - 32 * whole]:
                y[k] = banned
        alive[r] = _finite(mask, y, bit, banned)
