"""What a schema does not allow, as a choice between schemas.

One step for each keyword: the values that break it are of its kind and fail in one place, so
`not` moves inwards (`{"not": {"properties": {"a": S}}}` is an object with an `a` that is not S)
until it meets keywords about strings, numbers and counts, which have opposites.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from constrain.automata.json_rules import KINDS

from . import formats, names
from .facets import FACETS, Facet, facets_of
from .keywords import (
    CHECKS,
    COUNTS,
    EXCLUDED,
    ITEM_COUNTS,
    MEMBERS,
    MULTIPLES,
    PRESENCE,
    REPEATS,
    most,
    types_of,
)
from .parts import (
    Count,
    ItemCount,
    Multiple,
    counts_of,
    excluded_of,
    item_counts_of,
    members_of,
    multiples_of,
    presences_of,
)
from .source import Node, Schema
from .values import exact, kind_of

if TYPE_CHECKING:
    from .survey import Survey

_Not = Callable[["Survey", Node, Any], Iterator[Schema]]


def inverse(survey: Survey, schema: Schema) -> Schema:
    """The negation of `schema`, not yet looked into."""
    if isinstance(schema, bool):
        return not schema
    if schema.keys() == {"not"}:
        return schema["not"]
    return survey.expansion.derived(("not", id(schema)), schema, lambda: {"not": schema})


def branches(survey: Survey, node: Node) -> list[Schema]:
    """The schemas between which `{"not": node}` is a choice: one for each way to fail."""
    found: list[Schema] = []
    done: set[int] = set()
    for keyword, value in node.items():
        handler = _NOT.get(keyword)
        if handler is None:
            if keyword in CHECKS and keyword not in _WITH_ANOTHER:
                raise survey.unsupported(node, keyword, f'"{keyword}" within "not"')
        elif id(handler) not in done:
            done.add(id(handler))
            found.extend(one for one in handler(survey, node, value) if one is not False)
    return found


_WITH_ANOTHER = frozenset({"then", "else", "minContains", "maxContains"})


# ------------------------------------------------------------------ any kind


def _type(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    types = types_of(node) or ()
    others = [kind for kind in KINDS if kind not in types]
    if "integer" in types:
        others.remove("number")
        yield {"type": "number", MULTIPLES: (Multiple(Decimal(1), False),)}
    if others:
        yield {"type": others}


def _values(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    """Anything but some values: kind by kind, and for arrays and objects part by part."""
    from .conjunction import values_of

    values = values_of(node) or []
    for kind in KINDS:
        own = [one for one in values if kind_of(one) == kind]
        if not own:
            yield {"type": kind}
        elif kind in ("array", "object"):
            yield {"allOf": [{"type": kind}, *({"not": _spelled_out(one)} for one in own)]}
        elif kind == "string":
            yield {"type": kind, FACETS: tuple(Facet("text", one, False) for one in own)}
        elif kind == "number":
            yield {"type": kind, EXCLUDED: tuple(Decimal(exact(one)) for one in own)}
        elif kind == "boolean" and len({*own}) == 1:
            yield {"enum": [not own[0]]}


def _spelled_out(value: Any) -> Schema:
    """The schema of an array or an object that holds just this."""
    if isinstance(value, list):
        n = len(value)
        items = [{"const": item} for item in value]
        return {"type": "array", "prefixItems": items, "minItems": n, "maxItems": n}
    return {
        "type": "object",
        "properties": {name: {"const": item} for name, item in value.items()},
        "required": list(value),
        "additionalProperties": False,
    }


def _ref(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield inverse(survey, survey.target(node))


def _all_of(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield from (inverse(survey, part) for part in value)


def _any_of(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield {"allOf": [inverse(survey, branch) for branch in value]}


def _one_of(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    """No branch, or two of those that may overlap."""
    yield from _any_of(survey, node, value)
    for i, j in survey.overlaps_of(node):
        yield {"allOf": [value[i], value[j]]}


def _not(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield value


def _if(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    if "then" in node:
        yield {"allOf": [value, inverse(survey, node["then"])]}
    if "else" in node:
        yield {"allOf": [inverse(survey, value), inverse(survey, node["else"])]}


def _rewritten(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    """Of keywords that another schema can say: the negation of that schema."""
    yield {"allOf": [inverse(survey, one) for one in survey.expansion.unevaluated(node)]}


def _dependent_schemas(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for name, schema in value.items():
        required = {"type": "object", "required": [name]}
        yield {"allOf": [required, inverse(survey, schema)]}


# ------------------------------------------------------------------ strings and numbers


def _facets(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for facet in facets_of(node):
        if facet.kind == "format" and facet.holds and facet.text in formats.INSIDE:
            note = f'"{facet.text}" stands for a part of its strings only'
            raise survey.unsupported(node, "format", f"{facet.text} within a negation", note)
        yield {"type": "string", FACETS: (facet.inverse(),)}


def _least(kind: str, opposite: str) -> _Not:
    def fewer(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
        if value > 0:
            yield {"type": kind, opposite: value - 1}

    return fewer


def _most(kind: str, keyword: str, opposite: str) -> _Not:
    def more(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
        if most(node, keyword) is not None:
            yield {"type": kind, opposite: value + 1}

    return more


def _bound(opposite: str) -> _Not:
    def beyond(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
        yield {"type": "number", opposite: value}

    return beyond


def _multiples(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for divisor, holds in multiples_of(node):
        yield {"type": "number", MULTIPLES: (Multiple(divisor, not holds),)}


def _excluded(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield {"enum": list(excluded_of(node))}


# ------------------------------------------------------------------ objects


def _members(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for held, schema in members_of(node):
        failing = inverse(survey, schema)
        if failing is False:
            continue
        if len(held.texts) == 1 and not held.languages and not held.outside:
            (name,) = held.texts
            yield {"type": "object", "required": [name], "properties": {name: failing}}
        else:
            yield {"type": "object", COUNTS: (Count(held, failing, 1, None),)}


def _required(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for name in value:
        yield {"type": "object", "properties": {name: False}}


def _property_names(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    allowed = names.of(survey.expansion.language(value))
    yield {"type": "object", COUNTS: (Count(allowed.inverse(), True, 1, None),)}


def _counts(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for held, schema, least, highest in counts_of(node):
        if least > 0:
            yield {"type": "object", COUNTS: (Count(held, schema, 0, least - 1),)}
        if highest is not None:
            yield {"type": "object", COUNTS: (Count(held, schema, highest + 1, None),)}


def _presences(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for presence in presences_of(node):
        yield {"type": "object", PRESENCE: (presence.inverse(),)}


# ------------------------------------------------------------------ arrays


def _prefix_items(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for i, schema in enumerate(value):
        failing = inverse(survey, schema)
        if failing is not False:
            prefix: list[Schema] = [*([True] * i), failing]
            yield {"type": "array", "minItems": i + 1, "prefixItems": prefix}


def _items(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    failing = inverse(survey, value)
    if failing is not False:
        start = len(node.get("prefixItems", ()))
        yield {"type": "array", ITEM_COUNTS: (ItemCount(start, failing, 1, None),)}


def _item_counts(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    for start, schema, least, highest in item_counts_of(node):
        if least > 0:
            yield {"type": "array", ITEM_COUNTS: (ItemCount(start, schema, 0, least - 1),)}
        if highest is not None:
            yield {"type": "array", ITEM_COUNTS: (ItemCount(start, schema, highest + 1, None),)}


def _unique(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    if value:
        yield {"type": "array", REPEATS: True}


def _repeats(survey: Survey, node: Node, value: Any) -> Iterator[Schema]:
    yield {"type": "array", "uniqueItems": True}


_NOT: Mapping[str, _Not] = {
    "type": _type,
    **dict.fromkeys(("enum", "const"), _values),
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "dependentSchemas": _dependent_schemas,
    **dict.fromkeys(("unevaluatedProperties", "unevaluatedItems"), _rewritten),
    **dict.fromkeys(("pattern", "format", FACETS), _facets),
    "minLength": _least("string", "maxLength"),
    "maxLength": _most("string", "maxLength", "minLength"),
    "minimum": _bound("exclusiveMaximum"),
    "maximum": _bound("exclusiveMinimum"),
    "exclusiveMinimum": _bound("maximum"),
    "exclusiveMaximum": _bound("minimum"),
    **dict.fromkeys(("multipleOf", MULTIPLES), _multiples),
    EXCLUDED: _excluded,
    **dict.fromkeys(("properties", "patternProperties", "additionalProperties", MEMBERS), _members),
    "required": _required,
    "propertyNames": _property_names,
    **dict.fromkeys(("minProperties", "maxProperties", COUNTS), _counts),
    **dict.fromkeys(("dependentRequired", PRESENCE), _presences),
    "prefixItems": _prefix_items,
    "items": _items,
    "minItems": _least("array", "maxItems"),
    "maxItems": _most("array", "maxItems", "minItems"),
    **dict.fromkeys(("contains", ITEM_COUNTS), _item_counts),
    "uniqueItems": _unique,
    REPEATS: _repeats,
}
"""A handler for several keywords reads them all at once."""
