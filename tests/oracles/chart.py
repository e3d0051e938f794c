"""Membership in a context-free grammar of nested tuples: all ends of all rules, to a fixpoint.

An expression is a text, or one of ("set", characters, negated), ("call", name), ("seq", *items),
("or", *items), ("times", item, least, most or None). Slow and obvious.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Ends = dict[tuple[str, int], frozenset[int]]


def matches(rules: Mapping[str, Any], start: str, text: str) -> bool:
    """Is `text` in the language of the rule `start`?"""
    ends: Ends = {(name, i): frozenset() for name in rules for i in range(len(text) + 1)}
    changed = True
    while changed:
        changed = False
        for name, i in ends:
            found = _ends(rules[name], text, i, ends)
            changed = changed or found != ends[name, i]
            ends[name, i] = found
    return len(text) in ends[start, 0]


def _ends(expr: Any, text: str, i: int, ends: Ends) -> frozenset[int]:
    match expr:
        case str():
            return frozenset([i + len(expr)] if text.startswith(expr, i) else [])
        case "set", characters, negated:
            return frozenset(
                [i + 1] if i < len(text) and (text[i] in characters) != negated else []
            )
        case "call", name:
            return ends[name, i]
        case "seq", *items:
            found = frozenset([i])
            for item in items:
                found = _step(item, text, found, ends)
            return found
        case "or", *items:
            return frozenset().union(*(_ends(item, text, i, ends) for item in items))
        case "times", item, least, most:
            found = frozenset([i])
            for _ in range(least):
                found = _step(item, text, found, ends)
            seen = found
            for _ in range(len(text) + 1 if most is None else most - least):
                found = _step(item, text, found, ends)
                seen |= found
            return seen
    raise NotImplementedError(expr)


def _step(item: Any, text: str, starts: frozenset[int], ends: Ends) -> frozenset[int]:
    return frozenset().union(*(_ends(item, text, i, ends) for i in starts))
