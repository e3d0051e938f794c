"""Probabilities in log space, exact in float64."""

from __future__ import annotations

from array_api_compat import array_namespace

from .protocol import Array


def log_sum(logits: Array) -> Array:
    """log of the sum of exp over the last axis, float64; -inf where all are -inf. Never NaN there.

    logits (..., vocab) -> (...)
    """
    xp = array_namespace(logits)
    wide = xp.astype(logits, xp.float64)
    top = xp.max(wide, axis=-1, keepdims=True)
    shift = xp.where(xp.isfinite(top), top, xp.zeros_like(top))
    total = xp.sum(xp.exp(wide - shift), axis=-1)
    dead = total == 0
    logs = xp.log(xp.where(dead, xp.ones_like(total), total)) + shift[..., 0]
    return xp.where(dead, xp.full_like(logs, -xp.inf), logs)


def log_mass(before: Array, after: Array) -> Array:
    """log of the part of the probability that is left, float64 (rows,), in nats.

    -inf for a row with nothing left, also where there was nothing before.
    """
    xp = array_namespace(before)
    left = log_sum(after)
    gone = left == -xp.inf
    zero = xp.zeros_like(left)
    return xp.where(gone, left, xp.where(gone, zero, left) - xp.where(gone, zero, log_sum(before)))


def log_prob(logits: Array, token_ids: Array) -> Array:
    """log-probability of one token per row, float64 (rows,); -inf in a row with nothing left."""
    xp = array_namespace(logits)
    chosen = xp.take_along_axis(logits, token_ids[:, None], axis=-1)[:, 0]
    chosen = xp.astype(chosen, xp.float64)
    total = log_sum(logits)
    gone = total == -xp.inf
    return xp.where(gone, total, chosen - xp.where(gone, xp.zeros_like(total), total))
