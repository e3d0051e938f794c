"""Random schemas out of the keywords that are honoured, and random small instances."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, permutations, product
from typing import Any

from hypothesis import strategies as st

NAMES = ["a", "b", "é"]
NUMBERS = [-2, -1, 0, 1, 2, 0.5, 1.0, -1.5, 10, 12.25]
STRINGS = ["", "a", "b", "ab", "ba", 'a"', "a\nb", "😀"]
PATTERNS = ["a", "^a", "b$", "^a*$", "^(a|b)+$", '"', "^.$", "^(?!a)", "^[^a]*$"]
NAME_PATTERNS = ["a", "^[ab]$", "^.$", "b|é"]
TYPES = ["string", "number", "integer", "object", "array", "boolean", "null"]

scalars = st.sampled_from([*NUMBERS, *STRINGS, True, False, None])

instances = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner, max_size=3)
    ),
    max_leaves=5,
)

_counts = st.integers(0, 3)
_names = st.lists(st.sampled_from(NAMES), max_size=2, unique=True)

_LEAF_KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(TYPES) | st.lists(st.sampled_from(TYPES), min_size=1, unique=True),
    "enum": st.lists(instances, min_size=1, max_size=4),
    "const": instances,
    "minLength": _counts,
    "maxLength": _counts,
    "pattern": st.sampled_from(PATTERNS),
    "minimum": st.sampled_from(NUMBERS),
    "maximum": st.sampled_from(NUMBERS),
    "exclusiveMinimum": st.sampled_from(NUMBERS),
    "exclusiveMaximum": st.sampled_from(NUMBERS),
    "required": _names,
    "minItems": _counts,
    "maxItems": _counts,
    "multipleOf": st.sampled_from([1, 2, 0.5, 0.25, 3]),
    "minProperties": _counts,
    "maxProperties": _counts,
    "dependentRequired": st.dictionaries(st.sampled_from(NAMES), _names, max_size=2),
    "title": st.just("says nothing"),
}
_REFERENCES = st.sampled_from(["#", "#/$defs/x", "#/$defs/y"])


def _keywords(inner: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    branches = st.lists(inner, min_size=1, max_size=3)
    return {
        "properties": st.dictionaries(st.sampled_from(NAMES), inner, max_size=3),
        "additionalProperties": inner,
        "items": inner,
        "prefixItems": st.lists(inner, max_size=2),
        "anyOf": branches,
        "allOf": branches,
        "oneOf": branches,
        "$ref": _REFERENCES,
        "not": inner,
        "if": inner,
        "then": inner,
        "else": inner,
        "patternProperties": st.dictionaries(st.sampled_from(NAME_PATTERNS), inner, max_size=2),
        "propertyNames": inner,
        "dependentSchemas": st.dictionaries(st.sampled_from(NAMES), inner, max_size=2),
        "contains": inner,
        "minContains": _counts,
        "maxContains": _counts,
        "unevaluatedProperties": inner,
        "unevaluatedItems": inner,
    }


def _objects(keywords: dict[str, st.SearchStrategy[Any]], n: int) -> st.SearchStrategy[Any]:
    chosen = st.lists(st.sampled_from(sorted(keywords)), max_size=n, unique=True)
    return chosen.flatmap(lambda names: st.fixed_dictionaries({n: keywords[n] for n in names}))


_leaves = st.booleans() | _objects(_LEAF_KEYWORDS, 3) | _objects(_LEAF_KEYWORDS, 3)
_inner = st.recursive(
    _leaves, lambda inner: _objects({**_LEAF_KEYWORDS, **_keywords(inner)}, 4), max_leaves=5
)


def pairs() -> st.SearchStrategy[Any]:
    """Two schemas in `allOf` that share a type and say many things about it."""
    per_type = {
        "string": ("minLength", "maxLength", "pattern", "enum"),
        "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"),
        "object": ("properties", "required", "additionalProperties", "patternProperties"),
        "array": ("prefixItems", "items", "minItems", "maxItems"),
    }
    keywords = {**_LEAF_KEYWORDS, **_keywords(_leaves)}

    def one(kind: str) -> st.SearchStrategy[Any]:
        some = _objects({name: keywords[name] for name in per_type[kind]}, 3)
        return st.builds(lambda rest: {"type": kind, **rest}, some)

    both = st.sampled_from(sorted(per_type)).flatmap(lambda kind: st.tuples(one(kind), one(kind)))
    return both.map(lambda found: {"allOf": list(found)})


@st.composite
def schemas(draw: st.DrawFn) -> Any:
    """A schema that may refer to itself and to two definitions."""
    root = draw(_objects({**_LEAF_KEYWORDS, **_keywords(_inner)}, 4))
    return {**root, "$defs": {"x": draw(_inner), "y": draw(_inner)}}


def orders(value: Any) -> Iterator[Any]:
    """`value` with the members of its objects in every order, up to 60 orders for each part."""
    if isinstance(value, list):
        yield from map(list, product(*(list(islice(orders(item), 60)) for item in value)))
    elif isinstance(value, dict):
        for names in permutations(value):
            members = [list(islice(orders(value[name]), 60)) for name in names]
            yield from (dict(zip(names, found, strict=True)) for found in product(*members))
    else:
        yield value
