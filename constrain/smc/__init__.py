"""Inference: weighted texts and programs, with their evidence."""

from .api import METHODS, sample
from .future import FutureMass, bigrams, future_mass
from .resampling import RESAMPLERS
from .result import Result
from .target import Critic, Target, target

__all__ = [
    "METHODS",
    "RESAMPLERS",
    "Critic",
    "FutureMass",
    "Result",
    "Target",
    "bigrams",
    "future_mass",
    "sample",
    "target",
]
