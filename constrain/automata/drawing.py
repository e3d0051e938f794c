"""Automata and rules as graphs in the language of Graphviz."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Set
from typing import Any, TypeAlias

import numpy as np

from constrain.errors import SpecError, Unsupported
from constrain.syntax.grammar import Call, Expr, Grammar, Lexeme, Literal, Regular, Words

from .assembly import runnable
from .dfa import DEAD, DFA, shortest
from .language import shown, to_dfa
from .network import EXIT, Network
from .normal_form import START, used_rules
from .regex_to_dfa import from_node
from .resolve import resolve

Show: TypeAlias = Callable[[Set[int]], str]
"""A set of bytes as text."""

HEAD = 'rankdir=LR; node [shape=circle label=""]; begin [shape=point]'


def to_dot(grammar: Grammar, show: Show, rule: str | None = None) -> str:
    """The minimal automaton of a regular grammar, or the places of one rule of any.

    rule: a rule by its name; None: the automaton if there is one, else the start rule.

    Raises SpecError for a rule that is not there, LimitExceeded for too many states.
    """
    form = runnable(grammar)
    if rule is None:
        try:
            return automaton_to_dot(to_dfa(form), show)
        except Unsupported:
            pass
    rules = used_rules(form)
    names = {shown(name): name for name in reversed(list(rules))}
    if rule is not None and rule not in names:
        known = ", ".join(sorted(name for name in names if name != START))
        raise SpecError(f'there is no rule "{rule}" to draw; there are {known}')
    return rule_to_dot(Network(rules), START if rule is None else names[rule])


def automaton_to_dot(dfa: DFA, show: Show) -> str:
    """States as circles, accepting ones as double circles; the dead one is left out."""
    bytes_of = [np.flatnonzero(dfa.classes == c).tolist() for c in range(dfa.table.shape[1])]
    lines = [f"{s} [shape=doublecircle]" for s in np.flatnonzero(dfa.accepting).tolist()]
    for state, row in enumerate(dfa.table.tolist()):
        edges: dict[int, set[int]] = {}
        for byte_class, target in enumerate(row):
            edges.setdefault(target, set()).update(bytes_of[byte_class])
        for target, members in edges.items():
            if target != DEAD:
                lines.append(f"{state} -> {target} [label={json.dumps(show(members))}]")
    return _graph((HEAD, f"begin -> {dfa.start}", *lines))


def rule_to_dot(net: Network, rule: Hashable) -> str:
    """Places as circles, what is read or called between them on the arrows."""
    entry = net.entries[rule]
    return _graph((HEAD, f"begin -> {entry}", f"{EXIT} [shape=doublecircle]", *_arcs(net, entry)))


def _arcs(net: Network, entry: int) -> Iterator[str]:
    seen, todo = {entry}, [entry]
    while todo:
        place = todo.pop()
        for label, target in net.arcs[place]:
            yield f"{place} -> {target} [label={json.dumps(_label(label))}]"
            if target not in seen:
                seen.add(target)
                todo.append(target)


def _label(expr: Expr | None) -> str:
    return "" if expr is None else _LABEL[type(expr)](expr)


def _text(data: bytes) -> str:
    return f'"{data.decode("utf-8", "backslashreplace")}"'


def _like(expr: Regular) -> str:
    return f"like {_text(shortest(from_node(resolve(expr.node))) or b'')}"


_LABEL: dict[type, Callable[[Any], str]] = {
    Literal: lambda expr: _text(expr.data),
    Words: lambda expr: " | ".join(map(_text, expr.words[:5])) + " | ..." * (len(expr.words) > 5),
    Regular: _like,
    Call: lambda expr: f"<{shown(expr.rule)}>",
    Lexeme: lambda expr: expr.terminal,
}


def _graph(lines: Iterable[str]) -> str:
    return "digraph {\n  " + "\n  ".join(lines) + "\n}\n"
