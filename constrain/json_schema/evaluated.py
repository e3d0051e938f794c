"""`unevaluatedProperties` and `unevaluatedItems`, as a choice between schemas without them.

What is evaluated depends on which subschemas succeed. Each *case* is one way for them to: the
schemas that hold in it, and the names and items that these evaluate. In each case the keyword
speaks of the rest. A case need not say which other subschemas fail: where they succeed too, more
is evaluated, and what the case demands is only stricter than the case with them, also listed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded

from . import names, negation
from .keywords import APPLICATORS, CHECKS, MEMBERS
from .names import Names
from .parts import Members, members_of
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey

MAX_CASES = 256
NO_NAMES = Names()


@dataclass(frozen=True, slots=True)
class Case:
    """`held`: the schemas that hold. `names`: of members, `prefix` (None: all): how many items
    from the first on, `items`: which schemas of items, are evaluated."""

    held: tuple[Schema, ...] = ()
    names: Names = NO_NAMES
    prefix: int | None = 0
    items: tuple[Schema, ...] = ()


def branches(survey: Survey, node: Node) -> list[Schema]:
    """The schemas that `node`, which has one of the two keywords, is a choice between."""
    rest = {k: v for k, v in node.items() if k not in _KEYWORDS}
    found: list[Schema] = []
    for case in _cases(survey, rest, frozenset()):
        found.append({"allOf": [*case.held, *_demands(node, case)]})
    return found


_KEYWORDS = ("unevaluatedProperties", "unevaluatedItems")


def _demands(node: Node, case: Case) -> list[Schema]:
    """What the two keywords say of what is not evaluated in a case."""
    found: list[Schema] = []
    if "unevaluatedProperties" in node and not case.names.is_all:
        schema = node["unevaluatedProperties"]
        found.append({MEMBERS: (Members(case.names.inverse(), schema),)})
    if "unevaluatedItems" in node and case.prefix is not None:
        schema = node["unevaluatedItems"]
        items = {"anyOf": [*case.items, schema]} if case.items else schema
        found.append({"prefixItems": [True] * case.prefix, "items": items})
    return found


def _cases(survey: Survey, schema: Schema, path: frozenset[int]) -> list[Case]:
    if isinstance(schema, bool):
        return [Case()] if schema else []
    if id(schema) in path:
        return []
    path |= {id(schema)}
    cases = [_own_case(survey, schema)]
    for keyword, value in schema.items():
        handler = _CASES.get(keyword)
        if handler is not None:
            cases = _product(cases, handler(survey, schema, value, path))
    return cases


def _own_case(survey: Survey, node: Node) -> Case:
    own = {k: v for k, v in node.items() if k in CHECKS and k not in APPLICATORS}
    evaluated = names.union(members.names for members in members_of(node))
    prefix = None if "items" in node else len(node.get("prefixItems", ()))
    items = (node["contains"],) if "contains" in node and survey.draft.contains_evaluates else ()
    if "unevaluatedProperties" in node:
        evaluated = names.ALL
    if "unevaluatedItems" in node:
        prefix = None
    held: tuple[Schema, ...] = (own,) if own else ()
    if any(keyword in node for keyword in _KEYWORDS):
        held = (node,)
    return Case(held, evaluated, prefix, items)


def _product(some: Iterable[Case], others: list[Case]) -> list[Case]:
    found: dict[Any, Case] = {}
    for a in some:
        for b in others:
            case = _both(a, b)
            key = (tuple(map(id, case.held)), case.names, case.prefix, len(case.items))
            found[key] = case
            if len(found) > MAX_CASES:
                note = "too many ways to evaluate properties or items"
                raise LimitExceeded("cases of unevaluated keywords", len(found), note)
    return list(found.values())


def _both(a: Case, b: Case) -> Case:
    prefix = None if a.prefix is None or b.prefix is None else max(a.prefix, b.prefix)
    held = {id(schema): schema for schema in (*a.held, *b.held)}
    items = a.items + b.items
    return Case(tuple(held.values()), names.union((a.names, b.names)), prefix, items)


_Cases = Callable[["Survey", Node, Any, frozenset[int]], list[Case]]


def _evaluates(case: Case) -> bool:
    return case.names != NO_NAMES or case.prefix != 0 or bool(case.items)


def _ref(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    return _cases(survey, survey.target(node), path)


def _all_of(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    cases = [Case()]
    for part in value:
        cases = _product(cases, _cases(survey, part, path))
    return cases


def _any_of(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    """Each branch holds, or nothing is known of it; at least one holds."""
    by_branch = [_cases(survey, branch, path) for branch in value]
    if not any(_evaluates(case) for cases in by_branch for case in cases):
        return [Case(({"anyOf": value},))]
    nothing = Case()
    found = [nothing]
    for cases in by_branch:
        found = _product(found, [*cases, nothing])
    return [case for case in found if case is not nothing and (case.held or _true_in(value))]


def _true_in(branches: list[Schema]) -> bool:
    return any(branch is True or branch == {} for branch in branches)


def _one_of(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    whole: Schema = {"oneOf": value}
    found = [case for branch in value for case in _cases(survey, branch, path)]
    return [replace(case, held=(whole, *case.held)) for case in found]


def _not(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    return [Case(({"not": value},))]


def _if(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    first = _cases(survey, value, path)
    then = _cases(survey, node.get("then", True), path)
    other = _cases(survey, node.get("else", True), path)
    failed = Case((negation.inverse(survey, value),))
    return [*_product(first, then), *_product([failed], other)]


def _dependent_schemas(survey: Survey, node: Node, value: Any, path: frozenset[int]) -> list[Case]:
    cases = [Case()]
    for name, schema in value.items():
        absent = Case(({"properties": {name: False}},))
        present = _product([Case(({"required": [name]},))], _cases(survey, schema, path))
        cases = _product(cases, [absent, *present])
    return cases


_CASES: Mapping[str, _Cases] = {
    "$ref": _ref,
    "allOf": _all_of,
    "anyOf": _any_of,
    "oneOf": _one_of,
    "not": _not,
    "if": _if,
    "dependentSchemas": _dependent_schemas,
}
