"""Conjunctions that plainly allow nothing, seen before they are built.

`allOf` with ten `if`s about one property has a thousand combinations of branches, nearly all of
them asking two values of it at once. This is a quick look at types, values and required
properties, and may miss what is hidden deeper: the survey finds that later.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import instances
from .conjunction import common_types, values_of
from .keywords import APPLICATORS, types_of
from .source import Node, Schema

if TYPE_CHECKING:
    from .expansion import Expansion

_DEPTH = 3


def is_plain(expansion: Expansion, nodes: list[Node], depth: int = _DEPTH) -> bool:
    """Is it plain that no value satisfies all of `nodes`, which hold no applicators?"""
    types: Any = None
    for node in nodes:
        types = common_types(types, types_of(node))
        if types == []:
            return True
    for node in nodes:
        values = values_of(node)
        if values is not None:
            return not any(_fits(expansion, nodes, value) for value in values)
    if types is None or list(types) != ["object"] or depth == 0:
        return False
    required = {name for node in nodes for name in node.get("required", ())}
    return any(_never(expansion, nodes, name, depth - 1) for name in required)


def _fits(expansion: Expansion, nodes: list[Node], value: Any) -> bool:
    return all(instances.satisfies(expansion.survey, node, value) for node in nodes)


def is_implied(expansion: Expansion, nodes: list[Node], schema: Schema) -> bool:
    """Is it plain that every value of all of `nodes` satisfies `schema`?"""
    if isinstance(schema, bool):
        return schema
    if not APPLICATORS.isdisjoint(schema) or not nodes:
        return False
    opposite = expansion.opposite(schema)
    return opposite is not None and _all_clash(expansion, nodes, opposite, _DEPTH)


def _all_clash(expansion: Expansion, nodes: list[Node], branches: list[Schema], depth: int) -> bool:
    """Is it plain that `nodes` leave none of these branches?"""
    return all(
        branch is False
        or (
            isinstance(branch, dict)
            and APPLICATORS.isdisjoint(branch)
            and is_plain(expansion, [*nodes, branch], depth)
        )
        for branch in branches
    )


def _never(expansion: Expansion, nodes: list[Node], name: str, depth: int) -> bool:
    """Is it plain that no value fits the property `name` in all of `nodes`?"""
    schemas = [s for node in nodes for s in _said_of(node, name)]
    flat: list[Schema] = [m for schema in schemas for m in expansion.members(schema)]
    if any(schema is False for schema in flat):
        return True
    known = [schema for schema in flat if isinstance(schema, dict)]
    leaves = [schema for schema in known if APPLICATORS.isdisjoint(schema)]
    if not leaves:
        return False
    return is_plain(expansion, leaves, depth) or any(
        _excludes(expansion, leaves, schema, depth) for schema in known
    )


def _excludes(expansion: Expansion, leaves: list[Node], schema: Node, depth: int) -> bool:
    """Does a plain negation among the members leave nothing?"""
    inner = schema["not"] if schema.keys() == {"not"} else None
    if not isinstance(inner, dict) or not APPLICATORS.isdisjoint(inner):
        return False
    opposite = expansion.opposite(inner)
    return opposite is not None and _all_clash(expansion, leaves, opposite, depth)


def _said_of(node: Node, name: str) -> list[Schema]:
    properties = node.get("properties", {})
    if name in properties:
        return [properties[name]]
    if "additionalProperties" in node and "patternProperties" not in node:
        return [node["additionalProperties"]]
    return []
