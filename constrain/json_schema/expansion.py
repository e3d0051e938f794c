"""Schemas that bring in other schemas, rewritten as a choice between conjunctions.

`{"type": "object", "$ref": R, "anyOf": [A, B]}` becomes a choice between the conjunctions
{own, R, A} and {own, R, B}; each of these is expanded in turn, until a conjunction is left whose
members can be merged into one node without `$ref`, `allOf`, `anyOf` or `oneOf`.

Nodes made here are *derived*. There is one for each set of nodes that meet, hence finitely many,
and a recursive schema comes to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded

from . import conjunction
from .keywords import APPLICATORS, CHECKS
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey

MAX_DERIVED = 20_000


class Expansion:
    """The derived nodes of a schema, and how they came about."""

    def __init__(self, survey: Survey):
        self._survey = survey
        self._derived: dict[Hashable, Schema] = {}
        self._origins: dict[int, Schema] = {}  # derived node -> the first that it was made from
        self._joined: dict[int, list[Schema]] = {}  # conjunction -> its members
        self._choices: set[int] = set()  # derived nodes with nothing but `anyOf`
        self._checked: set[int] = set()

    def branches(self, node: Node, alone: bool) -> list[Schema]:
        """The schemas that `node`, which holds an applicator, is a choice between.

        alone: nothing else in `node` constrains.
        """
        if alone and "$ref" in node:
            return [self._survey.target(node)]
        if alone and "anyOf" in node:
            return node["anyOf"]
        parts = self._parts(node, frozenset())
        if parts is None:
            return []
        for i, part in enumerate(parts):
            if "anyOf" in part:
                return [self.both([*parts[:i], x, *parts[i + 1 :]]) for x in part["anyOf"]]
        return [self._merged(parts)]

    def both(self, schemas: Iterable[Schema]) -> Schema:
        """The conjunction of `schemas`, not yet looked into."""
        members: dict[int, Schema] = {}
        for schema in schemas:
            if schema is False:
                return False
            if schema is not True:
                inner = self._joined.get(id(schema), [schema])
                members.update((id(member), member) for member in inner)
        if len(members) < 2:
            return next(iter(members.values()), True)
        flat = list(members.values())
        node = self._derive(("all", frozenset(members)), flat[0], lambda: {"allOf": flat})
        self._joined[id(node)] = flat
        return node

    def origin(self, node: Any) -> Any:
        """The node of the schema that `node` was made from (first, if from several)."""
        while id(node) in self._origins:
            node = self._origins[id(node)]
        return node

    def _parts(self, schema: Schema, path: frozenset[int]) -> list[Node] | None:
        """The nodes that `schema` is the conjunction of, each once, in reading order.

        Each holds no applicator, or nothing but `anyOf`. None if nothing can satisfy `schema`:
        it is false, or defined by itself alone (it is on `path`).
        """
        if isinstance(schema, bool):
            return [] if schema else None
        if id(schema) in path:
            return None
        if id(schema) in self._choices:
            return [schema]
        if id(schema) not in self._checked:
            self._checked.add(id(schema))
            self._survey.check(schema)
        if APPLICATORS.isdisjoint(schema):
            return [schema]
        parts: dict[int, Node] = {}
        for part in self._members(schema):
            found = self._parts(part, path | {id(schema)})
            if found is None:
                return None
            parts.update((id(one), one) for one in found)
        return list(parts.values())

    def _members(self, node: Node) -> list[Schema]:
        """What `node` says itself, and the schemas that it brings in."""
        members: list[Schema] = []
        own = {k: v for k, v in node.items() if k in CHECKS and k not in APPLICATORS}
        for keyword in node:
            if keyword == "$ref":
                members.append(self._survey.target(node))
            elif keyword == "allOf":
                members.extend(node[keyword])
            elif keyword in ("anyOf", "oneOf"):
                members.append(self._choice(node, keyword))
            elif keyword in own:
                members.append(self._derive(("own", id(node)), node, lambda: own))
        return members

    def _choice(self, node: Node, keyword: str) -> Schema:
        """A node with nothing but the choice that `keyword` offers in `node`."""
        branches: list[Schema] = node[keyword]
        if keyword == "oneOf" and ("choice", id(branches)) not in self._derived:
            self._survey.one_of.append((node, branches))
            self._survey.push(branches)
        choice = self._derive(("choice", id(branches)), node, lambda: {"anyOf": branches})
        self._choices.add(id(choice))
        return choice

    def _merged(self, parts: list[Node]) -> Schema:
        """The node without applicators that says what all of `parts` say."""
        if not parts:
            return True
        merged: Schema = parts[0]
        for part in parts[1:]:
            if isinstance(merged, bool):
                break
            one = merged
            key = ("merged", frozenset((id(one), id(part))))
            merged = self._derive(key, one, lambda: conjunction.merge(one, part, self.both))  # noqa: B023
        return merged

    def _derive(self, key: Hashable, origin: Schema, make: Callable[[], Schema]) -> Schema:
        node = self._derived.get(key)
        if node is None:
            node = self._derived[key] = make()
            if len(self._derived) > MAX_DERIVED:
                note = "too many ways to combine allOf, anyOf and oneOf"
                raise LimitExceeded("derived schema nodes", len(self._derived), note)
            if isinstance(node, dict):
                self._origins[id(node)] = origin
        return node
