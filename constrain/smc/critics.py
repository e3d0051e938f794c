"""Critics from things that can only say yes or no to a whole text."""

from __future__ import annotations

import ast
import json
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Judge:
    """0 for a text that `accept` takes, -inf for another; without an opinion on prefixes."""

    accept: Callable[[bytes], bool]

    def complete(self, text: bytes) -> float:
        return 0.0 if self.accept(text) else -math.inf

    def prefix(self, text: bytes) -> float:
        return 0.0


class Validator(Protocol):
    """A validator of the `jsonschema` package, or anything with its `is_valid`."""

    def is_valid(self, instance: Any) -> bool: ...


def valid_json(validator: Validator) -> Judge:
    """Texts that are JSON and valid: for keywords that a grammar refuses."""

    def accept(text: bytes) -> bool:
        try:
            return validator.is_valid(json.loads(text))
        except ValueError:
            return False

    return Judge(accept)


def python_source(mode: str = "exec") -> Judge:
    """Texts that Python's parser takes ("exec", "eval" or "single"); nothing is run."""

    def accept(text: bytes) -> bool:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                ast.parse(text, mode=mode)  # type: ignore[arg-type]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
        return True

    return Judge(accept)
