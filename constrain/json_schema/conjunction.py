"""Two schemas at once: the one schema that allows just what both of them allow.

Only for schemas without `$ref`, `anyOf` and the like: each keyword has a way to combine two of
its values, and keywords that work together (those of objects, those of arrays) are combined
together. Subschemas that meet are not combined here but handed to `both`, so that recursive
schemas come to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .facets import FACETS, facets_of
from .keywords import (
    COUNTS,
    EXCLUDED,
    ITEM_COUNTS,
    MEMBERS,
    MULTIPLES,
    PRESENCE,
    REPEATS,
    types_of,
)
from .parts import excluded_of, item_counts_of, members_of, multiples_of, presences_of
from .source import Node, Schema
from .values import equal, exact

Both: TypeAlias = Callable[[list[Schema]], Schema]


def merge(a: Node, b: Node, both: Both) -> Schema:
    """Return what `a` and `b` allow together; False if their types have nothing in common."""
    types = common_types(types_of(a), types_of(b))
    if types == []:
        return False
    merged: Node = {}
    for keyword in dict.fromkeys([*a, *b]):
        if keyword in _SEPARATE:
            values = [node[keyword] for node in (a, b) if keyword in node]
            merged[keyword] = values[0] if len(values) == 1 else _SEPARATE[keyword](*values)
    for keyword, (sources, read) in _JOINED.items():
        found = [item for node in (a, b) if not sources.isdisjoint(node) for item in read(node)]
        if found:
            merged[keyword] = tuple({_key(item): item for item in found}.values())
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


def _key(demand: Any) -> Any:
    """Demands are equal if their parts are, and their schemas the same object."""
    if not isinstance(demand, tuple):
        return demand
    return tuple(id(part) if isinstance(part, dict) else part for part in demand)  # pyright: ignore


def _joined(x: list[str], y: list[str]) -> list[str]:
    return list(dict.fromkeys([*x, *y]))


_SEPARATE: Mapping[str, Callable[[Any, Any], Any]] = {
    "minLength": _greater,
    "maxLength": _lesser,
    "minItems": _greater,
    "maxItems": _lesser,
    "minimum": _greater,
    "exclusiveMinimum": _greater,
    "maximum": _lesser,
    "exclusiveMaximum": _lesser,
    "minProperties": _greater,
    "maxProperties": _lesser,
    "required": _joined,
    "uniqueItems": lambda x, y: x or y,
    REPEATS: lambda x, y: True,
}

_JOINED: Mapping[str, tuple[frozenset[str], Callable[[Node], tuple[Any, ...]]]] = {
    FACETS: (frozenset({"pattern", "format", FACETS}), facets_of),
    MULTIPLES: (frozenset({"multipleOf", MULTIPLES}), multiples_of),
    EXCLUDED: (frozenset({EXCLUDED}), excluded_of),
    PRESENCE: (frozenset({"dependentRequired", PRESENCE}), presences_of),
    COUNTS: (frozenset({COUNTS}), lambda node: node[COUNTS]),
    ITEM_COUNTS: (frozenset({"contains", ITEM_COUNTS}), item_counts_of),
}
"""Our keyword for a list of demands -> the keywords that it stands for, how to read them."""


def common_types(a: tuple[str, ...] | None, b: tuple[str, ...] | None) -> list[str] | None:
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


def _merge_objects(merged: Node, a: Node, b: Node, both: Both) -> None:
    """A property meets what the other schema says about its name: by name, or as additional."""
    both_names = [node["propertyNames"] for node in (a, b) if "propertyNames" in node]
    if both_names:
        merged["propertyNames"] = both(both_names)
    if any(keyword in node for node in (a, b) for keyword in ("patternProperties", MEMBERS)):
        merged[MEMBERS] = members_of(a) + members_of(b)
        return
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
