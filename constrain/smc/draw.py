"""One token for each particle: mask, log-mass and draw in one pass over the rows.

A row of log-probabilities becomes weights exp(row) * guide, where the guide is 0 for a forbidden
token, and 1 or a twist for another. Sums are taken in blocks, so that finding the token of a
uniform number costs a search among block sums and one inside a block.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .weights import Floats, Ints

BLOCK = 256


@dataclass(frozen=True, eq=False)
class Weighted:
    """Rows of weights. `blocks` float[n, blocks, BLOCK] padded with 0; `totals` running sums."""

    blocks: NDArray[Any]
    totals: Floats  # float64[n, blocks]
    log_scale: Floats  # float64[n]: the weights are these times exp(log_scale)

    @property
    def log_mass(self) -> Floats:
        """log of each row's sum, nats; -inf where nothing is allowed."""
        with np.errstate(divide="ignore"):
            return np.log(self.totals[:, -1]) + self.log_scale

    def log_weight(self, rows: Ints, tokens: Ints) -> Floats:
        """log of the weight of one token in each of some rows."""
        with np.errstate(divide="ignore"):
            block, place = np.divmod(tokens, BLOCK)
            return np.log(self.blocks[rows, block, place]) + self.log_scale[rows]

    def draw(self, rows: Ints, u: Floats) -> Ints:
        """For each uniform number, a token of its row by inversion; never one of weight 0."""
        totals = self.totals[rows]
        points = u * totals[:, -1]
        last = self._last_used(rows)
        block = np.minimum((totals <= points[:, None]).sum(-1), last)
        before = np.where(block > 0, np.take_along_axis(totals, block[:, None] - 1, 1)[:, 0], 0.0)
        inside = np.cumsum(self.blocks[rows, block], -1, dtype=np.float64)
        place = (inside <= (points - before)[:, None]).sum(-1)
        tokens = block * BLOCK + np.minimum(place, BLOCK - 1)
        return self._onto_weight(rows, tokens)

    def _last_used(self, rows: Ints) -> Ints:
        """The last block of each row that has any weight."""
        totals = self.totals[rows]
        return (totals < totals[:, -1:]).sum(-1)

    def _onto_weight(self, rows: Ints, tokens: Ints) -> Ints:
        """Rounding may land behind the last token of a block; step back onto one with weight."""
        block, place = np.divmod(tokens, BLOCK)
        for i in np.flatnonzero(~(self.blocks[rows, block, place] > 0)):
            row = self.blocks[rows[i]].reshape(-1)
            below = np.flatnonzero(row[: tokens[i] + 1] > 0)
            tokens[i] = below[-1] if len(below) else np.flatnonzero(row > 0)[0]
        return tokens


def weigh(logits: NDArray[Any], guide: NDArray[Any], *, normalized: bool = True) -> Weighted:
    """Rows of log-probabilities [n, vocab] and of a guide [n, vocab] -> weights.

    normalized: the rows are log-probabilities; otherwise logits, and they are normalised here,
        in the same pass. All in the precision of the model, sums over blocks in float64; a row
        whose weights all underflow is scaled up first.
    """
    n, vocab = logits.shape
    n_blocks = -(-vocab // BLOCK)
    flat = np.zeros((n, n_blocks * BLOCK), logits.dtype)
    inside, blocks = flat[:, :vocab], flat.reshape(n, n_blocks, BLOCK)
    log_total = np.zeros(n)
    if normalized:
        np.exp(logits, out=inside)
        log_scale = np.zeros(n)
    else:
        top = logits.max(-1)
        np.subtract(logits, top[:, None], out=inside)
        np.exp(inside, out=inside)
        log_scale = -np.log(blocks.sum(-1).sum(-1, dtype=np.float64))
        log_total = top - log_scale
    np.multiply(inside, guide, out=inside)
    sums = blocks.sum(-1)
    for i in np.flatnonzero(~(sums.sum(-1) > np.finfo(flat.dtype).tiny)):
        log_scale[i] = _rescue(logits[i] - log_total[i], guide[i], inside[i])
        sums[i] = blocks[i].sum(-1)
    return Weighted(blocks, np.cumsum(sums, -1, dtype=np.float64), log_scale)


def _rescue(log_probs: NDArray[Any], guide: NDArray[Any], out: NDArray[Any]) -> float:
    """Weights of a row relative to its largest, written to `out`; the log of that largest."""
    with np.errstate(divide="ignore"):
        logs = log_probs.astype(np.float64) + np.log(guide.astype(np.float64))
    top = float(logs.max(initial=-np.inf))
    if top == -np.inf:
        out[:] = 0
        return 0.0
    out[:] = np.exp(logs - top)
    return top
