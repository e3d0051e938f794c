"""The built-in model without and with constraints, each text judged by an outside program.

Three tasks: a JSON Schema (judge: jsonschema), a regular expression (judge: Python's re) and a
context-free grammar (judge: lark). Exits with 1 if a judge refuses a constrained text.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass

import jsonschema
import lark
import torch
from rich.console import Console
from rich.table import Table
from rich.text import Text

import constrain
from constrain.hf import pretrained

N_TEXTS = 3
MAX_TOKENS = 150

HOBBY = {"type": "string", "minLength": 3, "maxLength": 20}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 30},
        "age": {"type": "integer", "minimum": 18, "maximum": 99},
        "city": {"enum": ["Oslo", "Lima", "Tokyo", "Nairobi"]},
        "hobbies": {"type": "array", "items": HOBBY, "minItems": 1, "maxItems": 2},
    },
    "required": ["name", "age", "city", "hobbies"],
    "additionalProperties": False,
}
THREE_ROWS = r"([a-z]+ [a-z]+,[1-9][0-9]?\.[0-9]{2},(red|green|blue)\n){3}"
QUERY = r"""
start: "SELECT " columns " FROM users WHERE " condition ";"
columns: "*" | column | columns ", " column
column: "name" | "age" | "city" | "email"
condition: test | condition (" AND " | " OR ") test
test: "age" COMPARISON INTEGER | "city = " CITY | "(" condition ")"
COMPARISON: " < " | " > " | " >= "
INTEGER: /[1-9][0-9]{0,2}/
CITY: "'Oslo'" | "'Lima'" | "'Tokyo'" | "'Nairobi'"
"""


@dataclass(frozen=True)
class Task:
    title: str
    prompt: str
    grammar: constrain.Grammar
    judge: Callable[[str], None]  # raises where it refuses


def judge_person(text: str) -> None:
    jsonschema.validate(json.loads(text), PERSON)


def judge_rows(text: str) -> None:
    if not re.fullmatch(THREE_ROWS, text):
        raise ValueError("re.fullmatch finds no match")


def judge_query(text: str) -> None:
    lark.Lark(QUERY, parser="lalr", lexer="contextual").parse(text)


TASKS = [
    Task(
        "JSON Schema: a person, from one of four cities",
        "Person as JSON with keys name, age, city, hobbies:\n",
        constrain.json_schema(PERSON),
        judge_person,
    ),
    Task(
        f"Regular expression: {THREE_ROWS}",
        "Product as CSV:\nname,price,colour\n",
        constrain.regex(THREE_ROWS),
        judge_rows,
    ),
    Task(
        "Context-free grammar: a query on one table, by age and by one of four cities",
        "Question: name and age of users with city Oslo\nSQL:\n",
        constrain.cfg(QUERY),
        judge_query,
    ),
]


def verdict(task: Task, text: str) -> str | None:
    """Why the judge refuses `text`; None if it accepts it."""
    try:
        task.judge(text)
    except (ValueError, jsonschema.ValidationError, lark.exceptions.LarkError) as error:
        return str(error).splitlines()[0][:100]
    return None


def free_texts(model: object, tokenizer: object, prompt: str) -> list[str]:
    """What the model writes by itself."""
    inputs = tokenizer([prompt] * N_TEXTS, return_tensors="pt")
    output = model.generate(**inputs, do_sample=True, top_k=0, max_new_tokens=MAX_TOKENS)
    n_prompt = inputs["input_ids"].shape[1]
    return tokenizer.batch_decode(output[:, n_prompt:], skip_special_tokens=True)


def constrained_texts(model: object, tokenizer: object, task: Task) -> list[str]:
    """What it writes within the grammar."""
    prompts = [task.prompt] * N_TEXTS
    options = {"do_sample": True, "top_k": 0, "max_new_tokens": MAX_TOKENS}
    return constrain.hf.generate(model, tokenizer, prompts, task.grammar, **options).texts


def cell(text: str, complaint: str | None) -> Text:
    """A text and its verdict, for the table."""
    mark = ("✓ accepted", "green") if complaint is None else (f"✗ {complaint}", "red")
    return Text.assemble(text.rstrip("\n"), "\n", mark, "\n")


def main() -> int:
    console = Console(width=110)
    pretrained.quiet()
    model, tokenizer = constrain.hf.demo_model()
    counts = {"free": 0, "constrained": 0}
    for task in TASKS:
        table = Table(title=Text(task.title, "bold"), width=console.width)
        for heading in ("without a constraint", "with the constraint"):
            table.add_column(heading, overflow="fold", ratio=1)
        torch.manual_seed(1)
        free = free_texts(model, tokenizer, task.prompt)
        torch.manual_seed(1)
        constrained = constrained_texts(model, tokenizer, task)
        for left, right in zip(free, constrained, strict=True):
            complaints = verdict(task, left), verdict(task, right)
            table.add_row(cell(left, complaints[0]), cell(right, complaints[1]))
            counts["free"] += complaints[0] is None
            counts["constrained"] += complaints[1] is None
        console.print(Text.assemble("\nprompt: ", (repr(task.prompt), "cyan")))
        console.print(table)
    total = N_TEXTS * len(TASKS)
    console.print(
        f"\naccepted by the judges: {counts['free']} of {total} without,"
        f" {counts['constrained']} of {total} with a constraint"
    )
    return 0 if counts["constrained"] == total else 1


if __name__ == "__main__":
    sys.exit(main())
