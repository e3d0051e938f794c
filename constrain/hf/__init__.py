"""Hugging Face transformers: the only folder that imports torch."""

from .chain_processor import ChainProcessor
from .demo import demo_model
from .device import DeviceProcessor
from .generate import Generated, generate
from .processor import LogitsProcessor
from .vocabulary import vocabulary

__all__ = [
    "ChainProcessor",
    "DeviceProcessor",
    "Generated",
    "LogitsProcessor",
    "demo_model",
    "generate",
    "vocabulary",
]
