"""Inference through `generate`, on a small model and on the built-in one."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
import transformers

import constrain
from constrain.errors import Unsupported
from constrain.hf.inference import PosteriorGenerate
from constrain.hf.language_model import HFLanguageModel
from constrain.smc.api import sample

V = 12
VOCABULARY = constrain.Vocabulary([*(bytes([97 + i]) for i in range(V - 1)), None], [V - 1])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = transformers.GPT2Config(vocab_size=V, n_embd=16, n_layer=1, n_head=2, n_positions=32)
    made = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        made.get_output_embeddings().weight.mul_(6)
    return made


def generate(model, ids, how, **options):
    return model.generate(
        ids, attention_mask=torch.ones_like(ids), custom_generate=how, do_sample=True, top_k=0,
        eos_token_id=V - 1, pad_token_id=V - 1, max_new_tokens=6, **options,
    )  # fmt: skip


def test_rows_are_drawn_from_the_posterior(model):
    constraint = constrain.compile(constrain.regex("(ab|ba|c){1,2}"), VOCABULARY)
    how = PosteriorGenerate(constraint, n_particles=64, rng=3)
    ids = torch.tensor([[1, 2], [3, 4]])
    out = generate(model, ids, how, num_return_sequences=150, return_dict_in_generate=True)
    assert out.sequences.shape[0] == 300
    assert torch.equal(out.sequences[::150, :2], ids)
    lm = HFLanguageModel(model, vocabulary=VOCABULARY)
    for i, prompt in enumerate(ids.tolist()):
        exact = sample(lm, prompt, constraint, method="enumeration", max_tokens=5, n_particles=99)
        assert out.results[i].log_evidence == pytest.approx(exact.log_evidence, abs=0.6)
        rows = out.sequences[150 * i : 150 * (i + 1), 2:].tolist()
        texts = [bytes(97 + t for t in row if t != V - 1).decode() for row in rows]
        assert all(map(constraint.matches, texts))
        posterior = out.results[i].posterior()
        best = max(posterior, key=posterior.get)
        assert abs(texts.count(best) / 150 - posterior[best]) < 4 * math.sqrt(0.25 / 150)
    again = generate(model, ids, PosteriorGenerate(constraint, n_particles=64, rng=3))
    assert again.shape[0] == 2


def test_what_would_change_the_target_is_refused(model):
    constraint = constrain.compile(constrain.regex("a+"), VOCABULARY)
    with pytest.raises(Unsupported, match="Temperature"):
        generate(model, torch.tensor([[1]]), PosteriorGenerate(constraint), temperature=0.5)


def test_the_built_in_model_under_a_schema(demo):
    """Posterior mean of a field against exact draws; masking alone is visibly off."""
    hf_model, tokenizer, vocabulary = demo
    schema = {
        "type": "object",
        "properties": {
            "age": {"type": "integer", "minimum": 1, "maximum": 99},
            "city": {"enum": ["Oslo", "Lima"]},
        },
        "required": ["age", "city"],
        "additionalProperties": False,
    }
    grammar = constrain.json_schema(schema)
    constraint = constrain.compile(grammar, vocabulary)
    lm = HFLanguageModel(hf_model, tokenizer, vocabulary=vocabulary)
    prompt = tokenizer("Person as JSON with keys age, city:\n")["input_ids"]
    options = {"max_tokens": 40, "rng": 2}
    found = sample(lm, prompt, constraint, n_particles=64, **options)
    masked = sample(lm, prompt, constraint, n_particles=300, method="importance", **options)
    exact = sample(lm, prompt, constraint, n_particles=300, method="cars", **options)

    def in_lima(text):
        return float(json.loads(text)["city"] == "Lima")

    (mean, error), (truth, exact_error) = found.mean(in_lima), exact.mean(in_lima)
    assert abs(mean - truth) < 3 * math.hypot(error, exact_error)
    assert error < 0.25
    unweighted = np.mean([in_lima(text) for text in masked.texts if text.endswith("}")])
    assert abs(unweighted - truth) > 4 * math.hypot(0.5 / math.sqrt(300), exact_error)
