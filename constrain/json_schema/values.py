"""JSON values: which type they have, when two are equal, how they are spelled.

Spellings are canonical: what `json.dumps(value, ensure_ascii=False)` writes, and for an integral
number both the plain integer and the one with a fraction of one zero (`2`, `2.0`). Arrays and
objects take white space where JSON allows it; the names of an object come in its own order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal
from itertools import permutations
from json.encoder import encode_basestring as quote  # pyright: ignore[reportPrivateUsage]
from typing import Any

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Expr, JsonArray, JsonObject, Space, Words, choice

from .keywords import is_number, is_whole

_KINDS: dict[type, str] = {
    str: "string",
    bool: "boolean",
    type(None): "null",
    dict: "object",
    list: "array",
    int: "number",
    float: "number",
    Decimal: "number",
}

_PLAIN_DIGITS = 16  # integral numbers of more digits are not spelled out, unless as an integer


def kind_of(value: Any) -> str:
    """The kind of `value`, one of the six that JSON knows."""
    return _KINDS[value.__class__]


def has_type(value: Any, names: Iterable[str]) -> bool:
    """Is `value` of one of these types?

    >>> has_type(2.0, ["integer"]), has_type(True, ["integer"])
    (True, False)
    """
    kind = kind_of(value)
    return kind in names or (kind == "number" and "integer" in names and is_whole(value))


def equal(a: Any, b: Any) -> bool:
    """Are these the same JSON value? `1` and `1.0` are, `1` and `true` are not.

    >>> equal([1, {"a": None}], [1.0, {"a": None}]), equal(1, True)
    (True, False)
    """
    kind = kind_of(a)
    if kind != kind_of(b):
        return False
    if kind == "array":
        return len(a) == len(b) and all(map(equal, a, b))
    if kind == "object":
        return a.keys() == b.keys() and all(equal(value, b[name]) for name, value in a.items())
    return exact(a) == exact(b) if kind == "number" else a == b


def exact(number: float | Decimal) -> int | Decimal:
    """The decimal value that `number` is written with (a double by its shortest digits).

    >>> exact(0.1)
    Decimal('0.1')
    """
    return Decimal(repr(number)) if isinstance(number, float) else number


def spelled(
    values: Iterable[Any], space: Space, zero_fractions: bool = True, any_order: bool = False
) -> Expr:
    """Any one of `values`, in canonical spelling; NEVER if there are none.

    zero_fractions: is an integral number also spelled with a fraction of one zero?
    any_order: may the names of an object come in any order? Raises LimitExceeded past six names.
    """
    words: list[bytes] = []
    nested: list[Expr] = []

    def inner(value: Any) -> Expr:
        return spelled((value,), space, zero_fractions, any_order)

    for value in values:
        if value.__class__ is list:
            items = tuple(map(inner, value))
            nested.append(JsonArray(items, None, len(items), len(items), space))
        elif value.__class__ is dict:
            members = [(name, inner(item), True) for name, item in value.items()]
            for some in _orders(members) if any_order else (tuple(members),):
                nested.append(JsonObject(some, None, space))
        else:
            words.extend(spellings(value, zero_fractions))
    if words:
        nested.append(Words(tuple(sorted(set(words)))))
    return choice(nested)


def _orders(
    members: list[tuple[str, Expr, bool]],
) -> Iterator[tuple[tuple[str, Expr, bool], ...]]:
    if len(members) > _MOST_IN_ANY_ORDER:
        raise LimitExceeded("names of a constant object, in any order", len(members))
    return permutations(members)


_MOST_IN_ANY_ORDER = 6


def spellings(value: Any, zero_fractions: bool = True) -> list[bytes]:
    """The canonical spellings of a value that is neither array nor object.

    >>> spellings("é"), spellings(2), spellings(0.5), spellings(1e300)
    ([b'"\\xc3\\xa9"'], [b'2', b'2.0'], [b'0.5'], [b'1e+300'])
    """
    if value.__class__ is str:
        return [quote(value).encode()]
    if is_number(value):
        return [text.encode() for text in _number_spellings(value, zero_fractions)]
    return [_NAMES[value]]


_NAMES = {None: b"null", True: b"true", False: b"false"}


def _number_spellings(value: float | Decimal, zero_fractions: bool) -> list[str]:
    if is_whole(value) and (isinstance(value, int) or abs(value) < 10**_PLAIN_DIGITS):
        plain = str(int(value))
        return [plain, f"{plain}.0"] if zero_fractions else [plain]
    return [str(value)]
