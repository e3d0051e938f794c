"""Logits processors with explicit state: grammars, and what else shapes a distribution."""

from .bans import BadWords, Force, MaxLength, MinLength, Suppress
from .chain import Chain, Step
from .grammar import GrammarProcessor
from .masses import log_mass, log_prob, log_sum
from .protocol import Array, Context, Critic, Processor, Role, Stateless
from .rows import PerRow, join, take
from .warpers import MinP, RepetitionPenalty, Temperature, TopK, TopP

__all__ = [
    "Array",
    "BadWords",
    "Chain",
    "Context",
    "Critic",
    "Force",
    "GrammarProcessor",
    "MaxLength",
    "MinLength",
    "MinP",
    "PerRow",
    "Processor",
    "RepetitionPenalty",
    "Role",
    "Stateless",
    "Step",
    "Suppress",
    "Temperature",
    "TopK",
    "TopP",
    "join",
    "log_mass",
    "log_prob",
    "log_sum",
    "take",
]
