"""One node of a schema to one expression of a grammar; subschemas stay Calls.

The survey has been made: what is malformed, unsupported or cannot be satisfied is known, so that
nothing here can fail and no expression holds a dead end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from constrain.automata.json_rules import KINDS
from constrain.syntax.grammar import (
    NEVER,
    Call,
    Expr,
    JsonArray,
    JsonObject,
    Regular,
    Space,
    choice,
)

from . import arrays, emptiness, instances, numbers, objects, strings
from .keywords import KEYWORDS_OF, most, types_of
from .source import Node
from .survey import Survey
from .values import spelled

_Lower = Callable[[Survey, Node, Space], Expr]


def lower(survey: Survey, node: Node, space: Space) -> Expr:
    """The JSON texts of the values that satisfy `node`."""
    if id(node) in survey.alternatives:
        return choice(survey.calls[id(leaf)] for leaf in survey.leaves(node))
    values = instances.admitted(survey, node)
    if values is not None:
        any_order = survey.options.property_order == "any"
        return spelled(values, space, survey.draft.zero_fractions, any_order)
    kinds = types_of(node) or KINDS
    if len(kinds) == 1:
        return _lower_kind(survey, node, kinds[0], space)
    living = (kind for kind in kinds if emptiness.allows_some(survey, node, kind))
    return choice(_lower_kind(survey, node, kind, space) for kind in living)


def _lower_kind(survey: Survey, node: Node, kind: str, space: Space) -> Expr:
    """The values of one kind."""
    if KEYWORDS_OF[kind].isdisjoint(node):
        return survey.standard[kind]
    return _LOWER[kind](survey, node, space)


def _string(survey: Survey, node: Node, space: Space) -> Expr:
    return strings.string(node, lambda key: Call(("text", survey.number(node), key)))


def _number(survey: Survey, node: Node, space: Space) -> Expr:
    return Regular(numbers.texts(node, False, survey.draft.zero_fractions))


def _integer(survey: Survey, node: Node, space: Space) -> Expr:
    return Regular(numbers.texts(node, True, survey.draft.zero_fractions))


def _object(survey: Survey, node: Node, space: Space) -> Expr:
    """Declared names in their order, then required names that are not declared, then others.

    A declared name that no value fits is left out, or banned where other names may stand.
    """
    if id(node) in survey.objects:
        return object_writer(survey, survey.number(node), space).whole()
    calls = survey.calls
    properties: dict[str, Any] = node.get("properties", {})
    required = dict.fromkeys(node.get("required", ()))
    other = calls[id(node.get("additionalProperties", True))]
    members: list[tuple[str, Expr, bool]] = []
    banned: list[tuple[str, Expr, bool]] = []
    for name, schema in properties.items():
        call = calls[id(schema)]
        if call is NEVER:
            banned.append((name, NEVER, False))
        else:
            members.append((name, call, name in required))
    members.extend((name, other, True) for name in required if name not in properties)
    if other is NEVER:
        return JsonObject(tuple(members), None, space)
    return JsonObject((*members, *banned), other, space)


def _array(survey: Survey, node: Node, space: Space) -> Expr:
    """The prefix ends before an item that no value fits."""
    if id(node) in survey.arrays:
        return array_writer(survey, survey.number(node), space).whole()
    calls = survey.calls
    lo, hi = node.get("minItems", 0), most(node, "maxItems")
    prefix = [calls[id(schema)] for schema in node.get("prefixItems", ())]
    rest = calls[id(node.get("items", True))]
    if NEVER in prefix:
        prefix, rest = prefix[: prefix.index(NEVER)], NEVER
    if rest is NEVER or (hi is not None and hi <= len(prefix)):
        hi = len(prefix) if hi is None else min(hi, len(prefix))
        return JsonArray(tuple(prefix[:hi]), None, lo, hi, space)
    return JsonArray(tuple(prefix), rest, lo, hi, space)


def object_writer(survey: Survey, number: int, space: Space) -> objects.Writer:
    """What writes the rules of the object of rule `number`."""
    search = survey.objects[id(survey.nodes[number])]
    return objects.Writer(search, survey.call, lambda key: Call(("object", number, key)), space)


def array_writer(survey: Survey, number: int, space: Space) -> arrays.Writer:
    """What writes the rules of the array of rule `number`."""
    search = survey.arrays[id(survey.nodes[number])]
    zero_fractions = survey.draft.zero_fractions
    any_order = survey.options.property_order == "any"

    def rule(key: object) -> Call:
        return Call(("array", number, key))

    return arrays.Writer(search, survey.call, rule, space, zero_fractions, any_order)


def state_rule(survey: Survey, name: Hashable, space: Space) -> Expr | None:
    """The rule of a state of an object, an array or a string; None for other names."""
    match name:
        case ("object", int(number), (tuple(), bool()) as key):
            return object_writer(survey, number, space).rest(key)  # pyright: ignore
        case ("array", int(number), (tuple(), bool()) as key):
            return array_writer(survey, number, space).rest(key)  # pyright: ignore
        case ("text", int(number), (int(state), int(count))):
            found = strings.counted(survey.nodes[number])
            return found.rest(state, count, lambda key: Call(("text", number, key)))
        case _:
            return None


_LOWER: Mapping[str, _Lower] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "object": _object,
    "array": _array,
}
