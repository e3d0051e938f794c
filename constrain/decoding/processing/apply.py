"""Packed masks onto logits: what a mask leaves out becomes -inf, in a new array.

On the host this is bound by memory, so the two ways differ in what they touch: rows in which
most tokens may come are copied whole and then holes are written; the others are written once,
and read only where a token may come. New arrays come from a pool of those that nobody holds any
more, since fresh memory costs five times as much as the work.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import groupby, pairwise
from threading import Lock
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace, device, is_numpy_array
from numpy.typing import NDArray

from .protocol import Array

Masks: TypeAlias = NDArray[np.uint32]

MOSTLY = 0.75  # of the words of a row allow everything: copy first
MAX_KEPT = 3
SIZE_PER_WORKER = 1 << 22  # logits

FLOATS = {np.dtype(f"f{n}"): np.dtype(f"i{n}") for n in (2, 4, 8)}


class Buffers:
    """Arrays to be handed out again once nobody holds them or a view of them any more.

    Safe between threads. Keeps the last few; all are of the shape asked for last.
    """

    def __init__(self) -> None:
        self._kept: list[NDArray[Any]] = []
        self._lock = Lock()

    def take(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """An array of any content."""
        with self._lock:
            self._kept = [a for a in self._kept if a.shape == shape and a.dtype == dtype]
            for i in range(len(self._kept)):
                if sys.getrefcount(self._kept[i]) == 2:  # the list and this question
                    return self._kept[i]
            fresh = np.empty(shape, dtype)
            self._kept = [*self._kept[1 - MAX_KEPT :], fresh]
            return fresh


def gather_masks(masks: Sequence[Masks | None], width: int, buffers: Buffers) -> Masks:
    """One buffer (rows, ceil(width / 32)) of these masks; None allows everything.

    Ids beyond a mask's own vocabulary are not allowed.
    """
    words = (width + 31) // 32
    out: Masks = buffers.take((len(masks), words), np.dtype(np.uint32))
    for i, mask in enumerate(masks):
        if mask is None:
            out[i] = 0xFFFFFFFF
        elif len(mask) == words:
            out[i] = mask
        else:
            n = min(len(mask), words)
            out[i, :n] = mask[:n]
            out[i, n:] = 0
    return out


def apply_masks(words: Masks, logits: Array, buffers: Buffers, workers: int = 1) -> Array:
    """New logits (rows, width) with -inf where `words` (rows, ceil(width / 32)) has no bit.

    workers: threads for large batches on the host, if there is anything for them to do.
    """
    host = _on_host(logits)
    if host is None:
        return apply_plainly(words, logits)
    out: NDArray[Any] = buffers.take(host.shape, host.dtype)
    integers = FLOATS[host.dtype]
    banned = np.array(-np.inf, host.dtype).view(integers)[()]
    apply_host(words, host.view(integers), out.view(integers), banned, workers)
    return out if is_numpy_array(logits) else array_namespace(logits).from_dlpack(out)


def apply_plainly(words: Masks, logits: Array) -> Array:
    """As `apply_masks`, in the words of the array API, for any device and type."""
    xp = array_namespace(logits)
    octets = words.astype("<u4", copy=False).view(np.uint8)
    bits = np.unpackbits(octets, axis=1, count=logits.shape[1], bitorder="little")
    allowed = xp.asarray(bits.view(np.bool_), device=device(logits))
    return xp.where(allowed, logits, xp.full_like(logits, -xp.inf))


def apply_host(
    words: Masks, logits: NDArray[Any], out: NDArray[Any], banned: Any, workers: int = 1
) -> NDArray[np.bool_]:
    """Write `out` (rows, width); both are signed integers as wide as the floats they stand for.

    `out` may be `logits` themselves; then less memory is touched. Returns which rows have an
    allowed logit other than -inf, whose bits are `banned`.
    """
    alive = np.empty(len(words), np.bool_)
    signed = words.view(np.int32)

    def part(start: int, stop: int) -> None:
        rows = slice(start, stop)
        given = None if out is logits else logits[rows]
        _apply_part(signed[rows], given, out[rows], alive[rows], banned)

    parts = min(workers, len(words), 1 + logits.size // SIZE_PER_WORKER)
    if parts <= 1:
        part(0, len(words))
        return alive
    cuts = [len(words) * i // parts for i in range(parts + 1)]
    jobs = [_pool(workers).submit(part, start, stop) for start, stop in pairwise(cuts)]
    for job in jobs:
        job.result()
    return alive


def _apply_part(
    words: NDArray[np.int32],
    logits: NDArray[Any] | None,  # None: they are in `out`
    out: NDArray[Any],
    alive: NDArray[np.bool_],
    banned: Any,
) -> None:
    from constrain.tokens import _apply_kernels as kernels  # loads numba

    if logits is None:
        kernels.ban_rows(words, out, alive, kernels.BIT, banned)
        return
    counts = np.empty(len(words), np.int64)
    kernels.full_words(words, counts)
    dense = (counts > MOSTLY * words.shape[1]).tolist()
    start = 0
    for copied, rows in groupby(dense):
        stop = start + len(list(rows))
        part = slice(start, stop)
        if copied:
            np.copyto(out[part], logits[part])
            kernels.ban_rows(words[part], out[part], alive[part], kernels.BIT, banned)
        else:
            kernels.select_rows(
                words[part], logits[part], out[part], alive[part], kernels.BIT, banned
            )
        start = stop


@cache
def _pool(workers: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(workers, "constrain-apply")


def _on_host(logits: Array) -> NDArray[Any] | None:
    """The logits as a contiguous numpy array sharing their memory, where that can be."""
    if not is_numpy_array(logits):
        if str(device(logits)) != "cpu":
            return None
        try:
            logits = np.from_dlpack(logits)
        except (BufferError, RuntimeError, TypeError):  # a type that numpy has not, or gradients
            return None
    array: NDArray[Any] = logits
    return array if array.dtype in FLOATS and array.flags.c_contiguous else None
