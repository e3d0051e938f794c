"""The one pass over a schema before its first mask.

It visits every node that can be reached from the root, checks its keywords, follows references,
works `allOf` and the neighbours of `$ref`, `anyOf` and `oneOf` into conjunctions, and finds out
which nodes no value can satisfy. What it leaves behind is small: for each node the expression
that stands for it (a Call, a standard rule or NEVER), and the nodes that have a rule of their
own. The rules themselves are lowered later, each when text first reaches it.

A *node* is the dict of a subschema, told from its equals by `id`.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any, TypeAlias

from constrain.automata.json_rules import standard_calls
from constrain.errors import SchemaError, Unsupported
from constrain.syntax.grammar import NEVER, Call, Expr

from . import arrays, conflict, emptiness, exclusive, objects, pointers
from .drafts import Draft
from .expansion import Expansion
from .facets import FACETS
from .keywords import (
    APPLICATORS,
    CHECKS,
    COMPLEX_ARRAYS,
    COMPLEX_OBJECTS,
    COUNTS,
    EXCLUDED,
    ITEM_COUNTS,
    MULTIPLES,
    PRESENCE,
    REPEATS,
    SIMPLE_OBJECTS,
    may_be,
)
from .options import Options
from .source import Node, Schema

_MAY_BE_EMPTY = (
    frozenset(
        "enum const required minItems pattern format multipleOf minProperties contains uniqueItems"
        " dependentRequired maxLength maximum exclusiveMaximum".split()
    )
    | APPLICATORS
    | {FACETS, MULTIPLES, EXCLUDED, COUNTS, PRESENCE, ITEM_COUNTS, REPEATS}
)
"""A node without any of these is satisfied by something, whatever stands below it. Each lower
bound needs an upper bound to contradict it, so half of the bounds will do."""


_VALUES = frozenset({"enum", "const"})

Overlaps: TypeAlias = dict[int, list[tuple[int, int]]]


class Overlap(Exception):
    """Branches of a `oneOf` may overlap: survey the schema again, with negations."""

    def __init__(self, found: Overlaps):
        self.found = found
        super().__init__()


def surveyed(root: Schema, draft: Draft, options: Options) -> Survey:
    """A survey of `root` that has been run. Raises what `Survey.run` raises."""
    overlaps: Overlaps = {}
    while True:
        survey = Survey(root, draft, options, overlaps)
        try:
            survey.run()
        except Overlap as overlap:
            overlaps = {**overlaps, **overlap.found}
        else:
            return survey


class Survey:
    """What is known of a schema. `run` finds it out; nothing changes it afterwards.

    calls: for each node (by `id`) the expression that stands for it.
    nodes: the node of each rule; rule `i` stands for `nodes[i]`.
    alternatives: for nodes (by `id`) that are a choice between other schemas, these.
    """

    def __init__(
        self, root: Schema, draft: Draft, options: Options, overlaps: Overlaps | None = None
    ):
        """overlaps: of `oneOf`s (by the `id` of their lists) the branches that may overlap."""
        self.root, self.draft, self.options = root, draft, options
        self.standard = standard_calls(options.space_limit, draft.zero_fractions)
        self.overlaps: Overlaps = {} if overlaps is None else overlaps
        self._planned = COMPLEX_OBJECTS | COMPLEX_ARRAYS
        if options.property_order == "any":
            self._planned |= SIMPLE_OBJECTS
        self.objects: dict[int, objects.Search] = {}
        self.arrays: dict[int, arrays.Search] = {}
        self.calls: dict[int, Expr] = {id(True): self.standard["value"], id(False): NEVER}
        self.nodes: list[Node] = []
        self.alternatives: dict[int, list[Schema]] = {}
        self.expansion = Expansion(self)
        self.stack: list[Node] = []
        self.doubtful: list[Node] = []  # nodes that may be empty, callers before callees
        self.unfinished: set[int] = {id(NEVER)}  # ids of the calls that no text can finish
        self.one_of: list[tuple[Node, list[Schema]]] = []  # choices that must not overlap
        self._aliases: dict[int, Schema] = {}
        self._targets: dict[str, Schema] = {}

    def run(self) -> None:
        """Raises SchemaError, Unsupported, or EmptyLanguage if nothing satisfies the root.

        Raises Overlap if branches of a `oneOf` may overlap that were not known to.
        """
        self._look_into((self.root,))
        if self.calls[id(self.root)] is NEVER:
            raise conflict.empty_language(self)
        if self.one_of:
            found = self._find_overlaps()
            if found:
                raise Overlap(found)

    def _look_into(self, schemas: Iterable[Schema]) -> None:
        """Visit these schemas and all that they lead to, and find out which are satisfiable."""
        self.push(schemas)
        stack, calls = self.stack, self.calls
        while stack:
            node = stack.pop()
            if id(node) not in calls:
                self._visit(node)
        if self._aliases:
            self._resolve_aliases()
        emptiness.settle(self)

    def _find_overlaps(self) -> Overlaps:
        """Of every `oneOf` the branches that may have a value in common."""
        found: Overlaps = {}
        for _, branches in self.one_of:
            if id(branches) in self.overlaps:
                continue
            doubtful = exclusive.doubtful_pairs(self, branches)
            both = {pair: self.expansion.both([branches[i] for i in pair]) for pair in doubtful}
            self._look_into(both.values())
            pairs = [pair for pair, schema in both.items() if self.is_alive(schema)]
            if pairs:
                found[id(branches)] = pairs
        return found

    def overlaps_of(self, node: Node) -> list[tuple[int, int]]:
        """Pairs of branches of the `oneOf` of `node` that may have a value in common."""
        return self.overlaps.get(id(node["oneOf"]), [])

    def call(self, schema: Schema) -> Expr:
        """The expression that stands for `schema`."""
        return self.calls[id(schema)]

    def number(self, node: Node) -> int:
        """The number of the rule of `node`."""
        call = self.calls[id(node)]
        assert isinstance(call, Call)
        assert isinstance(call.rule, int)
        return call.rule

    @property
    def rule_of_root(self) -> Hashable:
        """The name of the rule that stands for the whole schema."""
        call = self.calls[id(self.root)]
        assert isinstance(call, Call)
        return call.rule

    def is_alive(self, schema: Schema) -> bool:
        """Can some value satisfy `schema` (as far as is known while the pass runs)?"""
        return id(self.calls[id(schema)]) not in self.unfinished

    def behind(self, schema: Schema) -> Schema:
        """The schema that `schema` refers to in the end; itself if it is no mere reference."""
        seen: set[int] = set()
        while id(schema) in self._aliases and id(schema) not in seen:
            seen.add(id(schema))
            schema = self._aliases[id(schema)]
        return schema

    def leaves(self, schema: Schema) -> list[Schema]:
        """The schemas that `schema` is a choice between in the end, each once.

        Only those that can be satisfied. None is itself a choice, so that no rule calls itself
        before it has taken text.
        """
        found: list[Schema] = []
        seen: set[int] = set()
        stack = [schema]
        while stack:
            schema = self.behind(stack.pop())
            if id(schema) in seen or not self.is_alive(schema):
                continue
            seen.add(id(schema))
            if id(schema) in self.alternatives:
                stack.extend(reversed(self.alternatives[id(schema)]))
            else:
                found.append(schema)
        return found

    def _visit(self, node: Node) -> None:
        constraints = self.check(node)
        if constraints == 0:
            self.calls[id(node)] = self.standard["value"]
        elif constraints == 1 and node.get("type").__class__ is str:
            self.calls[id(node)] = self.standard[node["type"]]
        elif APPLICATORS.isdisjoint(node):
            self._add_rule(node, constraints)
            self._plan(node)
        elif not _VALUES.isdisjoint(node):
            self._add_rule(node, constraints)  # its values are tried one by one
        else:
            self._visit_choice(node, self.expansion.branches(node, constraints == 1))

    def _plan(self, node: Node) -> None:
        """Make a plan where one expression is not enough for an object or an array."""
        if self._planned.isdisjoint(node) or not _VALUES.isdisjoint(node):
            return
        if not (self._planned - COMPLEX_ARRAYS).isdisjoint(node) and may_be(node, "object"):
            plan = objects.plan(self, node)
            self.objects[id(node)] = objects.Search(plan, self.is_alive)
            self.push(plan.schemas())
        if not COMPLEX_ARRAYS.isdisjoint(node) and may_be(node, "array"):
            found = arrays.plan(self, node)
            self.arrays[id(node)] = arrays.Search(found, self.is_alive)
            self.push(found.schemas())

    def check(self, node: Node) -> int:
        """Check the keywords of `node` and return how many may constrain."""
        constraints = 0
        for keyword, value in node.items():
            check = CHECKS.get(keyword)
            if check is not None:
                constraints += 1
                check(self, node, value)
        return constraints

    def _add_rule(self, node: Node, constraints: int) -> None:
        self.calls[id(node)] = Call(len(self.nodes))
        self.nodes.append(node)
        if not _MAY_BE_EMPTY.isdisjoint(node) and not (constraints == 1 and node.get("enum")):
            self.doubtful.append(node)

    def _visit_choice(self, node: Node, branches: list[Schema]) -> None:
        if len(branches) == 1:  # it says just what another node says
            self._aliases[id(node)] = branches[0]
            self.calls[id(node)] = NEVER  # for good only if aliases go in a circle
        else:
            self.alternatives[id(node)] = branches
            self._add_rule(node, 2)
        self.push(branches)

    def _resolve_aliases(self) -> None:
        for key, target in self._aliases.items():
            self.calls[key] = self.calls[id(self.behind(target))]

    def push(self, schemas: Iterable[Schema]) -> None:
        """Let the pass visit `schemas`."""
        self.stack.extend(schema for schema in schemas if isinstance(schema, dict))

    # -------------------------------------------------------------- references

    def target(self, node: Node) -> Schema:
        """The schema that the `$ref` of `node` leads to."""
        reference: str = node["$ref"]
        target = self._targets.get(reference)
        if target is None:
            target = self._targets[reference] = self._find(node, reference)
        return target

    def _find(self, node: Node, reference: str) -> Schema:
        document, _, fragment = reference.partition("#")
        if document:
            note = "give the document in a registry"
            raise self.unsupported(node, "$ref", "a $ref to another document", note)
        if fragment and not fragment.startswith("/"):
            raise self.unsupported(node, "$ref", f"a $ref to the anchor {fragment!r}")
        try:
            found = pointers.resolve(self.root, fragment)
        except LookupError:
            raise self.malformed(node, "$ref", "a pointer to something that is there") from None
        if not isinstance(found, dict | bool):
            raise self.malformed(node, "$ref", "a reference to a schema")
        return found

    # -------------------------------------------------------------- errors

    def where(self, node: Any) -> str:
        """The pointer of `node`; of the first of its origins if it is derived."""
        return pointers.locate(self.root, self.expansion.origin(node))

    def malformed(self, node: Node, keyword: str, expected: str) -> SchemaError:
        """The error for a value that the specification does not allow."""
        found = repr(node[keyword])
        found = found if len(found) <= 60 else f"{found[:57]}..."
        where = f"{self.where(node)}/{pointers.escape(keyword)}"
        return SchemaError(f'"{keyword}" must be {expected}, but it is {found}, at {where}')

    def unsupported(
        self, node: Node, keyword: str, feature: str = "", note: str = ""
    ) -> Unsupported:
        """The error for a keyword that cannot be honoured exactly."""
        where = f"{self.where(node)}/{pointers.escape(keyword)}"
        return Unsupported(feature or keyword, where, note=note)
