"""What programs draw from: plain distributions, tokens, and texts that grow."""

from constrain.lm.distributions import (
    Bernoulli,
    Categorical,
    Choice,
    Delta,
    Distribution,
    Geometric,
    LogCategorical,
)

from .context import LMContext, LMNextToken, LMTokenMask, Transformer
from .masks import TokenMask
from .tokens import Token, TokenCategorical, TokenSequence

__all__ = [
    "Bernoulli",
    "Categorical",
    "Choice",
    "Delta",
    "Distribution",
    "Geometric",
    "LMContext",
    "LMNextToken",
    "LMTokenMask",
    "LogCategorical",
    "Token",
    "TokenCategorical",
    "TokenMask",
    "TokenSequence",
    "Transformer",
]
