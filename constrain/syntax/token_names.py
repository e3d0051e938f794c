"""Tokens as grammar texts name them: `<|tool|>`, `<[12]>`, `<[10-20,30]>`, `<[^12]>`, `<[*]>`."""

from __future__ import annotations

import re

from .regex_ast import Token
from .regex_escapes import Fault

MAX_TOKEN_ID = 2**31 - 1

WRITTEN = r"<(?:\[[^\]\n]*\]|[^\s<>\[\]=!][^\s<>]*)>"
"""A pattern for the whole of such a name."""

_IDS = re.compile(r"\s*(?:([0-9]{1,10})\s*(?:-\s*([0-9]{1,10}))?|(\*))\s*")


def read_token(name: str) -> Token:
    """Read a name with its angle brackets. Raises Fault with a span relative to it.

    >>> read_token("<[10-20,^30]>")
    Traceback (most recent call last):
    constrain.syntax.regex_escapes.Fault: this is no token id
    >>> read_token("<[^10-20, 30]>").ids
    ((10, 20), (30, 30))
    """
    if not name.startswith("<["):
        return Token(name)
    negated = name.startswith("<[^")
    start = 2 + negated
    ids: list[tuple[int, int]] = []
    for part in name[start:-2].split(","):
        match = _IDS.fullmatch(part)
        span = (start, start + len(part))
        if not match:
            raise Fault("this is no token id", span, "as in <[12]> or <[10-20]>")
        low, high = (0, MAX_TOKEN_ID) if match[3] else (int(match[1]), int(match[2] or match[1]))
        if high < low:
            raise Fault("this range of ids is empty", span, "swap its ends")
        ids.append((low, high))
        start += len(part) + 1
    return Token(None, tuple(sorted(ids)), others=negated)
