"""JSON that a pydantic model accepts, and that is never cut off."""

from __future__ import annotations

import torch
from pydantic import BaseModel, Field

import constrain
from constrain import hf


class Person(BaseModel):
    name: str = Field(min_length=1)
    age: int = Field(ge=0, le=150)
    city: str


model, tokenizer = hf.demo_model()
torch.manual_seed(0)
out = hf.generate(
    model,
    tokenizer,
    "Mei Tanaka is 34 years old and lives in Oslo.\nKeys: name, age, city\nJSON:\n",
    constrain.json_schema(Person),
    complete=True,  # what could not be finished within max_new_tokens is not begun
    max_new_tokens=40,
    do_sample=True,
    top_k=0,
    num_return_sequences=4,
)
for text, log_weight in zip(out.texts, out.log_weights, strict=True):
    person = Person.model_validate_json(text)
    print(f"{log_weight:8.2f}  {person!r}")
assert all(out.finished)
