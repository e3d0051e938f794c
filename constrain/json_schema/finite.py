"""Schemas that only finitely many values satisfy: which ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from . import instances, numbers
from .keywords import APPLICATORS, KEYWORDS_OF, types_of
from .source import Node, Schema
from .values import equal

if TYPE_CHECKING:
    from .survey import Survey

MAX_VALUES = 512


def values_of(survey: Survey, schema: Schema) -> list[Any] | None:
    """All values of `schema`, each once; None if there are many, or if that is not plain to see."""
    found: list[Any] = []
    for leaf in _leaves(survey, schema, frozenset()) or [True]:
        values = None if isinstance(leaf, bool) else _of_leaf(survey, leaf)
        if values is None:
            return None
        found.extend(value for value in values if not any(equal(value, x) for x in found))
        if len(found) > MAX_VALUES:
            return None
    return found


def _leaves(survey: Survey, schema: Schema, path: frozenset[int]) -> list[Schema]:
    """The schemas without applicators that `schema` is a choice between."""
    if isinstance(schema, bool):
        return [schema] if schema else [{"enum": []}]
    if id(schema) in path:
        return []
    if APPLICATORS.isdisjoint(schema):
        return [schema]
    path |= {id(schema)}
    branches = survey.expansion.branches(schema, False) or [{"enum": []}]
    return [leaf for branch in branches for leaf in _leaves(survey, branch, path)]


def _of_leaf(survey: Survey, node: Node) -> list[Any] | None:
    values = instances.admitted(survey, node)
    if values is not None:
        return values
    found: list[Any] = []
    for kind in types_of(node) or ("object",):
        if kind == "null":
            found.append(None)
        elif kind == "boolean":
            found += [False, True]
        elif kind == "integer" and KEYWORDS_OF["integer"] & node.keys() <= numbers.BOUNDS:
            bounds = numbers.interval(node).integers()
            if bounds.lo is None or bounds.hi is None or bounds.hi - bounds.lo > MAX_VALUES:
                return None
            found += range(int(bounds.lo), int(bounds.hi) + 1)
        else:
            return None
    return found
