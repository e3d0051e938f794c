"""Language models as state machines, keys for randomness, distributions."""

from .keys import Key
from .markov import NGramModel, TabularModel
from .protocol import LanguageModel, Request

__all__ = ["Key", "LanguageModel", "NGramModel", "Request", "TabularModel"]
