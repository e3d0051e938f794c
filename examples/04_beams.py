"""The best texts of a grammar by beam search, and what they are worth to the model itself."""

from __future__ import annotations

import constrain
from constrain import hf

GRAMMAR = """
start: term (" + " term)* " = " NUMBER
term: NUMBER
NUMBER: /[0-9]{1,2}/
"""

model, tokenizer = hf.demo_model()
out = hf.generate(
    model,
    tokenizer,
    "",
    constrain.cfg(GRAMMAR),
    num_beams=6,
    num_return_sequences=4,
    complete=True,
    max_new_tokens=12,
)
sums = constrain.compile(constrain.cfg(GRAMMAR), hf.vocabulary(tokenizer, model))
for text, log_weight in zip(out.texts, out.log_weights, strict=True):
    print(f"{text:16} log-mass of the grammar along it {log_weight:7.2f}")
    assert sums.matches(text)
assert len(set(out.texts)) == 4
