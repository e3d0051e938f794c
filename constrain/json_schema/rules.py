"""The rules of a schema, each lowered when it is first asked for."""

from __future__ import annotations

import sys
from collections.abc import Hashable, Iterator, Mapping
from typing import Any

from constrain.automata.json_rules import standard_rules
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Expr, Space

from . import clock, source
from .drafts import Draft
from .lowering import lower, state_rule
from .options import Options
from .source import Schema
from .survey import surveyed


class SchemaRules(Mapping[Hashable, Expr]):
    """Rule name -> expression. Nodes of the schema have numbers, standard rules their names.

    A pickle holds the text of the schema only; the rules are found anew from it.
    """

    def __init__(self, text: str, schema: Schema, draft: Draft, options: Options):
        """Survey `schema`, whose canonical text is `text`. Raises what the survey raises."""
        self._text, self._draft, self._options = text, draft, options
        self._space = Space(options.space_limit)
        self._survey = surveyed(schema, draft, options)
        self._standard = standard_rules(options.space_limit)
        self._lowered: dict[Hashable, Expr] = {}

    @property
    def start(self) -> Hashable:
        """The name of the rule for the whole schema."""
        return self._survey.rule_of_root

    def __getitem__(self, name: Hashable) -> Expr:
        expr = self._lowered.get(name)
        if expr is None:
            try:
                expr = self._lowered[name] = self._lower(name)
            except RecursionError:
                depth = sys.getrecursionlimit()
                raise LimitExceeded("members or items to come", depth) from None
        return expr

    def _lower(self, name: Hashable) -> Expr:
        if name in self._standard:
            return self._standard[name]
        nodes = self._survey.nodes
        if isinstance(name, int) and 0 <= name < len(nodes):
            return lower(self._survey, nodes[name], self._space)
        found = clock.rule(name) or state_rule(self._survey, name, self._space)
        if found is None:
            raise KeyError(name)
        return found

    def __iter__(self) -> Iterator[Hashable]:
        """The names of all rules whose node can be satisfied."""
        yield from self._standard
        yield from (i for i, node in enumerate(self._survey.nodes) if self._survey.is_alive(node))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (self._text, self._draft, self._options)


def _rebuilt(text: str, draft: Draft, options: Options) -> SchemaRules:
    return SchemaRules(text, source.parse(text), draft, options)
