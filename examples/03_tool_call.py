"""A tool call after free text: whatever the model says, then a tag, then arguments by a schema."""

from __future__ import annotations

import json

import torch

import constrain
from constrain import hf
from constrain.decoding.budget import within

ARGUMENTS = {
    "type": "object",
    "properties": {"city": {"enum": ["Oslo", "Lima", "Tokyo"]}, "days": {"enum": [1, 3, 7]}},
    "required": ["city", "days"],
    "additionalProperties": False,
}
weather = constrain.Tag("<weather>", constrain.json_schema(ARGUMENTS), "</weather>")
think = constrain.Tag("<think>", constrain.free_text(["</think>"]), "</think>")
answer = constrain.tagged([think]) + constrain.tagged([weather], at_least=1, at_most=1)

model, tokenizer = hf.demo_model()
vocabulary = hf.vocabulary(tokenizer, model)
constraint = constrain.compile(answer, vocabulary)
assert constraint.matches(
    'Hm. <think>warm?</think> So: <weather>{"city":"Lima","days":3}</weather>'
)
assert not constraint.matches("I will not call it.")
assert not constraint.matches('<weather>{"city":"Paris"}</weather>')

limit = 60
processor = hf.LogitsProcessor(within(constraint, limit))  # the call comes before the end does
prompt = tokenizer("Weather in Lima for the week?\n", return_tensors="pt")
torch.manual_seed(0)
rows = model.generate(
    **prompt,
    do_sample=True,
    max_new_tokens=limit,
    logits_processor=[processor],
    num_return_sequences=3,
)
for row in rows[:, prompt["input_ids"].shape[1] :].tolist():
    text = b"".join(vocabulary.tokens[i] or b"" for i in row).decode()
    call = text.split("<weather>")[1].split("</weather>")[0]
    print(repr(text), "->", json.loads(call))
    assert constraint.matches(text)
