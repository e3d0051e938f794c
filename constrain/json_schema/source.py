"""Ways to write a schema down, read into one: canonical JSON text and a private copy of it.

The text identifies the schema (equal texts, equal grammars) and is all that is pickled. The copy
is ours alone, so that a caller who changes a dict later changes no grammar; every object in it
is a dict of its own, so that a node can be told from its equals by `id`.

Numbers keep their value: one that no double holds exactly is a Decimal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from constrain.errors import SchemaError, Unsupported

Node: TypeAlias = dict[str, Any]
Schema: TypeAlias = Node | bool


def read(schema: Any) -> tuple[str, Any]:
    """Return the canonical text of `schema` and a private copy of what it says.

    Raises SchemaError for what is no JSON, Unsupported for what is no way to give a schema.
    """
    if isinstance(schema, str | bytes | bytearray):
        copy = parse(_decoded(schema))
        if not isinstance(copy, dict | bool):
            raise _no_schema(copy)
        return write(copy), copy
    if not isinstance(schema, dict | bool):
        schema = _described(schema)
    text = write(schema)
    return text, parse(text)


def parse(text: str) -> Any:
    """Read JSON text. Raises SchemaError with a caret where it stops being JSON.

    >>> parse('{"maximum": 0.10000000000000000001}')
    {'maximum': Decimal('0.10000000000000000001')}
    """
    try:
        return _decode(text)
    except json.JSONDecodeError as error:
        span = (error.pos, error.pos + 1)
        raise SchemaError(f"the schema is not JSON: {error.msg}", text, span) from None
    except ValueError as error:  # an integer of more digits than Python converts
        raise SchemaError(f"the schema holds a number that cannot be read: {error}") from None


def write(value: Any) -> str:
    """Return `value` as canonical JSON text. Raises SchemaError if JSON has no words for it.

    >>> write({"type": ["string", "null"], "maximum": Decimal("0.10000000000000000001")})
    '{"type":["string","null"],"maximum":0.10000000000000000001}'
    """
    try:
        text = _encode(value)
    except TypeError:
        text = _write_slowly(value)
    except ValueError as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None
    try:
        text.encode()
    except UnicodeEncodeError:
        raise Unsupported("a lone surrogate in a schema", note="UTF-8 cannot spell it") from None
    return text


def _exact_number(text: str) -> float | Decimal:
    value = float(text)
    return value if Decimal(repr(value)) == Decimal(text) else Decimal(text)


def _refuse_constant(name: str) -> Any:
    raise SchemaError(f"the schema is not JSON: {name} is no JSON number")


_encode: Callable[[Any], str] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode

_decode: Callable[[str], Any] = json.JSONDecoder(
    parse_float=_exact_number, parse_constant=_refuse_constant
).decode


def _write_slowly(value: Any) -> str:
    """As `write`, for values that hold a Decimal (or something that is no JSON at all)."""
    if isinstance(value, Decimal) and value.is_finite():
        return str(value)
    if isinstance(value, dict):
        members = (f"{_encode(str(k))}:{_write_slowly(v)}" for k, v in value.items())
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_write_slowly, value)) + "]"
    try:
        return _encode(value)
    except (TypeError, ValueError) as error:
        raise SchemaError(f"the schema is not JSON: {error}") from None


def _decoded(text: str | bytes | bytearray) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise SchemaError(f"the schema is not UTF-8: {error}") from None


def _no_schema(value: Any) -> SchemaError:
    found = type(value).__name__
    return SchemaError(f"a schema is an object or a boolean, not {found}")


def _described(value: Any) -> Any:
    """The schema that `value` (a pydantic model, or any type that pydantic knows) gives."""
    if hasattr(value, "model_json_schema"):
        return value.model_json_schema()
    if value is None or isinstance(value, list | int | float):
        raise _no_schema(value)
    try:
        import pydantic
    except ImportError:
        name = getattr(value, "__name__", repr(value))
        raise Unsupported(f"a schema from {name}", note="install pydantic for types") from None
    try:
        return pydantic.TypeAdapter(value).json_schema()
    except pydantic.errors.PydanticUserError as error:
        raise Unsupported(f"a schema from {value!r}", note=str(error)) from None
