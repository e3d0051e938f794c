"""Intersections and differences of grammars, one of which is regular.

Two automata make an automaton. Rules and an automaton make rules again (Bar-Hillel, Perles and
Shamir 1961): a rule for each (place in a rule, state there, state at the end) that some text
comes by. Which ones these are is found first, by tabulation; then rules are written from the
start on, so that each of them is reachable and can be finished.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Set
from dataclasses import dataclass
from operator import and_, gt
from typing import Any, TypeAlias, cast

import numpy as np

from constrain.errors import EmptyLanguage, LimitExceeded, Unsupported
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Expr,
    Grammar,
    Literal,
    Regular,
    Words,
    choice,
    sequence,
)

from .dfa import DEAD, DFA, MAX_STATES, Automaton, advance, leaf, minimize, product, trim
from .language import to_dfa
from .network import EXIT, Network
from .normal_form import START, NormalForm, normal_form, used_rules
from .regex_to_dfa import from_node
from .resolve import resolve
from .rule_graph import calls

MAX_RULES = 100_000
MAX_EDGES = 2_000_000
MAX_INLINE = 20  # steps in a row that are written as one expression

Spot: TypeAlias = tuple[int, int]
"""A place in the network of rules, and a state of the automaton."""

Context: TypeAlias = tuple[Hashable, int]
"""A rule, and the state in which it is entered."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Names the rule for what leads, in `rule`, from a place in one state to the end in another."""

    rule: Hashable
    place: int
    before: int
    behind: int


def intersection(left: Grammar, right: Grammar) -> Grammar:
    """The texts of both. Raises Unsupported if neither is regular."""
    key = ("&", left.key, right.key)
    a, b = _form(left), _form(right)
    if a is None or b is None:
        return _nothing(key)
    x, y = _automaton(a), _automaton(b)
    if isinstance(x, DFA) and isinstance(y, DFA):
        return _regular(key, product(x, y, and_))
    if isinstance(y, DFA):
        return rules_within(key, a, y)
    if isinstance(x, DFA):
        return rules_within(key, b, x)
    note = f"one side has to be regular, but left there is {x.feature}, right {y.feature}"
    raise Unsupported("the intersection of two context-free grammars", note=note)


def difference(left: Grammar, right: Grammar) -> Grammar:
    """The texts of `left` that are not in `right`. Raises Unsupported if `right` is not regular."""
    key = ("-", left.key, right.key)
    a, b = _form(left), _form(right)
    if a is None:
        return _nothing(key)
    y = to_dfa(b) if b is not None else _regular_nothing()
    x = _automaton(a)
    if isinstance(x, DFA):
        return _regular(key, product(x, y, gt))
    return rules_within(key, a, _all_but(y))


def _form(grammar: Grammar) -> NormalForm | None:
    """The normal form, or None for a grammar without texts."""
    try:
        return normal_form(grammar)
    except EmptyLanguage:
        return None


def _automaton(form: NormalForm) -> DFA | Unsupported:
    try:
        return to_dfa(form)
    except Unsupported as reason:
        return reason


def _nothing(key: Hashable) -> Grammar:
    return Grammar(key, {key: NEVER}, key)


def _regular(key: Hashable, dfa: DFA) -> Grammar:
    return Grammar(key, {key: Regular(leaf(dfa))}, key)


def _regular_nothing() -> DFA:
    return from_node(rx.NOTHING)


def _all_but(dfa: DFA) -> DFA:
    """All strings of bytes that `dfa` does not accept; its dead state comes last, as a live one."""
    n = dfa.n_states
    table = np.where(dfa.table == DEAD, n, dfa.table)
    table = np.vstack([table, np.full_like(table[:1], n)])
    table[DEAD] = DEAD
    start = n if dfa.start == DEAD else dfa.start
    accepting = np.array([False, *(~dfa.accepting[1:]).tolist(), True])
    return DFA(table, dfa.classes, accepting, start)


def rules_within(key: Hashable, form: NormalForm, dfa: DFA) -> Grammar:
    """The texts of `form` that `dfa` accepts, as rules.

    O(places in the rules x pairs of states). Raises LimitExceeded where that is too much.
    """
    table = _Table(Network(used_rules(form)), dfa)
    table.fill(START)
    writer = _Writer(table)
    return Grammar(key, writer.rules_from(START, key), key)


class _Table:
    """Which (place, state) the texts of each rule come by: path edges (Reps et al. 1995).

    A context is a rule and the state that it is entered in; `summary` says in which states a
    context is left. `steps` are all steps between pairs (place, state), whatever the context.
    """

    def __init__(self, net: Network, dfa: DFA):
        self.net = net
        self.dfa = dfa
        full = (dfa.table == np.arange(dfa.n_states)[:, None]).all(axis=1)
        self.sinks = frozenset(np.flatnonzero(full).tolist()) - {DEAD}
        self.steps: dict[Spot, dict[tuple[Expr | None, Spot], None]] = {}
        self.summary: dict[Context, set[int]] = {}
        self._callers: dict[Context, list[tuple[Context, Call, Spot]]] = {}
        self._seen: set[tuple[Context, Spot]] = set()
        self._todo: list[tuple[Context, Spot]] = []
        self._joints: dict[Expr, _Joint] = {}
        self._ends: dict[tuple[Expr, int], frozenset[int]] = {}

    def fill(self, start: Hashable) -> None:
        self._enter((start, self.dfa.start))
        while self._todo:
            context, spot = self._todo.pop()
            self._advance(context, spot)
            if len(self._seen) > MAX_EDGES:
                raise LimitExceeded("steps of a product", len(self._seen))

    def _enter(self, context: Context) -> None:
        if context not in self.summary:
            self.summary[context] = set()
            self._callers[context] = []
            rule, state = context
            self._come(context, (self.net.entries[rule], state))

    def _come(self, context: Context, spot: Spot) -> None:
        if (context, spot) not in self._seen:
            self._seen.add((context, spot))
            self._todo.append((context, spot))

    def _step(self, context: Context, spot: Spot, label: Expr | None, target: Spot) -> None:
        self.steps.setdefault(spot, {})[label, target] = None
        self._come(context, target)

    def _advance(self, context: Context, spot: Spot) -> None:
        place, state = spot
        if place == EXIT:
            self._leave(context, state)
        elif state in self.sinks:  # the rest of the rule, whatever it is, leads nowhere else
            self._step(context, spot, self.net.rest[place], (EXIT, state))
        else:
            for label, after in self.net.arcs[place]:
                if isinstance(label, Call):
                    self._call(context, spot, label, after)
                else:
                    for end in self.ends(label, state):
                        self._step(context, spot, label, (after, end))

    def _leave(self, context: Context, state: int) -> None:
        if state not in self.summary[context]:
            self.summary[context].add(state)
            for caller, call, (place, after) in self._callers[context]:
                self._step(caller, (place, context[1]), call, (after, state))

    def _call(self, context: Context, spot: Spot, call: Call, after: int) -> None:
        inner = call.rule, spot[1]
        self._enter(inner)
        self._callers[inner].append((context, call, (spot[0], after)))
        for state in list(self.summary[inner]):
            self._step(context, spot, call, (after, state))

    # -- leaves

    def ends(self, label: Expr | None, state: int) -> frozenset[int]:
        """The states that texts of a leaf lead to, from a state."""
        if label is None:
            return frozenset({state})
        key = label, state
        if key not in self._ends:
            self._ends[key] = _ENDS[type(label)](self, label, state)
        return self._ends[key]

    def literal(self, expr: Literal, state: int) -> frozenset[int]:
        return frozenset({advance(self.dfa, state, expr.data)} - {DEAD})

    def words(self, expr: Words, state: int) -> frozenset[int]:
        return frozenset({advance(self.dfa, state, word) for word in expr.words} - {DEAD})

    def regular(self, expr: Regular, state: int) -> frozenset[int]:
        joint = self.joint(expr)
        return frozenset(q for p, q in joint.pairs(state) if q and joint.accepting[p])

    def joint(self, expr: Regular) -> _Joint:
        """The leaf side by side with the automaton."""
        if expr not in self._joints:
            self._joints[expr] = _Joint(minimize(from_node(resolve(expr.node))), self.dfa)
        return self._joints[expr]


_ENDS: dict[type, Callable[[_Table, Any, int], frozenset[int]]] = {
    Literal: _Table.literal,
    Words: _Table.words,
    Regular: _Table.regular,
}


class _Joint:
    """The automaton of a leaf, and steps of it together with another one."""

    def __init__(self, dfa: DFA, other: DFA):
        self.dfa = dfa
        self.accepting: list[bool] = dfa.accepting.tolist()
        columns = dict.fromkeys(zip(dfa.classes.tolist(), other.classes.tolist(), strict=True))
        ours, theirs = map(list, zip(*columns, strict=True))
        self._ours: list[list[int]] = dfa.table[:, ours].tolist()
        self._theirs: list[list[int]] = other.table[:, theirs].tolist()

    def pairs(self, state: int) -> Set[tuple[int, int]]:
        """What the same bytes lead to from the start of the leaf, alive, and from `state`."""
        found = {(self.dfa.start, state)}
        todo = list(found)
        while todo:
            p, q = todo.pop()
            steps = {pair for pair in zip(self._ours[p], self._theirs[q], strict=True) if pair[0]}
            todo += steps - found
            found |= steps
            if len(found) > 10 * MAX_STATES:
                raise LimitExceeded("states of a product", len(found))
        return found


class _Writer:
    """Writes rules for what leads from one (place, state) to the end of a rule in a state."""

    def __init__(self, table: _Table):
        self._table = table
        self._net = table.net
        self._before: dict[Spot, set[Spot]] = {}
        for spot, steps in table.steps.items():
            for _, target in steps:
                self._before.setdefault(target, set()).add(spot)
        self._leading: dict[int, Set[Spot]] = {}
        self._rules: dict[Hashable, Expr] = {}
        self._todo: list[Piece] = []

    def rules_from(self, start: Hashable, name: Hashable) -> dict[Hashable, Expr]:
        """The rules that `start` needs, with the rule `name` for all of its accepted texts."""
        state = self._table.dfa.start
        ends = sorted(self._table.summary[start, state])
        accepted = [end for end in ends if self._table.dfa.accepting[end]]
        entry = self._net.entries[start]
        self._rules[name] = choice(self._call(start, (entry, state), end) for end in accepted)
        while self._todo:
            piece = self._todo.pop()
            spot = piece.place, piece.before
            self._rules[piece] = self._piece(piece.rule, spot, piece.behind, MAX_INLINE)
        return self._rules

    def _call(self, rule: Hashable, spot: Spot, end: int) -> Expr:
        """What leads from `spot` in a rule to its end in the state `end`."""
        if spot == (EXIT, end):
            return EMPTY
        piece = Piece(rule, spot[0], spot[1], end)
        if piece not in self._rules:
            self._rules[piece] = NEVER  # until its turn
            self._todo.append(piece)
            if len(self._rules) > MAX_RULES:
                raise LimitExceeded("rules of a product", len(self._rules))
        return Call(piece)

    def _piece(self, rule: Hashable, spot: Spot, end: int, inline: int) -> Expr:
        return choice(
            sequence(
                (self._label(label, spot[1], target[1]), self._rest(rule, target, end, inline))
            )
            for label, target in self._table.steps[spot]
            if target in self._leading_to(end)
        )

    def _rest(self, rule: Hashable, spot: Spot, end: int, inline: int) -> Expr:
        """What comes after a step; written in place where no other step leads there."""
        alone = len(self._before[spot]) == 1 and spot[0] not in self._net.loops
        if alone and spot[0] != EXIT and inline:
            return self._piece(rule, spot, end, inline - 1)
        return self._call(rule, spot, end)

    def _leading_to(self, end: int) -> Set[Spot]:
        """Where the end of a rule in this state can be reached from."""
        if end not in self._leading:
            todo: list[Spot] = [(EXIT, end)]
            found = set(todo)
            while todo:
                new = self._before.get(todo.pop(), set[Spot]()) - found
                todo += new
                found |= new
            self._leading[end] = found
        return self._leading[end]

    def _label(self, label: Expr | None, before: int, behind: int) -> Expr:
        """The texts of what one step reads that lead from a state to another."""
        if label is None:
            return EMPTY
        if before in self._table.sinks:
            self._whole(label)
            return label
        return _PIECE[type(label)](self, label, before, behind)

    def _whole(self, expr: Expr) -> None:
        todo = list(calls(expr))
        while todo:
            name = todo.pop()
            if name not in self._rules:
                self._rules[name] = self._net.rules[name]
                todo += calls(self._net.rules[name])

    def literal(self, expr: Literal, before: int, behind: int) -> Expr:
        return expr

    def words(self, expr: Words, before: int, behind: int) -> Expr:
        dfa = self._table.dfa
        return Words(tuple(w for w in expr.words if advance(dfa, before, w) == behind))

    def regular(self, expr: Regular, before: int, behind: int) -> Expr:
        joint, other = self._table.joint(expr), self._table.dfa
        if all(q == behind for p, q in joint.pairs(before) if joint.accepting[p]):
            return expr
        only = DFA(other.table, other.classes, np.arange(other.n_states) == behind, before)
        part = trim(
            product(joint.dfa, only, and_, 10 * MAX_STATES)
        )  # there are too many to minimize
        return Regular(cast(rx.Node, Automaton(part)))

    def call(self, expr: Call, before: int, behind: int) -> Expr:
        return self._call(expr.rule, (self._net.entries[expr.rule], before), behind)


_PIECE: dict[type, Callable[[_Writer, Any, int, int], Expr]] = {
    Literal: _Writer.literal,
    Words: _Writer.words,
    Regular: _Writer.regular,
    Call: _Writer.call,
}
