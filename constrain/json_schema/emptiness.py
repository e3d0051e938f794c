"""Which nodes no value can satisfy: the least fixpoint of "some finite value satisfies it".

A node that needs itself (a required property of its own kind, an item that has to be there) is
satisfied by no finite value, and neither is one whose bounds contradict each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from constrain.automata.json_rules import KINDS
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import NEVER

from . import instances, numbers, strings
from .keywords import KEYWORDS_OF, most, types_of
from .source import Node

if TYPE_CHECKING:
    from .survey import Survey


def settle(survey: Survey) -> None:
    """Find the nodes that nothing satisfies and let NEVER stand for them."""
    calls, unfinished = survey.calls, survey.unfinished
    waiting = survey.doubtful[::-1]
    survey.doubtful.clear()
    planned = [*survey.objects.values(), *survey.arrays.values()]
    unfinished.update(id(calls[id(node)]) for node in waiting)
    while waiting:
        for search in planned:
            search.forget()
        still = [node for node in waiting if not _settle_one(survey, node)]
        if len(still) == len(waiting):
            break
        waiting = still
    for search in planned:
        search.forget()
    if waiting:
        calls.update([(key, NEVER) for key, call in calls.items() if id(call) in unfinished])
        unfinished.intersection_update((id(NEVER),))


def _settle_one(survey: Survey, node: Node) -> bool:
    if not _can_be_satisfied(survey, node):
        return False
    survey.unfinished.discard(id(survey.calls[id(node)]))
    return True


def _can_be_satisfied(survey: Survey, node: Node) -> bool:
    """Does some value satisfy `node`, as far as is known of the schemas that it leads to?"""
    branches = survey.alternatives.get(id(node))
    if branches is not None:
        return any(map(survey.is_alive, branches))
    values = instances.admitted(survey, node)
    if values is not None:
        return bool(values)
    return any(allows_some(survey, node, kind) for kind in types_of(node) or KINDS)


def allows_some(survey: Survey, node: Node, kind: str) -> bool:
    """Is there a value of this kind that the keywords about it allow?"""
    return KEYWORDS_OF[kind].isdisjoint(node) or _ALLOWS_SOME[kind](survey, node)


def _string(survey: Survey, node: Node) -> bool:
    try:
        return strings.is_satisfiable(node)
    except LimitExceeded as error:
        where = survey.where(node) or "#"
        note = f"the string at {where}: {error.note or 'too much is said of it'}"
        raise LimitExceeded(error.limit, error.reached, note) from None


def _object(survey: Survey, node: Node) -> bool:
    search = survey.objects.get(id(node))
    if search is not None:
        return search.is_live(search.plan.start)
    properties, other = node.get("properties", {}), node.get("additionalProperties", True)
    return all(survey.is_alive(properties.get(name, other)) for name in node.get("required", ()))


def _array(survey: Survey, node: Node) -> bool:
    search = survey.arrays.get(id(node))
    if search is not None:
        return search.is_live(search.plan.start)
    lo, hi = node.get("minItems", 0), most(node, "maxItems")
    if hi is not None and lo > hi:
        return False
    prefix = node.get("prefixItems", [])
    return all(map(survey.is_alive, prefix[:lo])) and (
        lo <= len(prefix) or survey.is_alive(node.get("items", True))
    )


_ALLOWS_SOME: Mapping[str, Callable[[Survey, Node], bool]] = {
    "string": _string,
    "number": lambda survey, node: numbers.allows_some(node, integers=False),
    "integer": lambda survey, node: numbers.allows_some(node, integers=True),
    "object": _object,
    "array": _array,
}
