"""Every keyword that constrains, with the check of its value and of our ability to honour it.

Meanings are those of draft 2020-12. A keyword that stands in no table constrains nothing
(`title`, `$comment`, `contentEncoding`, words of other vocabularies) and is passed over, as the
specification asks. A check raises SchemaError for a value that the specification does not allow
and Unsupported for one that cannot be honoured exactly, and puts subschemas on the stack.

Checks run once for every node of a schema before the first mask, so they are as short as can be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

from constrain.errors import RegexSyntaxError, Unsupported

from . import patterns
from .source import Node

if TYPE_CHECKING:
    from .survey import Survey

TYPES = ("string", "number", "integer", "object", "array", "boolean", "null")

_KINDS: Mapping[str, frozenset[str]] = {
    "string": frozenset({"minLength", "maxLength", "pattern"}),
    "number": frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}),
    "object": frozenset({"properties", "required", "additionalProperties"}),
    "array": frozenset({"prefixItems", "items", "minItems", "maxItems"}),
}

KEYWORDS_OF: Mapping[str, frozenset[str]] = {
    **_KINDS,
    "integer": _KINDS["number"],
    "boolean": frozenset(),
    "null": frozenset(),
}
"""For each type the keywords that say something about its values."""

APPLICATORS = frozenset({"$ref", "allOf", "anyOf", "oneOf"})
"""Keywords that say something about a value by way of other schemas for the same value."""

LARGEST_COUNT = 2**31 - 2
"""Upper bounds on lengths beyond this say nothing about any text that fits into memory."""

FORMATS = frozenset(
    "date-time date time duration email idn-email hostname idn-hostname ipv4 ipv6 uri"
    " uri-reference iri iri-reference uuid uri-template json-pointer relative-json-pointer"
    " regex".split()
)
"""The formats of the specification; each is about strings and says nothing of other values."""


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


def _required(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not list or not all(name.__class__ is str for name in value):
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
    if value.__class__ is tuple:
        return  # patterns that were checked before their nodes were merged
    if value.__class__ is not str:
        raise survey.malformed(node, "pattern", "a regular expression")
    if may_be(node, "string"):
        try:
            patterns.content(value)
        except RegexSyntaxError as error:
            raise survey.malformed(
                node, "pattern", f"a regular expression ({error.message})"
            ) from None
        except Unsupported as error:
            raise survey.unsupported(node, "pattern", error.feature, error.note) from None


def _ref(survey: Survey, node: Node, value: Any) -> None:
    if value.__class__ is not str:
        raise survey.malformed(node, "$ref", "a URI reference")
    survey.target(node)


# ------------------------------------------------------------------ keywords we refuse


def is_number(value: Any) -> bool:
    return value.__class__ in (int, float, Decimal)


def is_whole(value: Any) -> bool:
    """Is this number an integer in the eyes of JSON Schema (2 and 2.0 are)?"""
    if value.__class__ is Decimal:
        return value == value.to_integral_value()
    return value.__class__ is int or value.is_integer()


def _is_count(value: Any) -> bool:
    return is_number(value) and value >= 0 and is_whole(value)


def _is_schema(value: Any) -> bool:
    return value.__class__ in (dict, bool)


@dataclass(frozen=True, slots=True)
class _Shape:
    expected: str
    fits: Callable[[Any], bool]


_SCHEMA = _Shape("a schema", _is_schema)
_COUNT = _Shape("a whole number, not below zero", _is_count)
_OBJECT = _Shape("an object", lambda value: value.__class__ is dict)
_FLAG = _Shape("true or false", lambda value: value.__class__ is bool)
_TEXT = _Shape("a text", lambda value: value.__class__ is str)
_POSITIVE = _Shape("a number above zero", lambda value: is_number(value) and value > 0)
_ANYTHING = _Shape("", lambda value: True)


@dataclass(frozen=True, slots=True)
class _Refused:
    """A keyword that is accepted only where it says nothing: by its value, or by the type."""

    kind: str | None  # the kind of value that it is about; None: any
    shape: _Shape
    is_idle: Callable[[Node, Any], bool] = lambda node, value: False


def _no_property_too_many(node: Node, value: Any) -> bool:
    return node.get("additionalProperties") is False and len(node.get("properties", ())) <= value


def _enough_required(node: Node, value: Any) -> bool:
    required = node.get("required", ())
    return value == 0 or (required.__class__ is list and len(set(map(str, required))) >= value)


def _at_most_one_item(node: Node, value: Any) -> bool:
    highest: Any = node.get("maxItems")
    return value is False or (is_number(highest) and highest <= 1)


def _is_empty_object(node: Node, value: Any) -> bool:
    return not value


def _allows_all(node: Node, value: Any) -> bool:
    return value is True or value == {}


_REFUSED: Mapping[str, _Refused] = {
    "not": _Refused(None, _SCHEMA, lambda node, value: value is False),
    "if": _Refused(None, _SCHEMA, lambda node, value: not {"then", "else"} & node.keys()),
    "patternProperties": _Refused("object", _OBJECT, _is_empty_object),
    "propertyNames": _Refused("object", _SCHEMA, _allows_all),
    "minProperties": _Refused("object", _COUNT, _enough_required),
    "maxProperties": _Refused("object", _COUNT, _no_property_too_many),
    "dependencies": _Refused("object", _OBJECT, _is_empty_object),
    "dependentRequired": _Refused("object", _OBJECT, _is_empty_object),
    "dependentSchemas": _Refused("object", _OBJECT, _is_empty_object),
    "unevaluatedProperties": _Refused("object", _SCHEMA, _allows_all),
    "unevaluatedItems": _Refused("array", _SCHEMA, _allows_all),
    "contains": _Refused(
        "array",
        _SCHEMA,
        lambda node, value: node.get("minContains") == 0 and "maxContains" not in node,
    ),
    "uniqueItems": _Refused("array", _FLAG, _at_most_one_item),
    "multipleOf": _Refused(
        "number", _POSITIVE, lambda node, value: value == 1 and node.get("type") == "integer"
    ),
    "format": _Refused("string", _TEXT),
    "$dynamicRef": _Refused(None, _TEXT),
    "$recursiveRef": _Refused(None, _TEXT),
    "disallow": _Refused(None, _ANYTHING),
    "divisibleBy": _Refused("number", _ANYTHING),
    "extends": _Refused(None, _ANYTHING),
}


def _refuse(keyword: str) -> Check:
    rule = _REFUSED[keyword]

    def check(survey: Survey, node: Node, value: Any) -> None:
        if not rule.shape.fits(value):
            raise survey.malformed(node, keyword, rule.shape.expected)
        about_others = rule.kind is not None and not may_be(node, rule.kind)
        if keyword == "format" and value not in FORMATS:
            about_others = False  # nobody says that a format of your own is about strings
        if not about_others and not rule.is_idle(node, value):
            raise survey.unsupported(node, keyword)

    return check


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
    **{keyword: _count(keyword) for keyword in ("minItems", "maxItems", "minLength", "maxLength")},
    **{keyword: _bound(keyword) for keyword in sorted(_KINDS["number"])},
    **{keyword: _refuse(keyword) for keyword in _REFUSED},
}
