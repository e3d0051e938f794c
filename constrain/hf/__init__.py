"""Hugging Face transformers: the only folder that imports torch."""

from .demo import demo_model
from .generate import Generated, generate
from .processor import LogitsProcessor
from .vocabulary import vocabulary

__all__ = ["Generated", "LogitsProcessor", "demo_model", "generate", "vocabulary"]
