"""The regular pieces of JSON text (RFC 8259) that the engine keeps tables for."""

from __future__ import annotations

from functools import cache

from constrain.syntax.regex_ast import (
    Chars,
    Node,
    Text,
    concat,
    invert,
    normalize,
    repeat,
    union,
)

PLAIN = Chars(invert(normalize([(0, 0x1F), (0x22, 0x22), (0x5C, 0x5C)])))
"""Code points that stand for themselves between the quotes."""

SHORT_ESCAPES = {0x22: '"', 0x5C: "\\", 0x08: "b", 0x0C: "f", 0x0A: "n", 0x0D: "r", 0x09: "t"}
"""Code point -> letter after the backslash, as every JSON writer spells them."""


def chars(text: str) -> Node:
    """One of these characters."""
    return Chars(normalize((ord(c), ord(c)) for c in text))


def _hex(count: int) -> Node:
    return repeat(chars("0123456789abcdefABCDEF"), count, count)


@cache
def any_space() -> Node:
    """A run of white space."""
    return repeat(chars(" \t\n\r"), 0, None)


@cache
def any_string() -> Node:
    """What may stand between the quotes of any JSON string."""
    escape = union([chars('"\\/bfnrt'), concat([Text(b"u"), _hex(4)])])
    return repeat(union([PLAIN, concat([Text(b"\\"), escape])]), 0, None)


@cache
def counted_string() -> Node:
    """Like `any_string`, a unit for each code point: surrogate escapes only in pairs."""
    d, other = chars("dD"), chars("0123456789abcefABCEF")
    low = concat([Text(b"\\u"), d, chars("cdefCDEF"), _hex(2)])
    single = union([concat([other, _hex(3)]), concat([d, chars("01234567"), _hex(2)])])
    pair = concat([d, chars("89abAB"), _hex(2), low])
    escape = union([chars('"\\/bfnrt'), concat([Text(b"u"), union([single, pair])])])
    return repeat(union([PLAIN, concat([Text(b"\\"), escape])]), 0, None)


@cache
def canonical_name() -> Node:
    """Names of object members in canonical spelling: what `json.dumps(ensure_ascii=False)` writes.

    Each string has exactly one such spelling, so names are equal where their texts are.
    """
    controls = [c for c in range(0x20) if c not in SHORT_ESCAPES]
    escapes = [Text(b"\\u%04x" % c) for c in controls]
    short = concat([Text(b"\\"), chars("".join(SHORT_ESCAPES.values()))])
    return repeat(union([PLAIN, short, *escapes]), 0, None)
