"""A batch in which every row has a grammar of its own, in one call."""

from __future__ import annotations

import json

import constrain
from constrain import hf

FIELDS = {
    "name": {"type": "string", "minLength": 1},
    "age": {"type": "integer", "minimum": 18, "maximum": 99},
    "member": {"type": "boolean"},
}


def schema(*names: str) -> constrain.Grammar:
    return constrain.json_schema(
        {
            "type": "object",
            "properties": {name: FIELDS[name] for name in names},
            "required": list(names),
            "additionalProperties": False,
        }
    )


keys = [["name"], ["age", "member"], ["name", "age"]]
prompts = [f"Person as JSON with keys {', '.join(names)}:\n" for names in keys]
grammars = [schema(*names) for names in keys]

model, tokenizer = hf.demo_model()
out = hf.generate(model, tokenizer, prompts, grammars, complete=True, max_new_tokens=50)
for names, text in zip(keys, out.texts, strict=True):
    print(text)
    assert list(json.loads(text)) == names
