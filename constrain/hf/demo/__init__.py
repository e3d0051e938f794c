"""A tiny language model that ships with the package, to try constraints on without a download.

1.27 million parameters, trained by `train` on text that `corpus` makes: JSON records after a
request, facts from a sentence as JSON, SQL, CSV, dates, arithmetic, short English sentences.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from importlib.resources import as_file, files

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging


def demo_model() -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Return (model, tokenizer): float32, on the CPU, in evaluation mode; fresh at every call."""
    with as_file(files(__name__)) as folder, _no_progress_bar():
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, local_files_only=True
        )
    return model.eval(), tokenizer


@contextmanager
def _no_progress_bar() -> Generator[None]:
    """Reading two megabytes needs none."""
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    yield
    if shown:
        logging.enable_progress_bar()
