"""`$dynamicRef` (and `$recursiveRef`), made plain references.

A dynamic reference leads to the outermost schema resource, of those entered on the way to it,
that has the same dynamic anchor (JSON Schema Core 2020-12, section 8.2.3.2). So a schema means
one thing for each set of bindings from anchors to resources. Every schema that is referred to is
copied once for each set of bindings with which it is reached; in a copy all references are plain.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from constrain.errors import LimitExceeded

from .pointers import LISTS, MAPS, ONE
from .source import Node, Schema

MAX_COPIES = 2_000

Bindings = frozenset[tuple[str, int]]
"""Name of a dynamic anchor, and the `id` of the schema that it stands for."""


@dataclass(slots=True)
class Scopes:
    """What is known of references and resources before they are made plain.

    homes: node (by `id`) -> its resource; anchors: resource -> its dynamic anchors;
    targets: (node, keyword) -> what the reference leads to at first, and the anchor it names.
    """

    homes: Mapping[int, str]
    anchors: Mapping[str, Mapping[str, Node]]
    targets: Mapping[tuple[int, str], tuple[Schema, str | None] | None]
    nodes: dict[int, Schema] = field(default_factory=dict[int, Schema])


def specialize(root: Node, scopes: Scopes) -> Node:
    """A schema without dynamic references that means what `root` means."""
    return _Copier(scopes).run(root)


class _Copier:
    def __init__(self, scopes: Scopes):
        self.scopes = scopes
        self.pointers: dict[tuple[int, Bindings], str] = {}
        self.waiting: list[tuple[Schema, Bindings, str]] = []

    def run(self, root: Node) -> Node:
        copy = self.copy(root, frozenset())
        definitions: Node = {}
        while self.waiting:
            schema, bindings, name = self.waiting.pop()
            definitions[name] = self.copy(schema, bindings)
            if len(self.pointers) > MAX_COPIES:
                raise LimitExceeded("copies of schemas with $dynamicRef", len(self.pointers))
        copy["$defs"] = definitions
        return copy

    def entered(self, schema: Schema, bindings: Bindings) -> Bindings:
        """The bindings inside `schema`, whose resource binds what is not bound yet."""
        home = self.scopes.homes.get(id(schema))
        own = self.scopes.anchors.get(home, {}) if home is not None else {}
        bound = dict(bindings)
        for name, node in own.items():
            if name not in bound:
                bound[name] = id(node)
                self.scopes.nodes[id(node)] = node
        return frozenset(bound.items())

    def pointer(self, schema: Schema, bindings: Bindings) -> str:
        bindings = self.entered(schema, bindings)
        key = (id(schema), bindings)
        if key not in self.pointers:
            name = str(len(self.pointers))
            self.pointers[key] = f"#/$defs/{name}"
            self.waiting.append((schema, bindings, name))
        return self.pointers[key]

    def copy(self, schema: Any, bindings: Bindings) -> Any:
        if not isinstance(schema, dict):
            return schema
        bindings = self.entered(schema, bindings)

        def inner(child: Any) -> Any:
            return self.copy(child, bindings)

        found: Node = {}
        for keyword, value in schema.items():
            if keyword in ("$defs", "definitions"):
                continue
            found[keyword] = _copied(keyword, value, inner)
        references = [k for k in ("$ref", "$dynamicRef", "$recursiveRef") if k in schema]
        for keyword in references:
            del found[keyword]
            pointer = self.target(schema, keyword, bindings)
            if "$ref" in found:
                found.setdefault("allOf", []).append({"$ref": pointer})
            else:
                found["$ref"] = pointer
        return found

    def target(self, node: Node, keyword: str, bindings: Bindings) -> Any:
        known = self.scopes.targets.get((id(node), keyword))
        if known is None:
            return node[keyword]
        schema, anchor = known
        bound = dict(bindings)
        if anchor is not None and anchor in bound:
            schema = self.scopes.nodes[bound[anchor]]
        return self.pointer(schema, bindings)


def _copied(keyword: str, value: Any, inner: Callable[[Any], Any]) -> Any:
    if keyword in ONE:
        return inner(value)
    if keyword in LISTS and isinstance(value, list):
        return list(map(inner, value))
    if keyword in MAPS and isinstance(value, dict):
        return {name: inner(child) for name, child in value.items()}
    return value
