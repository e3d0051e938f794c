"""Two schemas at once: the one schema that allows just what both of them allow.

Only for schemas without `$ref`, `anyOf` and the like: each keyword has a way to combine two of
its values, and keywords that work together (those of objects, those of arrays) are combined
together. Subschemas that meet are not combined here but handed to `both`, so that recursive
schemas come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .keywords import types_of
from .source import Node, Schema
from .values import equal, exact

Both: TypeAlias = Callable[[list[Schema]], Schema]


def merge(a: Node, b: Node, both: Both) -> Schema:
    """Return what `a` and `b` allow together; False if their types have nothing in common."""
    types = _common_types(types_of(a), types_of(b))
    if types == []:
        return False
    merged: Node = {}
    for keyword in dict.fromkeys([*a, *b]):
        if keyword in _SEPARATE:
            values = [node[keyword] for node in (a, b) if keyword in node]
            merged[keyword] = values[0] if len(values) == 1 else _SEPARATE[keyword](*values)
    if types is not None:
        merged["type"] = types[0] if len(types) == 1 else types
    _merge_values(merged, a, b)
    _merge_objects(merged, a, b, both)
    _merge_arrays(merged, a, b, both)
    return merged


def _lesser(x: Any, y: Any) -> Any:
    return x if exact(x) <= exact(y) else y


def _greater(x: Any, y: Any) -> Any:
    return x if exact(x) >= exact(y) else y


def _joined(x: list[str], y: list[str]) -> list[str]:
    return list(dict.fromkeys([*x, *y]))


def _all_patterns(x: str | tuple[str, ...], y: str | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*_as_tuple(x), *_as_tuple(y)]))


def _as_tuple(pattern: str | tuple[str, ...]) -> tuple[str, ...]:
    return (pattern,) if isinstance(pattern, str) else pattern


_SEPARATE: Mapping[str, Callable[[Any, Any], Any]] = {
    "minLength": _greater,
    "maxLength": _lesser,
    "minItems": _greater,
    "maxItems": _lesser,
    "minimum": _greater,
    "exclusiveMinimum": _greater,
    "maximum": _lesser,
    "exclusiveMaximum": _lesser,
    "required": _joined,
    "pattern": _all_patterns,
}


def _common_types(a: tuple[str, ...] | None, b: tuple[str, ...] | None) -> list[str] | None:
    if a is None or b is None:
        known = b if a is None else a
        return None if known is None else list(known)
    common = [name for name in a if name in b]
    integers = ("integer" in a and "number" in b) or ("number" in a and "integer" in b)
    return [*common, "integer"] if integers else common


def values_of(node: Node) -> list[Any] | None:
    """The values that `enum` and `const` leave; None if there is neither."""
    if "const" in node:
        const = node["const"]
        allowed = node.get("enum", [const])
        return [const] if any(equal(const, value) for value in allowed) else []
    return node.get("enum")


def _merge_values(merged: Node, a: Node, b: Node) -> None:
    first, second = values_of(a), values_of(b)
    if first is not None and second is not None:
        first = [value for value in first if any(equal(value, other) for other in second)]
    values = second if first is None else first
    if values is not None:
        merged["enum"] = values


def patterns_of(node: Node) -> tuple[str, ...]:
    """Every pattern that a string has to match; a merged node holds a tuple of them."""
    return _as_tuple(node.get("pattern", ()))


def _merge_objects(merged: Node, a: Node, b: Node, both: Both) -> None:
    """A property meets what the other schema says about its name: by name, or as additional."""
    (a_named, a_other), (b_named, b_other) = _object_parts(a), _object_parts(b)
    names = _joined(list(a_named), list(b_named))
    if names:
        merged["properties"] = {
            name: both([a_named.get(name, a_other), b_named.get(name, b_other)]) for name in names
        }
    other = both([a_other, b_other])
    if other is not True:
        merged["additionalProperties"] = other


def _object_parts(node: Node) -> tuple[dict[str, Schema], Schema]:
    return node.get("properties", {}), node.get("additionalProperties", True)


def _merge_arrays(merged: Node, a: Node, b: Node, both: Both) -> None:
    (a_first, a_rest), (b_first, b_rest) = _array_parts(a), _array_parts(b)
    length = max(len(a_first), len(b_first))
    if length:
        merged["prefixItems"] = [
            both([_at(a_first, i, a_rest), _at(b_first, i, b_rest)]) for i in range(length)
        ]
    rest = both([a_rest, b_rest])
    if rest is not True:
        merged["items"] = rest


def _array_parts(node: Node) -> tuple[list[Schema], Schema]:
    return node.get("prefixItems", []), node.get("items", True)


def _at(items: list[Schema], i: int, rest: Schema) -> Schema:
    return items[i] if i < len(items) else rest
