"""A grammar whose language is regular on the face of it, as one automaton.

Rules may call each other as long as a rule is called inside itself only at the end of what it
stands for, so that the call is a jump (strongly regular grammars: Mohri and Nederhof 2001).
Recursion on the left has been turned around before.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from typing import Any

from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax.grammar import (
    Call,
    Choice,
    Expr,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Words,
)

from .dfa import DFA, MAX_STATES, explore, minimize, trim
from .normal_form import START, NormalForm, used_rules
from .plain import plain
from .regex_to_dfa import NFA, Steps
from .resolve import resolve
from .rule_graph import call_graph, components

SCANNERLESS = "its longest matches make another language; take its .scannerless() reading"


def to_dfa(form: NormalForm, max_states: int = MAX_STATES) -> DFA:
    """The minimal automaton of a grammar.

    Raises Unsupported for rules that hold themselves other than at their end, and for a
    contextual lexer; LimitExceeded past `max_states`.
    """
    if form.terminals:
        raise Unsupported("an automaton for a contextual lexer", note=SCANNERLESS)
    builder = _Builder(form, max_states)
    start = builder.nfa.state()
    try:
        final = builder.whole(START, start)
    except RecursionError:
        raise LimitExceeded("nesting of rules", len(builder.rules)) from None
    steps = Steps(builder.nfa, [final])
    return minimize(
        trim(
            explore(
                steps.closure(start),
                lambda states: steps.moves(states).items(),
                lambda states: final in states,
                steps.classes,
                max_states,
            )
        )
    )


@dataclass(frozen=True)
class _Group:
    """One copy of rules that call each other: where each begins, and where all of them end."""

    members: frozenset[Hashable]
    final: int
    entries: dict[Hashable, int] = field(default_factory=dict[Hashable, int])


class _Builder:
    def __init__(self, form: NormalForm, max_states: int):
        self.nfa = NFA(max_states)
        self.rules = used_rules(form)
        graph = call_graph(self.rules, START)
        self._members = {n: frozenset(group) for group in components(graph) for n in group}

    def whole(self, name: Hashable, start: int) -> int:
        """Add a copy of the rule and those that it needs; return the state behind it."""
        group = _Group(self._members[name], self.nfa.state())
        self._enter(name, start, group)
        for member in self._new(group):
            end = self.add(self.rules[member], group.entries[member], group, last=True)
            if end is not None:
                self.nfa.epsilon[end].append(group.final)
        return group.final

    def _new(self, group: _Group) -> Iterable[Hashable]:
        """The members that are entered, as they come."""
        done = 0
        while done < len(group.entries):
            yield list(group.entries)[done]
            done += 1

    def _enter(self, name: Hashable, start: int, group: _Group) -> None:
        if name not in group.entries:
            group.entries[name] = self.nfa.state()
        self.nfa.epsilon[start].append(group.entries[name])

    def add(self, expr: Expr, start: int, group: _Group, last: bool) -> int | None:
        """Add `expr` from `start`; return the state behind it, or None if all of it jumps.

        last: nothing follows `expr` in the rule.
        """
        expr = plain(expr)
        return _ADD[type(expr)](self, expr, start, group, last)

    def add_literal(self, expr: Literal, start: int, group: _Group, last: bool) -> int:
        for byte in expr.data:
            end = self.nfa.state()
            self.nfa.edges[start].append((byte, byte, end))
            start = end
        return start

    def add_regular(self, expr: Regular, start: int, group: _Group, last: bool) -> int:
        return self.nfa.add(resolve(expr.node), start)

    def add_words(self, expr: Words, start: int, group: _Group, last: bool) -> int:
        known, final = {b"": start}, self.nfa.state()
        for word in expr.words:
            for i in range(len(word)):
                if word[: i + 1] not in known:
                    end = known[word[: i + 1]] = self.nfa.state()
                    self.nfa.edges[known[word[:i]]].append((word[i], word[i], end))
            self.nfa.epsilon[known[word]].append(final)
        return final

    def add_sequence(self, expr: Sequence, start: int, group: _Group, last: bool) -> int | None:
        end: int | None = start
        for i, item in enumerate(expr.items):
            if end is not None:
                end = self.add(item, end, group, last and i == len(expr.items) - 1)
        return end

    def add_choice(self, expr: Choice, start: int, group: _Group, last: bool) -> int | None:
        ends = [self.add(item, start, group, last) for item in expr.items]
        return self._join(ends) if any(end is not None for end in ends) else None

    def add_repeat(self, expr: Repeat, start: int, group: _Group, last: bool) -> int | None:
        for _ in range(expr.lo):
            start = self._inner(expr, start, group)
        if expr.hi is None:
            loop = self._join([start])
            self.nfa.epsilon[self._inner(expr, loop, group)].append(loop)
            return loop
        ends = [start]
        for _ in range(expr.hi - expr.lo):
            ends.append(self._inner(expr, ends[-1], group))
        return self._join(ends)

    def _inner(self, expr: Repeat, start: int, group: _Group) -> int:
        end = self.add(expr.item, start, group, last=False)
        assert end is not None  # only what is last can jump away
        return end

    def _join(self, ends: Iterable[int | None]) -> int:
        joined = self.nfa.state()
        for end in ends:
            if end is not None:
                self.nfa.epsilon[end].append(joined)
        return joined

    def add_call(self, expr: Call, start: int, group: _Group, last: bool) -> int | None:
        if expr.rule not in group.members:
            return self.whole(expr.rule, start)
        if not last:
            note = "rules that hold themselves in the middle need a stack"
            raise Unsupported(
                f"an automaton for a recursive rule {shown(expr.rule)}".rstrip(), note=note
            )
        self._enter(expr.rule, start, group)
        return None


_ADD: dict[type, Callable[[_Builder, Any, int, _Group, bool], int | None]] = {
    Literal: _Builder.add_literal,
    Regular: _Builder.add_regular,
    Words: _Builder.add_words,
    Sequence: _Builder.add_sequence,
    Choice: _Builder.add_choice,
    Repeat: _Builder.add_repeat,
    Call: _Builder.add_call,
}


def shown(name: Hashable) -> str:
    """A rule by the name that its author gave it, whatever was made of it since; or ""."""
    for field_name in ("rule", "goal", "rule", "rule", "name"):
        name = getattr(name, field_name, name)
    if isinstance(name, tuple) and name and isinstance(name[-1], int):  # a set of JSON's rules
        name = name[0]  # pyright: ignore[reportUnknownVariableType]
    return name if isinstance(name, str) else ""
