"""Proofs that the branches of `oneOf` have no value in common, so that it means `anyOf`.

A proof looks for one thing that tells two schemas apart: their types, their lists of values,
bounds that do not meet, the number of items, or a property that both require (a tag) whose
schemas are told apart in the same way. Where no proof is found the survey looks whether the
conjunction of two branches can be satisfied; if it can, each is taken without the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import combinations
from typing import TYPE_CHECKING

from constrain.automata.json_rules import KINDS

from . import instances, numbers
from .keywords import COMPLEX_OBJECTS, most, types_of
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey

MAX_DEPTH = 4
"""How deep a proof looks into properties and items."""


def doubtful_pairs(survey: Survey, branches: list[Schema]) -> list[tuple[int, int]]:
    """Pairs of branches of a `oneOf` that no quick proof tells apart."""
    if _have_distinct_tags(survey, branches):
        return []
    return [
        (i, j)
        for (i, a), (j, b) in combinations(enumerate(branches), 2)
        if not are_disjoint(survey, a, b, MAX_DEPTH)
    ]


def _have_distinct_tags(survey: Survey, branches: list[Schema]) -> bool:
    """Does one property, required by all, hold other texts in each? A short cut for `check`."""
    leaves = [survey.leaves(branch) for branch in branches]
    first = next((leaf for found in leaves for leaf in found), True)
    names: list[str] = [] if isinstance(first, bool) else first.get("required", [])
    return any(_is_tag(survey, name, leaves) for name in names)


def _is_tag(survey: Survey, name: str, leaves: list[list[Schema]]) -> bool:
    seen: set[str] = set()
    for found in leaves:
        texts: set[str] = set()
        for leaf in found:
            values = _tags(survey, name, leaf)
            if values is None:
                return False
            texts.update(values)
        if texts & seen:
            return False
        seen |= texts
    return True


def _tags(survey: Survey, name: str, leaf: Schema) -> list[str] | None:
    """The texts that property `name` of an object can hold; None unless they can be listed."""
    if isinstance(leaf, bool) or types_of(leaf) != ("object",):
        return None
    if name not in leaf.get("required", ()):
        return None
    texts: list[str] = []
    for schema in survey.leaves(_property(leaf, name)):
        values = None if isinstance(schema, bool) else instances.admitted(survey, schema)
        if values is None or not all(isinstance(value, str) for value in values):
            return None
        texts.extend(values)
    return texts


def are_disjoint(survey: Survey, a: Schema, b: Schema, depth: int) -> bool:
    """Is it certain that no value satisfies both `a` and `b`?"""
    return all(
        isinstance(x, dict) and isinstance(y, dict) and _leaves_are_disjoint(survey, x, y, depth)
        for x in survey.leaves(a)
        for y in survey.leaves(b)
    )


def _leaves_are_disjoint(survey: Survey, a: Node, b: Node, depth: int) -> bool:
    for one, other in ((a, b), (b, a)):
        values = instances.admitted(survey, one)
        if values is not None:
            return not any(instances.satisfies(survey, other, value) for value in values)
    kinds = _kinds(a) & _kinds(b)
    return all(kind in _DISJOINT and _DISJOINT[kind](survey, a, b, depth) for kind in kinds)


def _kinds(node: Node) -> set[str]:
    return {"number" if name == "integer" else name for name in types_of(node) or KINDS}


def _strings(survey: Survey, a: Node, b: Node, depth: int) -> bool:
    return _ranges_miss(a, b, "minLength", "maxLength")


def _ranges_miss(a: Node, b: Node, least: str, highest: str) -> bool:
    a_most, b_most = most(a, highest), most(b, highest)
    return (a_most is not None and a_most < b.get(least, 0)) or (
        b_most is not None and b_most < a.get(least, 0)
    )


def _numbers(survey: Survey, a: Node, b: Node, depth: int) -> bool:
    x, y = numbers.interval(a), numbers.interval(b)
    both = numbers.intersection(x, y)
    integers = any("number" not in (types_of(node) or KINDS) for node in (a, b))
    return (both.integers() if integers else both).is_empty


def _objects(survey: Survey, a: Node, b: Node, depth: int) -> bool:
    """A name that one of them requires tells them apart: by its value, or as forbidden."""
    if depth == 0:
        return False
    names = dict.fromkeys([*a.get("required", ()), *b.get("required", ())])
    return any(
        are_disjoint(survey, _property(a, name), _property(b, name), depth - 1) for name in names
    )


def _property(node: Node, name: str) -> Schema:
    if not COMPLEX_OBJECTS.isdisjoint(node):
        return True
    return node.get("properties", {}).get(name, node.get("additionalProperties", True))


def _arrays(survey: Survey, a: Node, b: Node, depth: int) -> bool:
    """The number of items, or an item that has to be there, tells them apart."""
    if _ranges_miss(a, b, "minItems", "maxItems"):
        return True
    if depth == 0:
        return False
    n_sure = min(max(a.get("minItems", 0), b.get("minItems", 0)), MAX_DEPTH)
    return any(are_disjoint(survey, _item(a, i), _item(b, i), depth - 1) for i in range(n_sure))


def _item(node: Node, i: int) -> Schema:
    prefix = node.get("prefixItems", [])
    return prefix[i] if i < len(prefix) else node.get("items", True)


_DISJOINT: Mapping[str, Callable[[Survey, Node, Node, int], bool]] = {
    "string": _strings,
    "number": _numbers,
    "object": _objects,
    "array": _arrays,
}
"""Kinds that can be told apart; of booleans and nulls every schema without values has all."""
