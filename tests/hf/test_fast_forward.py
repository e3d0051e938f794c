"""Forced tokens without the model: the same texts for fewer calls."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from replay import allowed_ids

import constrain
from constrain import hf
from constrain.errors import LimitExceeded

FIELDS = {"name": {"type": "string"}, "age": {"type": "integer", "maximum": 99, "minimum": 0}}
PERSON = {
    "type": "object",
    "properties": FIELDS,
    "required": ["name", "age"],
    "additionalProperties": False,
}
PROMPT = "Mei Tanaka is 34 years old and lives in Oslo.\nKeys: name, age\nJSON:\n"


def slowly(model, ids, constraint) -> list[int]:
    """The slow twin: all tokens through the model at every choice, and no cache."""
    state, tokens = constraint.init(), []
    while not constraint.is_terminal(state):
        new = constraint.forced(state)
        if not new:
            with torch.no_grad():
                logits = model(torch.tensor([ids + tokens])).logits[0, -1]
            allowed = torch.tensor(allowed_ids(constraint, tokens))
            new = [int(allowed[logits[allowed].argmax()])]
        for token in new:
            state = constraint.advance(state, token)
        tokens += new
    return tokens[:-1]


def test_greedy_texts_take_fewer_calls(demo):
    model, tokenizer, vocabulary = demo
    grammar = constrain.regex(r'\{"first name": "[A-Z][a-z]+", "age in years": [0-9]{1,2}\}')
    prompt = PROMPT.replace("name, age", "first name, age in years")
    fast = hf.fast_forward(model, tokenizer, prompt, grammar)
    person = json.loads(fast.text)
    assert list(person) == ["first name", "age in years"]
    assert fast.calls < len(fast.tokens) / 2
    assert tokenizer.decode(fast.tokens) == fast.text
    constraint = constrain.compile(grammar, vocabulary)
    assert fast.tokens == slowly(model, tokenizer(prompt)["input_ids"], constraint)


def test_what_is_forced_is_spelled_as_the_tokenizer_does(demo):
    model, tokenizer, vocabulary = demo
    text = "the whole text, known ahead"
    fast = hf.fast_forward(model, tokenizer, PROMPT, constrain.literal(text))
    assert fast.tokens == list(vocabulary.encode(text))
    assert fast.calls == 0
    assert fast.text == text


@pytest.mark.parametrize("seed", range(3))
def test_drawn_texts_fit(demo, seed):
    model, tokenizer, vocabulary = demo
    constraint = constrain.compile(constrain.json_schema(PERSON), vocabulary)
    fast = hf.fast_forward(model, tokenizer, PROMPT, constraint, temperature=1.0, seed=seed)
    assert constraint.matches(fast.text)
    again = hf.fast_forward(model, tokenizer, PROMPT, constraint, temperature=1.0, seed=seed)
    assert again == fast


def test_one_step_draws_from_the_masked_distribution(demo):
    model, tokenizer, _ = demo
    letters = constrain.choice(["a", "b"])
    drawn = [
        hf.fast_forward(model, tokenizer, "x", letters, temperature=1.0, seed=seed).text
        for seed in range(60)
    ]
    weights = [hf.generate(model, tokenizer, "x", constrain.literal(t)) for t in "ab"]
    first = np.exp([w.log_masses[0][0] for w in weights])
    assert abs(drawn.count("a") / 60 - first[0] / first.sum()) < 0.2


def test_texts_that_do_not_end(demo):
    model, tokenizer, _ = demo
    with pytest.raises(LimitExceeded, match="max_new_tokens"):
        hf.fast_forward(model, tokenizer, "x", constrain.regex("[a-z]{40,}"), max_new_tokens=5)
