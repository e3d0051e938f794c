"""Every keyword that constrains, with the check of its value and of our ability to honour it.

Meanings are those of draft 2020-12. A keyword that stands in no table constrains nothing
(`title`, `$comment`, `contentEncoding`, words of other vocabularies) and is passed over, as the
specification asks. A check raises SchemaError for a value that the specification does not allow
and Unsupported for one that cannot be honoured exactly, and puts subschemas on the stack.

Checks run once for every node of a schema before the first mask, so they are as short as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from constrain.errors import RegexSyntaxError, Unsupported

from . import patterns
from .facets import FACETS
from .source import Node

if TYPE_CHECKING:
    from .survey import Survey

TYPES = ("string", "number", "integer", "object", "array", "boolean", "null")

MULTIPLES = "\ud800multiples"  # pairs: a divisor, and whether it divides or must not
EXCLUDED = "\ud800excluded"  # numbers that it is not
MEMBERS = "\ud800members"  # pairs: names, and the schema for every member with such a name
COUNTS = "\ud800counts"  # names, schema, least and most members of that kind
PRESENCE = "\ud800presence"  # which of some names may stand together
ITEM_COUNTS = "\ud800items"  # first index, schema, least and most items of that kind
REPEATS = "\ud800repeats"  # two items are equal
"""Keywords of our own, for nodes that are made. No schema can hold a lone surrogate."""

SIMPLE_OBJECTS = frozenset({"properties", "required", "additionalProperties"})
COMPLEX_OBJECTS = frozenset(
    {"patternProperties", "propertyNames", "minProperties", "maxProperties", "dependentRequired"}
    | {MEMBERS, COUNTS, PRESENCE}
)
SIMPLE_ARRAYS = frozenset({"prefixItems", "items", "minItems", "maxItems"})
COMPLEX_ARRAYS = frozenset({"contains", "uniqueItems", ITEM_COUNTS, REPEATS})
BOUNDS = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})

_KINDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern", "format", FACETS}),
    "number": BOUNDS | {"multipleOf", MULTIPLES, EXCLUDED},
    "object": SIMPLE_OBJECTS | COMPLEX_OBJECTS,
    "array": SIMPLE_ARRAYS | COMPLEX_ARRAYS | {"minContains", "maxContains"},
}

KEYWORDS_OF: Mapping[str, frozenset[str]] = {
    **_KINDS,
    "integer": _KINDS["number"],
    "boolean": frozenset(),
    "null": frozenset(),
}
"""For each type the keywords that say something about its values."""

APPLICATORS = frozenset(
    "$ref allOf anyOf oneOf not if dependentSchemas unevaluatedProperties unevaluatedItems".split()
)
"""Keywords that say something about a value by way of other schemas for the same value."""

LARGEST_COUNT = 2**31 - 2
"""Upper bounds on lengths beyond this say nothing about any text that fits into memory."""

Check: TypeAlias = Callable[["Survey", Node, Any], None]


def types_of(node: Node) -> tuple[str, ...] | None:
    """The types that `type` names, without "integer" beside "number"; None if it is absent."""
    declared = node.get("type")
    if declared is None:
        return None
    if declared.__class__ is str:
        return (declared,)
    if "number" in declared:
        return tuple(name for name in dict.fromkeys(declared) if name != "integer")
    return tuple(dict.fromkeys(declared))


def most(node: Node, keyword: str) -> int | None:
    """The upper bound that `keyword` sets; None if there is none (or none that can be felt)."""
    value = node.get(keyword)
    return None if value == LARGEST_COUNT else value


def may_be(node: Node, kind: str) -> bool:
    """Does `type` allow values of this kind ("number" includes integers)?"""
    declared = node.get("type")
    if declared is None:
        return True
    names = declared if declared.__class__ is list else (declared,)
    return kind in names or (kind == "number" and "integer" in names)


# ------------------------------------------------------------------ values of keywords


def _type(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is str:
        if value in TYPES:
            return
    elif value.__class__ is list and value and all(name in TYPES for name in value):
        return
    expected = ", ".join(f'"{name}"' for name in TYPES)
    raise survey.malformed(node, "type", f"one of {expected}, or a list of them")


def _subschema(keyword: str) -> Check:
    def check(survey: Survey, node: Node, value: Any) -> None:
        if value.__class__ is dict:
            survey.stack.append(value)
        elif value is not True and value is not False:
            raise survey.malformed(node, keyword, "a schema")

    return check


def _items(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is list:
        note = 'write "prefixItems", as since draft 2020-12'
        raise survey.unsupported(node, "items", '"items" with a list', note)
    _one_item_schema(survey, node, value)


_one_item_schema = _subschema("items")


def _properties(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not dict:
        raise survey.malformed(node, "properties", "an object of schemas")
    push = survey.stack.append
    for name, child in value.items():
        if child.__class__ is dict:
            push(child)
        elif child is not True and child is not False:
            raise survey.malformed(value, name, "a schema")


def _subschemas(survey: Survey, node: Node, keyword: str, value: Any) -> None:
    if value.__class__ is not list:
        raise survey.malformed(node, keyword, "a list of schemas")
    for child in value:
        if child.__class__ is not dict and child is not True and child is not False:
            raise survey.malformed(node, keyword, "a list of schemas")


def _prefix_items(survey: Survey, node: Node, value: Any) -> None:
    _subschemas(survey, node, "prefixItems", value)
    survey.stack.extend(child for child in value if child.__class__ is dict)


def _branches(keyword: str) -> Check:
    """The pass itself puts the branches on its stack, joined with what stands beside them."""

    def check(survey: Survey, node: Node, value: Any) -> None:
        _subschemas(survey, node, keyword, value)
        if not value:
            raise survey.malformed(node, keyword, "a list of at least one schema")

    return check


def _is_list_of_names(value: Any) -> bool:
    return value.__class__ is list and all(name.__class__ is str for name in value)


def _required(survey: Survey, node: Node, value: Any) -> None:
    if not _is_list_of_names(value):
        raise survey.malformed(node, "required", "a list of property names")


def _count(keyword: str) -> Check:
    is_least = keyword.startswith("min")

    def check(survey: Survey, node: Node, value: Any) -> None:
        if value.__class__ is not int or not 0 <= value <= LARGEST_COUNT:
            if not _is_count(value):
                raise survey.malformed(node, keyword, "a whole number, not below zero")
            if is_least and value > LARGEST_COUNT:
                raise survey.unsupported(node, keyword, f"{keyword} above {LARGEST_COUNT}")
            node[keyword] = int(min(value, LARGEST_COUNT))

    return check


def _bound(keyword: str) -> Check:
    def check(survey: Survey, node: Node, value: Any) -> None:
        if value.__class__ is bool and keyword.startswith("exclusive"):
            note = "write the bound itself, as since draft 6"
            raise survey.unsupported(node, keyword, f"a boolean {keyword}", note)
        if not is_number(value):
            raise survey.malformed(node, keyword, "a number")

    return check


def _enum(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not list:
        raise survey.malformed(node, "enum", "a list of values")


def _const(survey: Survey, node: Node, value: Any) -> None:
    """Any value will do."""


def _pattern(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not str:
        raise survey.malformed(node, "pattern", "a regular expression")
    if may_be(node, "string"):
        _check_pattern(survey, node, "pattern", value)


def _check_pattern(survey: Survey, node: Node, keyword: str, pattern: str) -> None:
    try:
        patterns.content(pattern)
    except RegexSyntaxError as error:
        expected = f"a regular expression ({error.message})"
        raise survey.malformed(node, keyword, expected) from None
    except Unsupported as error:
        raise survey.unsupported(node, keyword, error.feature, error.note) from None


def _pattern_properties(survey: Survey, node: Node, value: Any) -> None:
    _map_of_schemas(survey, node, "patternProperties", value)
    for pattern in value:
        _check_pattern(survey, node, "patternProperties", pattern)


def _map_of_schemas(survey: Survey, node: Node, keyword: str, value: Any) -> None:
    if value.__class__ is not dict:
        raise survey.malformed(node, keyword, "an object of schemas")
    for name, child in value.items():
        if child.__class__ is not dict and child is not True and child is not False:
            raise survey.malformed(value, name, "a schema")


def _dependent_required(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not dict or not all(map(_is_list_of_names, value.values())):
        raise survey.malformed(node, "dependentRequired", "an object of lists of property names")


def _schema(keyword: str) -> Check:
    """A schema that the pass comes to by another way, if at all."""

    def check(survey: Survey, node: Node, value: Any) -> None:
        if value.__class__ is not dict and value is not True and value is not False:
            raise survey.malformed(node, keyword, "a schema")

    return check


def _dependent_schemas(survey: Survey, node: Node, value: Any) -> None:
    _map_of_schemas(survey, node, "dependentSchemas", value)


def _unique_items(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not bool:
        raise survey.malformed(node, "uniqueItems", "true or false")


def _multiple_of(survey: Survey, node: Node, value: Any) -> None:
    if not is_number(value) or value <= 0:
        raise survey.malformed(node, "multipleOf", "a number above zero")


def _format(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not str:
        raise survey.malformed(node, "format", "a text")


def _made(survey: Survey, node: Node, value: Any) -> None:
    """A keyword of our own is as it should be."""


def _ref(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not str:
        raise survey.malformed(node, "$ref", "a URI reference")
    survey.target(node)


# ------------------------------------------------------------------ numbers, refusals


def is_number(value: Any) -> bool:
    return value.__class__ in (int, float, Decimal)


def is_whole(value: Any) -> bool:
    """Is this number an integer in the eyes of JSON Schema (2 and 2.0 are)?"""
    if value.__class__ is Decimal:
        return value == value.to_integral_value()
    return value.__class__ is int or value.is_integer()


def _is_count(value: Any) -> bool:
    return is_number(value) and value >= 0 and is_whole(value)


def _refuse(keyword: str) -> Check:
    def check(survey: Survey, node: Node, value: Any) -> None:
        raise survey.unsupported(node, keyword)

    return check


_REFUSED = ("$dynamicRef", "$recursiveRef", "disallow", "divisibleBy", "extends")

_ELSEWHERE = (
    "not if then else propertyNames contains unevaluatedProperties unevaluatedItems".split()
)
_COUNTED = (
    "minItems maxItems minLength maxLength minProperties maxProperties minContains maxContains"
).split()

CHECKS: Mapping[str, Check] = {
    "type": _type,
    "properties": _properties,
    "required": _required,
    "additionalProperties": _subschema("additionalProperties"),
    "items": _items,
    "prefixItems": _prefix_items,
    "enum": _enum,
    "const": _const,
    "pattern": _pattern,
    "$ref": _ref,
    **{keyword: _branches(keyword) for keyword in ("allOf", "anyOf", "oneOf")},
    "patternProperties": _pattern_properties,
    "dependentRequired": _dependent_required,
    "dependentSchemas": _dependent_schemas,
    "uniqueItems": _unique_items,
    "multipleOf": _multiple_of,
    "format": _format,
    **{keyword: _schema(keyword) for keyword in _ELSEWHERE},
    **{keyword: _count(keyword) for keyword in _COUNTED},
    **{keyword: _bound(keyword) for keyword in sorted(BOUNDS)},
    **dict.fromkeys(
        (FACETS, MULTIPLES, EXCLUDED, MEMBERS, COUNTS, PRESENCE, ITEM_COUNTS, REPEATS), _made
    ),
    **{keyword: _refuse(keyword) for keyword in _REFUSED},
}
