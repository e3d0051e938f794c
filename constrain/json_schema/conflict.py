"""Why nothing satisfies a schema: the conflict, in words and with its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from constrain.errors import EmptyLanguage

from .conjunction import values_of
from .facets import facets_of
from .keywords import KEYWORDS_OF, types_of
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey


_Reason = tuple[str, list[Schema]]
"""What is wrong, and the schemas whose fault it is in turn."""


def empty_language(survey: Survey) -> EmptyLanguage:
    """The error for a schema that nothing satisfies: the path from its root to the conflict."""
    seen: set[int] = set()
    steps: list[str] = []
    causes: list[Schema] = [survey.root]
    while causes:
        schema = causes[0]
        if id(schema) in seen:
            steps.append("and so on without end")
            break
        seen.add(id(schema))
        text, causes = _reason(survey, schema)
        steps.append(f"{survey.where(schema) or '#'}: {text}" if text else "")
    return EmptyLanguage("nothing satisfies the schema; " + "; ".join(filter(None, steps)))


def _reason(survey: Survey, schema: Schema) -> _Reason:
    node = survey.behind(schema)
    if isinstance(node, bool):
        same = node is schema
        return ("false allows nothing" if same else "its parts have no type in common", [])
    if node is not schema:
        return ("", [node])
    branches = survey.alternatives.get(id(node))
    if branches is not None and not branches:
        return ("it is defined by itself alone, or together with false", [])
    if branches is not None:
        return (f"none of its {len(branches)} branches can be satisfied", branches)
    if values_of(node) is not None:
        return ("no value of its enum or const satisfies the rest of it", [])
    reasons = [_of_kind(survey, node, kind) for kind in types_of(node) or ()]
    return reasons[0] if reasons else ("it is defined by itself alone", [])


def _of_kind(survey: Survey, node: Node, kind: str) -> _Reason:
    if kind in _REASONS:
        return _REASONS[kind](survey, node)
    found = {key: node[key] for key in sorted(KEYWORDS_OF[kind]) if key in node}
    bounds = " and ".join(f"{key} {value}" for key, value in found.items())
    return (f"{bounds} leave no {kind}", [])


def _string(survey: Survey, node: Node) -> _Reason:
    found = [f"{'' if f.holds else 'not '}{f.kind} {f.text!r}" for f in facets_of(node)]
    found += [f"{key} {node[key]}" for key in ("minLength", "maxLength") if key in node]
    return (f"{' and '.join(found)} leave no string", [])


def _object(survey: Survey, node: Node) -> _Reason:
    properties, other = node.get("properties", {}), node.get("additionalProperties", True)
    for name in node.get("required", ()):
        schema = properties.get(name, other)
        if not survey.is_alive(schema):
            if name not in properties and schema is False:
                return (f'"{name}" is required, but no such property is allowed', [])
            return (f'no value fits the required property "{name}"', [schema])
    return ("the properties that it must have and those that it may have do not go together", [])


def _array(survey: Survey, node: Node) -> _Reason:
    lo, hi = node.get("minItems", 0), node.get("maxItems")
    if hi is not None and lo > hi:
        return (f"minItems {lo} is above maxItems {hi}", [])
    items = [*node.get("prefixItems", [])[:lo], node.get("items", True)]
    dead = ((i, item) for i, item in enumerate(items) if not survey.is_alive(item))
    i, schema = next(dead, (-1, True))
    if i < 0:
        return ("the items that it must have and those that it may have do not go together", [])
    return (f"at least {lo} items are required, but no value fits item {i}", [schema])


_REASONS: Mapping[str, Callable[[Survey, Node], _Reason]] = {
    "string": _string,
    "object": _object,
    "array": _array,
}
