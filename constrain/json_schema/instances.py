"""Does a value satisfy a schema? Asked only of the values of `enum` and `const`.

Follows draft 2020-12 for the keywords that the pass lets through, on the schema as it was
written (references and branches included).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING, Any, TypeAlias

from .conjunction import values_of
from .facets import facets_of, fits
from .keywords import APPLICATORS, CHECKS, COMPLEX_OBJECTS, REPEATS, types_of
from .multiples import divides
from .names import Names
from .parts import (
    counts_of,
    excluded_of,
    item_counts_of,
    members_of,
    multiples_of,
    presences_of,
)
from .source import Node, Schema
from .values import equal, exact, has_type, kind_of

if TYPE_CHECKING:
    from .survey import Survey

_VALUES = frozenset({"enum", "const"})


_Path: TypeAlias = frozenset[tuple[int, int]]
_Test: TypeAlias = Callable[["Survey", Node, Any, _Path], bool]


def satisfies(survey: Survey, schema: Schema, value: Any, path: _Path = frozenset()) -> bool:
    """Does `value` satisfy `schema`? A schema that is defined by itself alone allows nothing."""
    if isinstance(schema, bool):
        return schema
    here = (id(schema), id(value))
    if here in path:
        return False
    types = types_of(schema)
    if types is not None and not has_type(value, types):
        return False
    tests = (_satisfies_applicators, _satisfies_values, _TESTS[kind_of(value)])
    return all(test(survey, schema, value, path | {here}) for test in tests)


def admitted(survey: Survey, node: Node) -> list[Any] | None:
    """The values of `enum` and `const` that satisfy the rest of `node`; None without either."""
    values = values_of(node)
    if values is None or CHECKS.keys() & node.keys() <= _VALUES:
        return values
    rest = {keyword: value for keyword, value in node.items() if keyword not in _VALUES}
    return [value for value in values if satisfies(survey, rest, value)]


def _satisfies_values(survey: Survey, node: Node, value: Any, path: _Path) -> bool:
    values = values_of(node)
    return values is None or any(equal(value, other) for other in values)


def _satisfies_applicators(survey: Survey, node: Node, value: Any, path: _Path) -> bool:
    if APPLICATORS.isdisjoint(node):
        return True

    def fits(schema: Schema) -> bool:
        return satisfies(survey, schema, value, path)

    return all(
        test(survey, node, node[keyword], value, fits)
        for keyword, test in _APPLICATORS.items()
        if keyword in node
    )


_Fits: TypeAlias = Callable[[Schema], bool]
_Applies: TypeAlias = Callable[["Survey", Node, Any, Any, _Fits], bool]


def _depends(survey: Survey, node: Node, given: Node, value: Any, fits: _Fits) -> bool:
    if not isinstance(value, dict):
        return True
    return all(fits(schema) for name, schema in given.items() if name in value)


def _evaluates(survey: Survey, node: Node, given: Any, value: Any, fits: _Fits) -> bool:
    return any(map(fits, survey.expansion.unevaluated(node)))


_APPLICATORS: Mapping[str, _Applies] = {
    "$ref": lambda survey, node, given, value, fits: fits(survey.target(node)),
    "allOf": lambda survey, node, given, value, fits: all(map(fits, given)),
    "anyOf": lambda survey, node, given, value, fits: any(map(fits, given)),
    "oneOf": lambda survey, node, given, value, fits: sum(map(fits, given)) == 1,
    "not": lambda survey, node, given, value, fits: not fits(given),
    "if": lambda survey, node, given, value, fits: fits(
        node.get("then" if fits(given) else "else", True)
    ),
    "dependentSchemas": _depends,
    "unevaluatedProperties": _evaluates,
    "unevaluatedItems": _evaluates,
}


def _string(survey: Survey, node: Node, value: str, path: _Path) -> bool:
    if not node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value)):
        return False
    return all(fits(facet, value) for facet in facets_of(node))


def _number(survey: Survey, node: Node, value: Any, path: _Path) -> bool:
    number = exact(value)
    return (
        ("minimum" not in node or number >= exact(node["minimum"]))
        and ("maximum" not in node or number <= exact(node["maximum"]))
        and ("exclusiveMinimum" not in node or number > exact(node["exclusiveMinimum"]))
        and ("exclusiveMaximum" not in node or number < exact(node["exclusiveMaximum"]))
        and all(divides(by, number) is holds for by, holds in multiples_of(node))
        and number not in excluded_of(node)
    )


def _object(survey: Survey, node: Node, value: dict[str, Any], path: _Path) -> bool:
    if not all(name in value for name in node.get("required", ())):
        return False
    if COMPLEX_OBJECTS.isdisjoint(node):
        properties, other = node.get("properties", {}), node.get("additionalProperties", True)
        return all(
            satisfies(survey, properties.get(name, other), member, path)
            for name, member in value.items()
        )
    return _complex_object(survey, node, value, path)


def _complex_object(survey: Survey, node: Node, value: dict[str, Any], path: _Path) -> bool:
    def fit(names: Names, schema: Schema) -> list[bool]:
        return [satisfies(survey, schema, v, path) for k, v in value.items() if k in names]

    named = node.get("propertyNames", True)
    return (
        all(all(fit(names, schema)) for names, schema in members_of(node))
        and all(
            least <= sum(fit(names, schema)) <= (len(value) if most is None else most)
            for names, schema, least, most in counts_of(node)
        )
        and all(p.names & value.keys() in p.allowed for p in presences_of(node))
        and (named is True or all(satisfies(survey, named, name, path) for name in value))
    )


def _array(survey: Survey, node: Node, value: list[Any], path: _Path) -> bool:
    if not node.get("minItems", 0) <= len(value) <= node.get("maxItems", len(value)):
        return False
    prefix, rest = node.get("prefixItems", []), node.get("items", True)
    return (
        all(
            satisfies(survey, prefix[i] if i < len(prefix) else rest, item, path)
            for i, item in enumerate(value)
        )
        and (node.get("uniqueItems") is not True or not _has_repeats(value))
        and (REPEATS not in node or _has_repeats(value))
        and all(
            least
            <= sum(satisfies(survey, schema, item, path) for item in value[start:])
            <= (len(value) if most is None else most)
            for start, schema, least, most in item_counts_of(node)
        )
    )


def _has_repeats(value: list[Any]) -> bool:
    return any(equal(a, b) for a, b in combinations(value, 2))


def _anything(survey: Survey, node: Node, value: Any, path: _Path) -> bool:
    return True


_TESTS: Mapping[str, _Test] = {
    "string": _string,
    "number": _number,
    "object": _object,
    "array": _array,
    "boolean": _anything,
    "null": _anything,
}
