"""Continuous batching: requests with their own grammars, and loud refusals."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import compare_modes
import pytest
import torch
import transformers as tf
from compare_modes import EOS, PAD, constraints

from constrain import hf
from constrain.errors import Unsupported, VocabularyMismatch

WIDTH = 600
SMALL = {"num_blocks": 16, "block_size": 32, "max_batch_tokens": 64}


@pytest.fixture
def model():
    return copy.deepcopy(compare_modes.model("llama", WIDTH))  # attention is switched in place


def config(**more):
    return tf.GenerationConfig(eos_token_id=EOS, pad_token_id=PAD, max_new_tokens=10, **more)


def test_requests_with_their_own_grammars(model):
    prompts = [[5, 6, 7], [8, 9], [10, 11, 12, 13], [14, 15]]
    grammars = [0, 1, None, 1]
    expected = []
    for ids, number in zip(prompts, grammars, strict=True):
        processors = [] if number is None else [hf.LogitsProcessor(constraints(WIDTH)[number])]
        row = model.generate(
            torch.tensor([ids]), generation_config=config(), logits_processor=processors
        )
        expected.append(row[0, len(ids) :].tolist())
    batching = tf.ContinuousBatchingConfig(use_async_batching=False, **SMALL)
    manager = model.init_continuous_batching(config(), batching)
    hf.attach(manager, constraints(WIDTH))
    manager.start()
    try:
        names = [
            manager.add_request(ids, **({} if number is None else {"grammar": number}))
            for ids, number in zip(prompts, grammars, strict=True)
        ]
        results = {}
        while len(results) < len(names):
            result = manager.get_result(timeout=30)
            assert result is not None, "no answer"
            assert result.error is None, result.error
            if result.is_finished():
                results[result.request_id] = result.generated_tokens
    finally:
        manager.stop(block=True)
    assert [results[name] for name in names] == expected


def test_what_is_refused_when_attaching(model):
    manager = model.init_continuous_batching(
        config(), tf.ContinuousBatchingConfig(use_async_batching=True)
    )
    with pytest.raises(Unsupported, match="asynchronous"):
        hf.attach(manager, constraints(WIDTH))
    manager = model.init_continuous_batching(
        config(), tf.ContinuousBatchingConfig(use_async_batching=False, **SMALL)
    )
    with pytest.raises(VocabularyMismatch):
        hf.attach(manager, constraints(WIDTH + 100))


def test_tokens_from_before_a_reset_count():
    state = SimpleNamespace(
        _true_initial_tokens=2,
        initial_tokens=[5, 6, 4 + ord("[")],
        generated_tokens=[4 + ord("1")],
        logit_processor_kwargs={"grammar": 0},
    )
    hook = hf.continuous.GrammarHook(constraints(WIDTH), WIDTH, "cpu", 4)
    rows = hook.prepare_tensor_args([SimpleNamespace(state=state)])
    out = hook(torch.zeros(1, WIDTH), rows)
    allowed = torch.isfinite(out[0]).nonzero().flatten().tolist()
    assert 4 + ord("]") in allowed
    assert 4 + ord("[") not in allowed
