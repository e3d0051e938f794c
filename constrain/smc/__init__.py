"""Inference: weighted texts and programs, with their evidence."""

from . import critics
from .api import METHODS, run, sample, sample_through
from .future import FutureMass, bigrams, future_mass
from .modeling import Model, SubModel, submodel
from .progress import ProgressBar
from .resampling import RESAMPLERS
from .result import Result
from .target import Critic, Target, target
from .warning import InferenceWarning

__all__ = [
    "METHODS",
    "RESAMPLERS",
    "Critic",
    "FutureMass",
    "InferenceWarning",
    "Model",
    "ProgressBar",
    "Result",
    "SubModel",
    "Target",
    "bigrams",
    "critics",
    "future_mass",
    "run",
    "sample",
    "sample_through",
    "submodel",
    "target",
]
