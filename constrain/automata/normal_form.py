"""The form of a grammar that can be run: nothing dead, no left recursion, no empty calls."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass

from constrain.errors import EmptyLanguage
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    Call,
    Expr,
    Grammar,
    Lexeme,
    Regular,
    Sequence,
    Terminal as TerminalSpec,
)

from .analysis import trim
from .left_recursion import remove
from .resolve import resolve
from .rule_graph import call_graph, cyclic, reachable

END = TerminalSpec("$END", rx.NOTHING, rank=1 << 30)
"""Waits at the end of a text, where ignored terminals may still come. It never matches."""


@dataclass(frozen=True, eq=False)
class NormalForm:
    """Rules and the expression that a text begins with; terminals of a contextual lexer."""

    rules: Mapping[Hashable, Expr]
    start: Expr
    terminals: tuple[TerminalSpec, ...] = ()
    ignore: frozenset[str] = frozenset()


def _has_no_member(node: rx.Node) -> bool:
    return resolve(node) == rx.NOTHING


def normal_form(grammar: Grammar) -> NormalForm:
    """The grammar ready to be lowered. Raises EmptyLanguage if it has no member.

    A grammar that says it is `ready` (a lazy one, checked by its front end) is taken as it is.
    """
    if grammar.ready:
        return NormalForm(grammar.rules, Call(grammar.start))
    only = grammar.rules[grammar.start] if len(grammar.rules) == 1 else None
    if isinstance(only, Regular):
        node = resolve(only.node)
        if node == rx.NOTHING:
            raise EmptyLanguage("no text matches the pattern")
        return NormalForm({}, Regular(node))
    trimmed = trim(grammar, _has_no_member)
    straight = remove(trimmed.rules, trimmed.start)
    start = straight.start
    if not trimmed.terminals:
        return NormalForm(straight.rules, start)
    return NormalForm(
        straight.rules,
        Sequence((start, Lexeme(END.name))),
        (*trimmed.terminals.values(), END),
        frozenset(trimmed.ignore),
    )


START = "$START"


class _WithStart(dict[Hashable, Expr]):
    """The start expression as a rule; all others come from rules that may be lazy."""

    def __init__(self, grammar: NormalForm):
        super().__init__({START: grammar.start})
        self._rules = grammar.rules

    def __missing__(self, name: Hashable) -> Expr:
        return self._rules[name]


def used_rules(grammar: NormalForm) -> dict[Hashable, Expr]:
    """All rules that texts can reach, with the start expression as a rule START of its own."""
    return reachable(_WithStart(grammar), START)


def is_recursive(grammar: NormalForm) -> bool:
    """Can some rule stand inside itself? If none can, the language is regular."""
    return bool(cyclic(call_graph(_WithStart(grammar), START)))
