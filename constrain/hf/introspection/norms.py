"""Norms taken at one point, where they are linear: the mean and the spread stay as they were.

This is what lets a sum of parts pass through a norm: norm(x) == sum(frozen.linear(part)) + bias.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float

from .architectures import NormParts


@dataclass(frozen=True, eq=False)
class FrozenNorm:
    scale: Float[torch.Tensor, "*any d_model"]
    bias: torch.Tensor | float
    centered: bool

    def linear(self, part: Float[torch.Tensor, "*more d_model"]) -> torch.Tensor:
        """What the norm makes of one part of its input; parts of a sum become parts of the sum."""
        part = part.float()
        if self.centered:
            part = part - part.mean(-1, keepdim=True)
        return part * self.scale


def freeze(
    norm: Any, x: Float[torch.Tensor, "*any d_model"], read: Callable[[Any], NormParts]
) -> FrozenNorm:
    """The norm as a linear map that is exact at `x`, in float32."""
    parts = read(norm)
    x = x.float()
    around = x - x.mean(-1, keepdim=True) if parts.centered else x
    spread = (around.square().mean(-1, keepdim=True) + parts.eps).rsqrt()
    gain, bias = (p.detach().float() if isinstance(p, torch.Tensor) else p
                  for p in (parts.gain, parts.bias))  # fmt: skip
    return FrozenNorm(spread * gain, bias, parts.centered)
