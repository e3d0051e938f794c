"""What a grammar says about instances whose validity is known: the heart of both runners.

An instance is written as `json.dumps(instance, ensure_ascii=False)` and read byte by byte, so no
tokenizer is involved. A valid one that is refused is *order only* if it is accepted with the
members of its objects in some other order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from itertools import islice, permutations, product
from typing import Any

import constrain

MAX_ORDERS = 5_000

VERDICTS = ("correct", "order only", "wrong reject", "wrong accept", "refused")


@cache
def byte_vocabulary() -> constrain.Vocabulary:
    """Every byte a token, and an end."""
    return constrain.Vocabulary([*(bytes((b,)) for b in range(256)), None], eos_token_ids=[256])


class Judge:
    """A schema as the engine sees it, or the reason for which it was refused."""

    def __init__(self, schema: Any, **options: Any):
        self.refusal: constrain.ConstrainError | None = None
        self._constraint: constrain.Constraint | None = None
        try:
            grammar = constrain.json_schema(schema, **options)
            self._constraint = constrain.compile(grammar, byte_vocabulary())
        except constrain.EmptyLanguage:
            pass  # nothing is valid
        except constrain.ConstrainError as error:
            self.refusal = error

    def accepts(self, text: str) -> bool:
        if self._constraint is None:
            return False
        return self._constraint.matches(text)

    def verdict(self, instance: Any, valid: bool) -> str:
        """One of VERDICTS. Refused if the engine raises while it reads."""
        if self.refusal is not None:
            return "refused"
        try:
            if self.accepts(text_of(instance)):
                return "correct" if valid else "wrong accept"
            if not valid:
                return "correct"
            others = islice(orders(instance), MAX_ORDERS)
            return "order only" if any(map(self.accepts, map(text_of, others))) else "wrong reject"
        except constrain.ConstrainError as error:
            self.refusal = error
            return "refused"


def text_of(instance: Any) -> str:
    """An instance as it is asked about."""
    return json.dumps(instance, ensure_ascii=False)


def orders(value: Any) -> Iterator[Any]:
    """`value` with the members of its objects in every order."""
    if isinstance(value, list):
        yield from map(list, product(*(list(islice(orders(item), 200)) for item in value)))
    elif isinstance(value, dict):
        members = [list(islice(orders(item), 200)) for item in value.values()]
        for names in permutations(range(len(value))):
            keys = list(value)
            for found in product(*(members[i] for i in names)):
                yield dict(zip((keys[i] for i in names), found, strict=True))
    else:
        yield value


def reason(refusal: constrain.ConstrainError) -> str:
    """The class of an error and, where there is one, the feature that it names."""
    feature = getattr(refusal, "feature", None) or getattr(refusal, "limit", None)
    return f"{type(refusal).__name__}: {feature}" if feature else type(refusal).__name__
