"""Objects that need memory: which names are used, how many members of which kind there were.

Most objects are one `JsonObject`. The others are walked in *states*: the next declared name, the
set of names used so far (as far as it matters), and the counts. Every state is a rule of its own,
made when text reaches it; what one object can be in is never listed as a whole.

A count may be kept without knowing what a value is: of two ways to read a member, one counts it
and demands the schema, the other does neither (or, below an upper bound, demands its negation),
and text is accepted if some way of reading it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from json.encoder import encode_basestring as quote  # pyright: ignore[reportPrivateUsage]
from typing import TYPE_CHECKING, Any, TypeAlias

from constrain.automata import json_text
from constrain.automata.dfa import DEAD, DFA, Automaton, minimize, product
from constrain.errors import LimitExceeded
from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import Call, Expr, Literal, Regular, Sequence, Space, choice

from . import names as name_sets, negation, strings
from .names import Names
from .parts import Count, Members, counts_of, members_of, presences_of
from .source import Node, Schema

if TYPE_CHECKING:
    from .survey import Survey

MAX_OPTIONS = 256
MAX_STATES = 30_000
MAX_WORDS = 32  # a regular language of up to so many names is a list of names
MAX_KNOWN = 1_000  # names that other names of the same object are told apart from
BLOCK = 16  # names in one rule

State: TypeAlias = tuple[int, int, tuple[int, ...]]
"""Next declared name, bits of the tracked names that are used, how far each count is."""


@dataclass(frozen=True, slots=True)
class Option:
    """One way to read a member: what its value is, and which counts go up."""

    schema: Schema
    counted: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """The object of one node.

    names: the declared ones in their order, then (from `n_ordered` on) those in any order.
    """

    names: tuple[str, ...]
    n_ordered: int
    options: tuple[tuple[Option, ...], ...]
    required: frozenset[int]
    tracked: tuple[int, ...]  # bit of each name, 0 if it does not matter
    others: tuple[tuple[regex.Node, tuple[Option, ...]], ...]
    counts: tuple[tuple[int, int | None], ...]
    presences: tuple[tuple[int, frozenset[int]], ...]  # bits of names, allowed sets

    @property
    def start(self) -> State:
        return 0, 0, (0,) * len(self.counts)

    def schemas(self) -> Iterator[Schema]:
        """Every schema that the plan leads to."""
        for options in (*self.options, *(options for _, options in self.others)):
            yield from (option.schema for option in options)

    def accepts(self, state: State) -> bool:
        """May the object end here?"""
        i, used, counts = state
        return (
            not any(self.is_missing(name, i, used) for name in self.required)
            and all(count >= least for count, (least, _) in zip(counts, self.counts, strict=True))
            and all(used & bits in allowed for bits, allowed in self.presences)
        )

    def is_missing(self, name: int, i: int, used: int) -> bool:
        """Has a required name not come yet?"""
        return name >= i if name < self.n_ordered else not used & self.tracked[name]

    def named(self, state: State) -> Iterator[int]:
        """The names that may come next."""
        i, used, _ = state
        for name in range(i, self.n_ordered):
            yield name
            if name in self.required:
                return
        for name in range(self.n_ordered, len(self.names)):
            if not used & self.tracked[name]:
                yield name

    def may_be_other(self, i: int) -> bool:
        """May a name that is not declared come next?"""
        return not any(i <= name < self.n_ordered for name in self.required)

    def after(self, state: State, name: int | None, option: Option) -> State | None:
        """The state after a member; None if there are too many of its kind."""
        _, used, counts = state
        found = list(counts)
        for k in option.counted:
            least, most = self.counts[k]
            found[k] = min(found[k] + 1, least if most is None else most + 1)
            if most is not None and found[k] > most:
                return None
        if name is None:
            return self.n_ordered, used, tuple(found)
        following = name + 1 if name < self.n_ordered else self.n_ordered
        return following, used | self.tracked[name], tuple(found)


# ------------------------------------------------------------------ making a plan


def plan(survey: Survey, node: Node) -> Plan:
    """The plan of a node's object part. Raises LimitExceeded if there are too many cases."""
    members, counts, presences = members_of(node), counts_of(node), presences_of(node)
    allowed = _allowed_names(survey, node)
    required = dict.fromkeys(node.get("required", ()))
    declared = dict.fromkeys(
        t for m in members if not m.names.outside for t in sorted(m.names.texts)
    )
    sought = {name for presence in presences for name in presence.names}
    ordered = dict.fromkeys([*declared, *required, *sorted(sought)])
    spelled = {t for said in (*members, *counts) for t in said.names.texts}
    free = dict.fromkeys(sorted(spelled - ordered.keys()))
    others: list[tuple[regex.Node, tuple[Option, ...]]] = []
    known = frozenset((*ordered, *free))
    for language, inside in _other_names(members, counts, allowed, known):
        words = _words(language)
        if words is None:
            others.append((language, tuple(_options(survey, members, counts, inside))))
        else:
            free.update(dict.fromkeys(words))
    if survey.options.property_order == "any":
        free = dict.fromkeys([*ordered, *free])
        ordered = {}
    every = (*ordered, *free)
    options = [
        tuple(_options(survey, members, counts, lambda held, name=name: name in held))
        if allowed is None or name in allowed
        else ()
        for name in every
    ]
    tracked = {name for name in every if name in sought or name in free}
    bits = {name: 1 << k for k, name in enumerate(sorted(tracked))}
    return Plan(
        every,
        len(ordered),
        tuple(options),
        frozenset(k for k, name in enumerate(every) if name in required),
        tuple(bits.get(name, 0) for name in every),
        tuple(one for one in others if one[1]),
        tuple((count.least, count.most) for count in counts),
        tuple(
            (
                sum(bits[name] for name in presence.names),
                frozenset(sum(bits[name] for name in some) for some in presence.allowed),
            )
            for presence in presences
        ),
    )


def _allowed_names(survey: Survey, node: Node) -> Names | None:
    schema = node.get("propertyNames", True)
    return None if schema is True else name_sets.of(survey.expansion.language(schema))


def _options(
    survey: Survey,
    members: tuple[Members, ...],
    counts: tuple[Count, ...],
    holds: Callable[[Names], bool],
) -> Iterator[Option]:
    """The ways to read a member; `holds` says which sets of names its name is in."""
    said = [schema for held, schema in members if holds(held)]
    found: list[tuple[list[Schema], tuple[int, ...]]] = [(said, ())]
    for k, (held, schema, least, most) in enumerate(counts):
        if not holds(held):
            continue
        found = list(_counted(survey, found, k, schema, (least, most)))
        if len(found) > MAX_OPTIONS:
            note = "too many counts for one member"
            raise LimitExceeded("ways to read a member", len(found), note)
    for schemas, counted in found:
        schema = survey.expansion.both(schemas)
        if schema is not False:
            yield Option(schema, counted)


def _counted(
    survey: Survey,
    found: list[tuple[list[Schema], tuple[int, ...]]],
    k: int,
    schema: Schema,
    bounds: tuple[int, int | None],
) -> Iterator[tuple[list[Schema], tuple[int, ...]]]:
    least, most = bounds
    for schemas, counted in found:
        yield ([*schemas, schema] if least else schemas), (*counted, k)
        if schema is not True:
            fails = schemas if most is None else [*schemas, negation.inverse(survey, schema)]
            yield fails, counted


def _other_names(
    members: tuple[Members, ...],
    counts: tuple[Count, ...],
    allowed: Names | None,
    known: frozenset[str],
) -> Iterator[tuple[regex.Node, Callable[[Names], bool]]]:
    """Languages of the names beside `known`, no two with a name in common, and what is said of
    each."""
    said = dict.fromkeys(Names(languages=m.names.languages) for m in (*members, *counts))
    for language, inside in _classes(known, tuple(n for n in said if n.languages), allowed):
        yield language, _holder(inside)


@lru_cache(maxsize=512)
def _classes(
    known: frozenset[str], languages: tuple[Names, ...], allowed: Names | None
) -> list[tuple[regex.Node, frozenset[Names]]]:
    """The names beside `known`, parted into those that are inside the same `languages`."""
    if len(known) > MAX_KNOWN:
        raise LimitExceeded("names beside other names", len(known), "declare fewer properties")
    everything = name_sets.outside(frozenset())
    rest = name_sets.outside(known)
    if allowed is not None:
        rest = _product(rest, name_sets.automaton(name_sets.language(allowed)), True)
    classes: list[tuple[DFA, frozenset[Names]]] = [(rest, frozenset())]
    for said in languages:
        language = name_sets.automaton(name_sets.language(said))
        split = [
            (_product(held, language, is_in), inside | {said} if is_in else inside)
            for held, inside in classes
            for is_in in (True, False)
        ]
        classes = [part for part in split if part[0].start != DEAD]
        if len(classes) > MAX_OPTIONS:
            raise LimitExceeded("classes of property names", len(classes))
    return [
        (ANY_NAME if held is everything else name_sets.tree(held), inside)
        for held, inside in classes
        if held.start != DEAD
    ]


def _product(a: DFA, b: DFA, inside: bool) -> DFA:
    """What is in `a` and in `b`, or in `a` but not in `b`."""
    return minimize(product(a, b, lambda x, y: x and y is inside))


def _holder(inside: frozenset[Names]) -> Callable[[Names], bool]:
    def holds(held: Names) -> bool:
        found = bool(held.languages) and Names(languages=held.languages) in inside
        return found is not held.outside

    return holds


ANY_NAME = regex.repeat(regex.ANY_CHAR, 0, None)


def _words(language: regex.Node) -> list[str] | None:
    """All strings of a language, if they are few."""
    if not isinstance(language, Automaton):
        return None
    dfa = language.dfa
    found: list[str] = []
    stack: list[tuple[int, bytes]] = [(dfa.start, b"")]
    while stack:
        state, text = stack.pop()
        if len(text) > dfa.n_states or len(found) > MAX_WORDS or len(stack) > 64 * MAX_WORDS:
            return None
        if dfa.accepting[state]:
            found.append(text.decode())
        row = dfa.table[state]
        if int((row[dfa.classes] != DEAD).sum()) > MAX_WORDS:
            return None
        for byte in range(256):
            target = int(row[dfa.classes[byte]])
            if target != DEAD:
                stack.append((target, text + bytes((byte,))))
    return sorted(found) if len(found) <= MAX_WORDS else None


# ------------------------------------------------------------------ which states can be finished


class Search:
    """Finds out from which states of a plan an object can be finished."""

    def __init__(self, plan: Plan, is_alive: Callable[[Schema], bool]):
        self.plan = plan
        self._alive = is_alive
        self._known: dict[State, bool] = {}
        self._sought = 0  # bits of the names that `presences` are about
        for bits, _ in plan.presences:
            self._sought |= bits

    def forget(self) -> None:
        """Find everything out again: more is known of the schemas."""
        self._known.clear()

    def options(self, name: int) -> Iterator[Option]:
        """The ways to read a member of this name that some value fits."""
        return (o for o in self.plan.options[name] if self._alive(o.schema))

    def others(self) -> Iterator[tuple[regex.Node, Option]]:
        """The same for names that are not declared."""
        for language, options in self.plan.others:
            yield from ((language, option) for option in options if self._alive(option.schema))

    def is_live(self, state: State) -> bool:
        """Can an object be finished from here?"""
        if self._is_free:
            return self._may_fit(state)
        known = self._known.get(state)
        if known is None:
            if len(self._known) > MAX_STATES:
                raise LimitExceeded("states of an object", len(self._known))
            self._known[state] = False  # a way back here leads to nothing new
            known = self._known[state] = self.plan.accepts(state) or (
                self._may_fit(state) and any(map(self.is_live, self._next(state)))
            )
        return known

    @property
    def _is_free(self) -> bool:
        """Is all that an object needs its required names?"""
        return not self.plan.counts and not self.plan.presences

    def _may_fit(self, state: State) -> bool:
        """Is there room for the names that are still required?"""
        i, used, counts = state
        missing = [name for name in self.plan.required if self.plan.is_missing(name, i, used)]
        for k, (_, most) in enumerate(self.plan.counts):
            if most is not None:
                sure = sum(all(k in o.counted for o in self.plan.options[n]) for n in missing)
                if counts[k] + sure > most:
                    return False
        return all(any(True for _ in self.options(name)) for name in missing)

    def _next(self, state: State) -> Iterator[State]:
        """What follows when a member comes that brings an end nearer."""
        plan = self.plan
        short = {k for k, (least, _) in enumerate(plan.counts) if state[2][k] < least}
        for name in plan.named(state):
            needed = name in plan.required or plan.tracked[name] & self._sought
            for option in self.options(name):
                after = plan.after(state, name, option)
                if after is not None and (needed or not short.isdisjoint(option.counted)):
                    yield after
        for _, option in self.others() if plan.may_be_other(state[0]) else ():
            after = plan.after(state, None, option)
            if after is not None and after != state and not short.isdisjoint(option.counted):
                yield after


# ------------------------------------------------------------------ rules


class Writer:
    """Writes the rules of one object; `rule` names the rule of a state."""

    def __init__(
        self,
        search: Search,
        call: Callable[[Schema], Expr],
        rule: Callable[[Any], Call],
        space: Space,
    ):
        self.search, self.call, self.rule, self.space = search, call, rule, space

    def whole(self) -> Expr:
        """The object from its brace on."""
        return Sequence((Literal(b"{"), self.space, self.rest((self.search.plan.start, True))))

    def rest(self, key: tuple[State, bool]) -> Expr:
        """What may follow in a state, up to the closing brace; `first`: no member came yet."""
        state, first = key
        plan = self.search.plan
        found: list[Expr] = [Literal(b"}")] if plan.accepts(state) else []
        before = () if first else (Literal(b","), self.space)
        ways = list(self._members(state))
        if ways:
            found.append(Sequence((*before, choice(ways))))
        skipped = self._block_end(state)
        if skipped is not None:
            found = [way for way in found if way != Literal(b"}")]
            found.append(self.rule((skipped, first)))
        return choice(found)

    def _block_end(self, state: State) -> State | None:
        """The state past the names that this rule lists, if more names may follow these."""
        i, used, counts = state
        end = i + BLOCK - i % BLOCK
        if end >= self.search.plan.n_ordered:
            return None
        if any(i <= name < end for name in self.search.plan.required):
            return None
        after = (end, used, counts)
        return after if self.search.is_live(after) else None

    def _members(self, state: State) -> Iterator[Expr]:
        plan, search = self.search.plan, self.search
        skipped = self._block_end(state)
        for name in plan.named(state):
            if skipped is not None and name >= skipped[0]:
                return
            text = Literal(quote(plan.names[name]).encode())
            for option in search.options(name):
                yield from self._member(text, plan.after(state, name, option), option)
        if plan.may_be_other(state[0]):
            for language, option in search.others():
                yield from self._member(_spelled(language), plan.after(state, None, option), option)

    def _member(self, name: Expr, after: State | None, option: Option) -> Iterator[Expr]:
        if after is not None and self.search.is_live(after):
            colon = (self.space, Literal(b":"), self.space)
            value = self.call(option.schema)
            yield Sequence((name, *colon, value, self.space, self.rule((after, False))))


def _spelled(language: regex.Node) -> Expr:
    if language == ANY_NAME:
        return Sequence((Literal(b'"'), Regular(json_text.canonical_name()), Literal(b'"')))
    return strings.quoted(language)
