"""Arrays that need memory: how many items of some kinds there were, which values were used.

As for objects (see `objects`), every state is a rule of its own, made when text reaches it. Items
that have to differ are told apart by value, so they have to be of a finite set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Call, Expr, Literal, Sequence, Space, choice

from . import finite, negation
from .keywords import REPEATS, most
from .parts import ItemCount, item_counts_of
from .source import Node, Schema
from .values import equal, spelled

if TYPE_CHECKING:
    from .survey import Survey

MAX_OPTIONS = 256
MAX_STATES = 30_000

State: TypeAlias = tuple[int, tuple[int, ...], "frozenset[int] | None"]
"""How many items (up to what matters), how far each count is, values used (None: two are equal)."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to read an item: what it is, which counts go up, which value it is (-1: any)."""

    schema: Schema
    counted: tuple[int, ...] = ()
    value: int = -1


@dataclass(frozen=True, slots=True)
class Plan:
    """The array of one node. `options` of the last place are for all items from there on."""

    options: tuple[tuple[Option, ...], ...]
    counts: tuple[tuple[int, int | None], ...]
    least: int
    most: int | None
    values: tuple[Any, ...]
    repeats: bool  # two items have to be equal; else none may be, if values are told apart

    @property
    def start(self) -> State:
        return 0, (0,) * len(self.counts), frozenset()

    def schemas(self) -> Iterator[Schema]:
        """Every schema that the plan leads to."""
        yield from (o.schema for options in self.options for o in options if o.value < 0)

    def accepts(self, state: State) -> bool:
        """May the array end here?"""
        n, counts, used = state
        return (
            n >= self.least
            and all(count >= least for count, (least, _) in zip(counts, self.counts, strict=True))
            and (used is None) is self.repeats
        )

    def options_at(self, state: State) -> tuple[Option, ...]:
        """The ways to read the next item."""
        if self.most is not None and state[0] >= self.most:
            return ()
        return self.options[min(state[0], len(self.options) - 1)]

    def after(self, state: State, option: Option) -> State | None:
        """The state after an item; None if it may not come."""
        n, counts, used = state
        found = list(counts)
        for k in option.counted:
            least, highest = self.counts[k]
            found[k] = min(found[k] + 1, least if highest is None else highest + 1)
            if highest is not None and found[k] > highest:
                return None
        if option.value >= 0 and used is not None:
            if option.value not in used:
                used |= {option.value}
            elif self.repeats:
                used = None
            else:
                return None
        felt = max(len(self.options) - 1, self.least, self.most or 0)
        return min(n + 1, felt), tuple(found), used


# ------------------------------------------------------------------ making a plan


def plan(survey: Survey, node: Node) -> Plan:
    """The plan of a node's array part. Raises Unsupported where values cannot be told apart."""
    counts = item_counts_of(node)
    prefix: list[Schema] = node.get("prefixItems", [])
    rest: Schema = node.get("items", True)
    highest = most(node, "maxItems")
    n_places = max([len(prefix), *(count.start for count in counts)]) + 1
    items = [prefix[i] if i < len(prefix) else rest for i in range(n_places)]
    if rest is False:
        highest = len(prefix) if highest is None else min(highest, len(prefix))
    options = [list(_options(survey, item, i, counts)) for i, item in enumerate(items)]
    repeats = bool(node.get(REPEATS))
    values: list[Any] = []
    if repeats or (node.get("uniqueItems") is True and (highest is None or highest > 1)):
        keyword = "uniqueItems" if "uniqueItems" in node else "not"
        limit = n_places if highest is None else highest
        options = [
            list(_by_value(survey, node, keyword, some, values)) if i < limit else []
            for i, some in enumerate(options)
        ]
    if repeats and node.get("uniqueItems") is True:
        options = []
    return Plan(
        tuple(map(tuple, options)) or ((),),
        tuple((count.least, count.most) for count in counts),
        node.get("minItems", 0),
        highest,
        tuple(values),
        repeats,
    )


def _options(
    survey: Survey, item: Schema, i: int, counts: tuple[ItemCount, ...]
) -> Iterator[Option]:
    """The ways to read an item; the reasoning is that of `objects`."""
    found: list[tuple[list[Schema], tuple[int, ...]]] = [([item], ())]
    for k, (start, schema, least, highest) in enumerate(counts):
        if i < start:
            continue
        split: list[tuple[list[Schema], tuple[int, ...]]] = []
        for schemas, counted in found:
            split.append(([*schemas, schema] if least else schemas, (*counted, k)))
            if schema is not True:
                fails = [] if highest is None else [negation.inverse(survey, schema)]
                split.append(([*schemas, *fails], counted))
        found = split
        if len(found) > MAX_OPTIONS:
            raise LimitExceeded("ways to read an item", len(found), "too many counts for one item")
    for schemas, counted in found:
        schema = survey.expansion.both(schemas)
        if schema is not False:
            yield Option(schema, counted)


def _by_value(
    survey: Survey, node: Node, keyword: str, options: list[Option], values: list[Any]
) -> Iterator[Option]:
    """One option for each value; equal values have one number in all of the array."""
    for option in options:
        found = finite.values_of(survey, option.schema)
        if found is None:
            note = "items that have to differ may be of any number of values"
            raise survey.unsupported(node, keyword, "uniqueItems", note)
        for value in found:
            number = next((k for k, known in enumerate(values) if equal(value, known)), -1)
            if number < 0:
                number = len(values)
                values.append(value)
            yield Option(True, option.counted, number)


# ------------------------------------------------------------------ which states can be finished


class Search:
    """Finds out from which states of a plan an array can be finished."""

    def __init__(self, plan: Plan, is_alive: Callable[[Schema], bool]):
        self.plan = plan
        self._alive = is_alive
        self._known: dict[State, bool] = {}

    def forget(self) -> None:
        """Find everything out again: more is known of the schemas."""
        self._known.clear()

    def options(self, state: State) -> Iterator[tuple[Option, State]]:
        """The ways to read the next item, and the states behind it."""
        for option in self.plan.options_at(state):
            if option.value >= 0 or self._alive(option.schema):
                after = self.plan.after(state, option)
                if after is not None:
                    yield option, after

    def is_live(self, state: State) -> bool:
        """Can an array be finished from here?"""
        if self._is_free:
            return self._may_fit(state)
        known = self._known.get(state)
        if known is None:
            if len(self._known) > MAX_STATES:
                raise LimitExceeded("states of an array", len(self._known))
            self._known[state] = False  # a way back here leads to nothing new
            known = self._known[state] = self.plan.accepts(state) or (
                self._may_fit(state)
                and any(self.is_live(after) for _, after in self.options(state))
            )
        return known

    @property
    def _is_free(self) -> bool:
        """Is all that an array needs enough values that are not used?"""
        plan = self.plan
        fits = plan.most is None or plan.most >= plan.least
        plain = len(plan.options) == 1 and not plan.counts and not plan.repeats
        return bool(plan.values) and plain and fits

    def _may_fit(self, state: State) -> bool:
        """Are there values left for the items that have to come?"""
        n, _, used = state
        if used is None or self.plan.repeats or not self.plan.values:
            return True
        return len(self.plan.values) - len(used) >= self.plan.least - n


# ------------------------------------------------------------------ rules


class Writer:
    """Writes the rules of one array; `rule` names the rule of a state."""

    def __init__(
        self,
        search: Search,
        call: Callable[[Schema], Expr],
        rule: Callable[[Any], Call],
        space: Space,
        zero_fractions: bool,
        any_order: bool,
    ):
        self.search, self.call, self.rule, self.space = search, call, rule, space
        self.zero_fractions, self.any_order = zero_fractions, any_order

    def whole(self) -> Expr:
        """The array from its bracket on."""
        return Sequence((Literal(b"["), self.space, self.rest((self.search.plan.start, True))))

    def rest(self, key: tuple[State, bool]) -> Expr:
        """What may follow in a state, up to the closing bracket; `first`: no item came yet."""
        state, first = key
        found: list[Expr] = [Literal(b"]")] if self.search.plan.accepts(state) else []
        ways: list[Expr] = []
        for option, after in self.search.options(state):
            if self.search.is_live(after):
                ways.append(Sequence((self._item(option), self.space, self.rule((after, False)))))
        if ways:
            before = () if first else (Literal(b","), self.space)
            found.append(Sequence((*before, choice(ways))))
        return choice(found)

    def _item(self, option: Option) -> Expr:
        if option.value < 0:
            return self.call(option.schema)
        value = self.search.plan.values[option.value]
        return spelled((value,), self.space, self.zero_fractions, self.any_order)
