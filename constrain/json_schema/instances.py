"""Does a value satisfy a schema? Asked only of the values of `enum` and `const`.

Follows draft 2020-12 for the keywords that the pass lets through, on the schema as it was
written (references and branches included).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from . import patterns
from .conjunction import patterns_of, values_of
from .keywords import CHECKS, types_of
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
    def fits(schema: Schema) -> bool:
        return satisfies(survey, schema, value, path)

    return (
        ("$ref" not in node or fits(survey.target(node)))
        and all(fits(branch) for branch in node.get("allOf", ()))
        and ("anyOf" not in node or any(fits(branch) for branch in node["anyOf"]))
        and ("oneOf" not in node or sum(fits(branch) for branch in node["oneOf"]) == 1)
    )


def _string(survey: Survey, node: Node, value: str, path: _Path) -> bool:
    if not node.get("minLength", 0) <= len(value) <= node.get("maxLength", len(value)):
        return False
    return all(patterns.found_in(pattern, value) for pattern in patterns_of(node))


def _number(survey: Survey, node: Node, value: Any, path: _Path) -> bool:
    number = exact(value)
    return (
        ("minimum" not in node or number >= exact(node["minimum"]))
        and ("maximum" not in node or number <= exact(node["maximum"]))
        and ("exclusiveMinimum" not in node or number > exact(node["exclusiveMinimum"]))
        and ("exclusiveMaximum" not in node or number < exact(node["exclusiveMaximum"]))
    )


def _object(survey: Survey, node: Node, value: dict[str, Any], path: _Path) -> bool:
    if not all(name in value for name in node.get("required", ())):
        return False
    properties, other = node.get("properties", {}), node.get("additionalProperties", True)
    return all(
        satisfies(survey, properties.get(name, other), member, path)
        for name, member in value.items()
    )


def _array(survey: Survey, node: Node, value: list[Any], path: _Path) -> bool:
    if not node.get("minItems", 0) <= len(value) <= node.get("maxItems", len(value)):
        return False
    prefix, rest = node.get("prefixItems", []), node.get("items", True)
    return all(
        satisfies(survey, prefix[i] if i < len(prefix) else rest, item, path)
        for i, item in enumerate(value)
    )


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
