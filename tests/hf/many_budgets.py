"""Sampled generations with budgets from tight to loose: every text is whole and valid.

    python tests/hf/many_budgets.py --rows 10

Over 20 schemas and five budgets each, that many rows from random models.
"""

from __future__ import annotations

import argparse
import json
from functools import cache

import compare_modes
import jsonschema
import torch
import transformers as tf

import constrain
from constrain.decoding.budget import within
from constrain.hf import LogitsProcessor

WIDTH = 2000
STRING, INTEGER, YES = {"type": "string"}, {"type": "integer"}, {"type": "boolean"}


def record(**properties) -> dict:
    required = list(properties)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


SCHEMAS: list[dict] = [
    STRING,
    INTEGER,
    {"type": "number"},
    {"enum": ["low", "medium", "high", 3]},
    {"type": ["boolean", "null"]},
    {"type": "array", "items": INTEGER},
    {"type": "array", "items": YES, "minItems": 3, "maxItems": 5},
    {"type": "string", "pattern": "^[a-z]{2,5}-\\d+$"},
    {"type": "integer", "minimum": 10, "maximum": 200},
    record(name=STRING),
    record(name=STRING, age=INTEGER),
    record(a=YES, b=YES, c=INTEGER),
    {**record(a=STRING, b=STRING), "required": ["a"]},
    record(point=record(x=INTEGER, y=INTEGER)),
    record(tags={"type": "array", "items": {"enum": ["x", "y"]}}),
    record(kind={"const": "fixed"}, value={"type": ["string", "null"]}),
    {"anyOf": [record(cat=YES), record(dog=INTEGER)]},
    {"type": "array", "prefixItems": [STRING, INTEGER], "items": False, "minItems": 2},
    record(when={"type": "string", "format": "date"}),
    {"type": "array", "items": record(id=INTEGER), "maxItems": 2},
]


@cache
def compiled(index: int):
    grammar = constrain.json_schema(SCHEMAS[index])
    return constrain.compile(grammar, compare_modes.vocabulary(WIDTH))


def check(index: int, slack: int, rows: int, seed: int = 0) -> int:
    """Generate `rows` texts with `slack` tokens more than the shortest text; return how many."""
    constraint = compiled(index)
    probe = within(constraint, 10_000)
    limit = probe.needed(probe.init()) + slack
    model = compare_modes.model(("llama", "gpt2", "qwen3")[index % 3], WIDTH)
    torch.manual_seed(seed)
    ids = torch.randint(4, WIDTH, (rows, 3))
    out = model.generate(
        ids,
        do_sample=True,
        max_new_tokens=limit,
        logits_processor=[LogitsProcessor(within(constraint, limit))],
    )
    tokens = compare_modes.vocabulary(WIDTH).tokens
    for row in out[:, 3:].tolist():
        assert set(compare_modes.EOS) & set(row), "a text was cut off"
        text = b"".join(tokens[i] or b"" for i in row)
        jsonschema.validate(json.loads(text), SCHEMAS[index])
    return len(out)


def refuses(index: int) -> bool:
    """Is a budget below the shortest text refused before there is a model?"""
    constraint = compiled(index)
    probe = within(constraint, 10_000)
    try:
        within(constraint, probe.needed(probe.init()) - 1)
    except constrain.EmptyLanguage:
        return True
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=10)
    rows = parser.parse_args().rows
    tf.utils.logging.set_verbosity_error()
    total = 0
    for index in range(len(SCHEMAS)):
        total += sum(check(index, slack, rows) for slack in (0, 1, 4, 15, 60))
        assert refuses(index)
        print(f"schema {index:2}: {total} texts so far, all whole and valid", flush=True)


if __name__ == "__main__":
    main()
