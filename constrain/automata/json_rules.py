"""JSON (RFC 8259) as grammar rules, shared by every grammar that holds JSON.

Rules that hold white space come in one set for each bound on its runs: `standard_rules(limit)`.
In the set without a bound they carry their plain names ("json:value"), in the others the name
and the bound (("json:value", 100)). Rules without white space are the same in every set.

"json:integer" is the meaning that JSON Schema gives the word: a plain integer, perhaps with a
fraction of zeros (`2`, `2.0`); "json:plain-integer" is what it meant in draft 4.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache
from types import MappingProxyType

from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import (
    EMPTY,
    Call,
    Choice,
    Expr,
    Grammar,
    JsonArray,
    JsonString,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
)

KINDS = ("string", "number", "object", "array", "boolean", "null")
"""The six kinds of JSON value; between them they cover every value, and none overlap."""

DIGIT = regex.Chars(((0x30, 0x39),))
DIGITS = regex.repeat(DIGIT, 0, None)
SIGN = regex.repeat(regex.text("-"), 0, 1)
NATURAL = regex.union(
    (regex.text("0"), regex.concat((regex.Chars(((0x31, 0x39),)), DIGITS))),
)
FRACTION = regex.repeat(regex.concat((regex.text("."), regex.repeat(DIGIT, 1, None))), 0, 1)
ZERO_FRACTION = regex.repeat(
    regex.concat((regex.text("."), regex.repeat(regex.text("0"), 1, None))), 0, 1
)
_EXPONENT = regex.repeat(
    regex.concat(
        (
            regex.Chars(((0x45, 0x45), (0x65, 0x65))),
            regex.repeat(regex.Chars(((0x2B, 0x2B), (0x2D, 0x2D))), 0, 1),
            regex.repeat(DIGIT, 1, None),
        )
    ),
    0,
    1,
)

_LEAVES: Mapping[str, Expr] = {
    "json:string": JsonString(),
    "json:number": Regular(regex.concat((SIGN, NATURAL, FRACTION, _EXPONENT))),
    "json:integer": Regular(regex.concat((SIGN, NATURAL, ZERO_FRACTION))),
    "json:plain-integer": Regular(regex.concat((SIGN, NATURAL))),
    "json:boolean": Words((b"false", b"true")),
    "json:null": Literal(b"null"),
}


def rule_name(kind: str, limit: int | None = None) -> Hashable:
    """Name of the standard rule for `kind`, in the set with runs of white space up to `limit`.

    >>> rule_name("array"), rule_name("array", 100), rule_name("string", 100)
    ('json:array', ('json:array', 100), 'json:string')
    """
    name = f"json:{kind}"
    return name if limit is None or name in _LEAVES else (name, limit)


@cache
def standard_calls(limit: int | None = None, zero_fractions: bool = True) -> Mapping[str, Call]:
    """A Call of the standard rule for each kind, for "integer" and for "value" (any kind).

    zero_fractions: may an integer have a fraction of zeros?
    """
    names = {kind: rule_name(kind, limit) for kind in (*KINDS, "integer", "value")}
    if not zero_fractions:
        names["integer"] = rule_name("plain-integer")
    return MappingProxyType({kind: Call(name) for kind, name in names.items()})


@cache
def standard_rules(limit: int | None = None) -> Mapping[Hashable, Expr]:
    """The standard rules, by name, with runs of white space up to `limit` bytes."""
    calls = standard_calls(limit)
    value, space = calls["value"], Space(limit)
    rules: dict[Hashable, Expr] = {
        rule_name("value", limit): Choice(tuple(calls[kind] for kind in KINDS)),
        rule_name("object", limit): _any_object(value, space),
        rule_name("array", limit): JsonArray((), value, space=space),
    }
    return MappingProxyType({**rules, **_LEAVES})


def _any_object(value: Expr, space: Space) -> Expr:
    """An object with any names in any spelling (beside declared names they are canonical)."""
    member = Sequence((JsonString(), space, Literal(b":"), space, value, space))
    more = Repeat(Sequence((Literal(b","), space, member)), 0, None)
    members = Choice((EMPTY, Sequence((member, more))))
    return Sequence((Literal(b"{"), space, members, Literal(b"}")))


STANDARD: Mapping[Hashable, Expr] = standard_rules()

USUAL_LIMITS = (None, 256, 0)
"""Bounds on runs of white space whose standard rules every program starts with."""


def json_grammar() -> Grammar:
    """Any JSON text: white space without end, also around the value; equal names allowed."""
    text = Sequence((Space(), Call("json:value"), Space()))
    rules = {"json:text": text, **STANDARD}
    return Grammar(key=("json",), rules=rules, start="json:text", ready=True)
