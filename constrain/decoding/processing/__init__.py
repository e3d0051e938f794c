"""Logits processors with explicit state: grammars, and what else shapes a distribution."""

from .chain import Chain, Step
from .grammar import GrammarProcessor
from .masses import log_mass, log_prob, log_sum
from .protocol import Array, Context, Critic, Processor, Role, Stateless
from .rows import PerRow, join, take

__all__ = [
    "Array",
    "Chain",
    "Context",
    "Critic",
    "GrammarProcessor",
    "PerRow",
    "Processor",
    "Role",
    "Stateless",
    "Step",
    "join",
    "log_mass",
    "log_prob",
    "log_sum",
    "take",
]
