"""Hugging Face transformers: the only folder that imports torch."""

from .chain_processor import ChainProcessor
from .continuous import attach
from .demo import demo_model
from .device import DeviceProcessor
from .fast_forward import FastForwarded, fast_forward
from .generate import Generated, generate
from .language_model import HFLanguageModel
from .processor import LogitsProcessor
from .vocabulary import vocabulary

__all__ = [
    "ChainProcessor",
    "DeviceProcessor",
    "FastForwarded",
    "Generated",
    "HFLanguageModel",
    "LogitsProcessor",
    "attach",
    "demo_model",
    "fast_forward",
    "generate",
    "vocabulary",
]
