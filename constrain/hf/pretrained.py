"""Any causal language model of transformers by its name, and what a program around it sets."""

from __future__ import annotations

from typing import Any

import torch
import transformers


def load(name: str) -> tuple[Any, Any]:
    """Model and tokenizer from a folder or by hub id."""
    tokenizer: Any = transformers.AutoTokenizer.from_pretrained(name)
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(name)
    return model.eval(), tokenizer


def set_seed(seed: int) -> None:
    """Make what is sampled from now on depend on `seed` alone."""
    torch.manual_seed(seed)


def quiet() -> None:
    """No progress bars and no hints from transformers in this process; errors only."""
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
