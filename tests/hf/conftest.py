"""The demo model, loaded once."""

from __future__ import annotations

import pytest
import torch

from constrain import hf


@pytest.fixture(scope="session")
def demo():
    """(model, tokenizer, vocabulary)"""
    torch.set_num_threads(1)
    model, tokenizer = hf.demo_model()
    return model, tokenizer, hf.vocabulary(tokenizer, model)
