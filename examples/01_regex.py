"""A date from a language model, by a regular expression. Runs in seconds, downloads nothing."""

from __future__ import annotations

import datetime
import math

import constrain
from constrain import hf

model, tokenizer = hf.demo_model()
date = constrain.regex(r"[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")

out = hf.generate(model, tokenizer, "Date: 5 March 2024\nISO:\n", date)
print(out.texts[0])
print(f"probability that the model left to such texts: {math.exp(out.log_weights[0]):.3f}")
assert datetime.date.fromisoformat(out.texts[0]) == datetime.date(2024, 3, 5)

# The same by hand: a state is a value, so going back is keeping the old one.
constraint = constrain.compile(date, hf.vocabulary(tokenizer, model))
start = constraint.init()
state = constraint.advance_bytes(start, b"2024-1")
print("after 2024-1 may come:", constraint.expected(state))
assert not constraint.accepts(state)
assert constraint.accepts(constraint.advance_bytes(state, b"2-31"))
assert constraint.matches("2024-12-31")
assert not constraint.matches("2024-13-01")
