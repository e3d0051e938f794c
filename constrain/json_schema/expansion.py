"""Schemas that bring in other schemas, rewritten as a choice between conjunctions.

`{"type": "object", "$ref": R, "anyOf": [A, B]}` becomes a choice between the conjunctions
{own, R, A} and {own, R, B}; each of these is expanded in turn, until a conjunction is left whose
members can be merged into one node without `$ref`, `allOf`, `anyOf` or `oneOf`.

Nodes made here are *derived*. There is one for each set of nodes that meet, hence finitely many,
and a recursive schema comes to an end.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax import regex_ast as regex

from . import clashes, conjunction, evaluated, instances, negation, presence, strings
from .facets import facets_of
from .keywords import APPLICATORS, CHECKS, PRESENCE, may_be, most
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey

MAX_DERIVED = 20_000
MAX_EFFORT = 100_000  # schemas looked at for clashes
MAX_CHOICES = 12  # choices that are compared before one is split


class Expansion:
    """The derived nodes of a schema, and how they came about."""

    def __init__(self, survey: Survey):
        self.survey = survey
        self._derived: dict[Hashable, Schema] = {}
        self._origins: dict[int, Schema] = {}  # derived node -> the first that it was made from
        self._joined: dict[int, list[Schema]] = {}  # conjunction -> its members
        self._choices: set[int] = set()  # derived nodes with nothing but `anyOf`
        self._checked: set[int] = set()
        self._effort = 0

    def branches(self, node: Node, alone: bool) -> list[Schema]:
        """The schemas that `node`, which holds an applicator, is a choice between.

        alone: nothing else in `node` constrains.
        """
        if alone and "$ref" in node:
            return [self.survey.target(node)]
        if alone and "anyOf" in node and self._presence(node, "anyOf") is None:
            return node["anyOf"]
        parts = self._parts(node, frozenset())
        if parts is None:
            return []
        found = self._split(parts)
        return [self._merged(parts)] if found is None else found

    def _split(self, parts: list[Node]) -> list[Schema] | None:
        """The conjunctions between which `parts` are a choice; None if they hold none.

        Of several choices the one with the fewest living branches goes first, and those that the
        other parts settle are left out (as in the search of Davis, Putnam, Logemann, Loveland).
        """
        choices = [part for part in parts if "anyOf" in part]
        if not choices:
            return None
        leaves = [part for part in parts if "anyOf" not in part]
        fewest: tuple[Node, list[Schema]] | None = None
        settled: set[int] = set()
        for n, choice in enumerate(choices):
            living = [x for x in choice["anyOf"] if not self._clash([*leaves, x])]
            if len(living) > 1 and any(clashes.is_implied(self, leaves, x) for x in living):
                settled.add(id(choice))
            elif fewest is None or len(living) < len(fewest[1]):
                fewest = choice, living
                if len(living) < 2:
                    break
            if len(settled) < n - MAX_CHOICES:
                break
        parts = [part for part in parts if id(part) not in settled]
        if fewest is None:
            return [self._merged(parts)]
        i = next(i for i, part in enumerate(parts) if part is fewest[0])
        return [self.both([*parts[:i], x, *parts[i + 1 :]]) for x in fewest[1]]

    def unevaluated(self, node: Node) -> list[Schema]:
        """The schemas that a node with an `unevaluated...` is a choice between."""
        made = self.derived(
            ("unevaluated", id(node)),
            node,
            lambda: {"anyOf": evaluated.branches(self.survey, node)},
        )
        assert isinstance(made, dict)
        return made["anyOf"]

    def language(self, schema: Schema, path: frozenset[int] = frozenset()) -> regex.Node:
        """The strings that satisfy `schema`, as a regular language."""
        if isinstance(schema, bool) or id(schema) in path:
            return _ANY_STRING if schema is True else regex.NOTHING
        self._known(schema)
        if not APPLICATORS.isdisjoint(schema):
            path |= {id(schema)}
            parts = self.branches(schema, False)
            return regex.union(self.language(part, path) for part in parts)
        return _strings_of(self.survey, schema)

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
        node = self.derived(("all", frozenset(members)), flat[0], lambda: {"allOf": flat})
        self._joined[id(node)] = flat
        return node

    def members(self, schema: Schema) -> list[Schema]:
        """The schemas of which `schema` is the conjunction, as far as it was made as one."""
        return self._joined.get(id(schema), [schema])

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
            choice: list[Schema] = schema["anyOf"]
            return [schema] if len(choice) != 1 else self._parts(choice[0], path | {id(schema)})
        self._known(schema)
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
        if not _UNEVALUATED.isdisjoint(node):
            return [self._choice(("cases", id(node)), node, lambda: self.unevaluated(node))]
        members: list[Schema] = []
        own: Node = {}
        for keyword, value in node.items():
            if keyword in _MEMBERS:
                presence = self._presence(node, keyword)
                members.extend(
                    _MEMBERS[keyword](self, node, value) if presence is None else presence
                )
            elif keyword in CHECKS and keyword not in _WITH_IF:
                if not own:
                    members.append(self.derived(("own", id(node)), node, lambda: own))
                own[keyword] = value
        return members

    def _presence(self, node: Node, keyword: str) -> list[Schema] | None:
        """What `keyword` says, if it only says which properties stand together."""
        if keyword not in _ABOUT_PRESENCE:
            return None
        part = {k: node[k] for k in (keyword, *_WITH_IF) if k in node and k in (keyword, *_WITH_IF)}
        if keyword != "if":
            part = {keyword: node[keyword]}
        found = presence.of(part)
        if found is None:
            return None
        said, kinds = found
        if len(kinds) not in (0, 5):
            return None
        types: Node = {} if kinds else {"type": "object"}
        key = ("presence", id(node), keyword)
        return [self.derived(key, node, lambda: {**types, PRESENCE: (said,)})]

    def _choice(self, key: Hashable, node: Node, make: Callable[[], list[Schema]]) -> Schema:
        """A node with nothing but a choice between schemas."""
        choice = self.derived(key, node, lambda: {"anyOf": make()})
        self._choices.add(id(choice))
        return choice

    def any_of(self, node: Node, value: list[Schema]) -> list[Schema]:
        return [self._choice(("choice", id(value)), node, lambda: value)]

    def one_of(self, node: Node, value: list[Schema]) -> list[Schema]:
        """Branches that may overlap exclude each other; the others need not."""
        if ("choice", id(value)) not in self._derived:
            self.survey.one_of.append((node, value))
            self.survey.push(value)
        overlaps = self.survey.overlaps_of(node)
        if not overlaps:
            return self.any_of(node, value)
        rivals: dict[int, list[Schema]] = {i: [branch] for i, branch in enumerate(value)}
        for i, j in overlaps:
            rivals[i].append(negation.inverse(self.survey, value[j]))
            rivals[j].append(negation.inverse(self.survey, value[i]))
        alone = [self.both(members) for members in rivals.values()]
        return [self._choice(("choice", id(value)), node, lambda: alone)]

    def opposite(self, node: Node) -> list[Schema] | None:
        """The schemas between which the negation of a node is a choice; None if that is unknown."""
        try:
            (choice,) = self.negated(node, node)
        except Unsupported:
            return None
        return choice["anyOf"] if isinstance(choice, dict) else None

    def negated(self, node: Node, value: Schema) -> list[Schema]:
        if isinstance(value, bool):
            return [not value]
        make = lambda: negation.branches(self.survey, self._known(value))  # noqa: E731
        return [self._choice(("breaks", id(value)), value, make)]

    def conditional(self, node: Node, value: Schema) -> list[Schema]:
        """`if` holds and so does `then`, or it does not and `else` holds."""
        if not {"then", "else"} & node.keys():
            return []
        fails = negation.inverse(self.survey, value)
        both = [
            self.both([value, node.get("then", True)]),
            self.both([fails, node.get("else", True)]),
        ]
        return [self._choice(("if", id(node)), node, lambda: both)]

    def dependent(self, node: Node, value: dict[str, Schema]) -> list[Schema]:
        """Each name is absent, or its schema holds."""
        return [
            self._choice(("depends", id(value), name), node, lambda: _absent_or(name, schema))  # noqa: B023
            for name, schema in value.items()
        ]

    def _known(self, node: Node) -> Node:
        """`node` itself, once its keywords are checked."""
        if id(node) not in self._checked:
            self._checked.add(id(node))
            self.survey.check(node)
        return node

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
            merged = self.derived(key, one, lambda: conjunction.merge(one, part, self.both))  # noqa: B023
        return merged

    def _clash(self, schemas: list[Schema]) -> bool:
        """Is it plain to see that no value satisfies all of these?"""
        if any(schema is False for schema in schemas):
            return True
        self._effort += len(schemas)
        if self._effort > MAX_EFFORT:
            note = "too many ways to combine allOf, anyOf and oneOf"
            raise LimitExceeded("comparisons of schemas", self._effort, note)
        known = [node for node in schemas if isinstance(node, dict)]
        leaves = [self._known(node) for node in known if APPLICATORS.isdisjoint(node)]
        return len(leaves) > 1 and clashes.is_plain(self, leaves)

    def derived(self, key: Hashable, origin: Schema, make: Callable[[], Schema]) -> Schema:
        node = self._derived.get(key)
        if node is None:
            node = self._derived[key] = make()
            if len(self._derived) > MAX_DERIVED:
                note = "too many ways to combine allOf, anyOf and oneOf"
                raise LimitExceeded("derived schema nodes", len(self._derived), note)
            if isinstance(node, dict):
                self._origins[id(node)] = origin
        return node


_UNEVALUATED = frozenset({"unevaluatedProperties", "unevaluatedItems"})
_WITH_IF = ("then", "else")
_ABOUT_PRESENCE = frozenset({"anyOf", "oneOf", "not", "if"})
_ANY_STRING = regex.repeat(regex.ANY_CHAR, 0, None)

_MEMBERS: Mapping[str, Callable[[Expansion, Node, Any], list[Schema]]] = {
    "$ref": lambda expansion, node, value: [expansion.survey.target(node)],
    "allOf": lambda expansion, node, value: value,
    "anyOf": Expansion.any_of,
    "oneOf": Expansion.one_of,
    "not": Expansion.negated,
    "if": Expansion.conditional,
    "dependentSchemas": Expansion.dependent,
}


def _absent_or(name: str, schema: Schema) -> list[Schema]:
    return [{"properties": {name: False}}, {"allOf": [{"required": [name]}, schema]}]


def _strings_of(survey: Survey, node: Node) -> regex.Node:
    """The strings that satisfy a node without applicators."""
    values = instances.admitted(survey, node)
    if values is not None:
        return regex.union(regex.text(value) for value in values if isinstance(value, str))
    if not may_be(node, "string"):
        return regex.NOTHING
    lo, hi = node.get("minLength", 0), most(node, "maxLength")
    facets = facets_of(node)
    if facets:
        return strings.content(facets, lo, hi)
    return regex.repeat(regex.ANY_CHAR, lo, hi)
