"""Contextual lexing straight from its definition, for grammars without calls.

The parser is a set of expressions, what may still come (Antimirov 1996). A lexeme is the longest
match among the terminals that the parser could take and the ignored ones, shortest matches only
for the lazy; of equally long ones the best rank counts. A finished lexeme is never reopened.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from functools import cache

from oracles import derivatives

from constrain.syntax.grammar import (
    EMPTY,
    Choice,
    Expr,
    Grammar,
    Lexeme,
    Repeat,
    Sequence,
    Terminal,
    repeat,
    sequence,
)


def nullable(expr: Expr) -> bool:
    match expr:
        case Sequence(items):
            return all(map(nullable, items))
        case Choice(items):
            return any(map(nullable, items))
        case Repeat(item, lo, _):
            return lo == 0 or nullable(item)
        case _:
            return False


def after(expr: Expr) -> Iterator[tuple[str, Expr]]:
    """Pairs of a terminal that may come first and what may follow it then."""
    match expr:
        case Lexeme(name):
            yield name, EMPTY
        case Sequence(items) if items:
            for name, rest in after(items[0]):
                yield name, sequence((rest, *items[1:]))
            if nullable(items[0]):
                yield from after(sequence(items[1:]))
        case Choice(items):
            for item in items:
                yield from after(item)
        case Repeat(item, lo, hi) if hi != 0:
            less = repeat(item, max(lo - 1, 0), None if hi is None else hi - 1)
            for name, rest in after(item):
                yield name, sequence((rest, less))


@cache
def _match_ends(terminal: Terminal, text: str) -> tuple[int, ...]:
    """The lengths of what `terminal` matches at the start of `text`."""
    ends = [n for n in range(len(text) + 1) if derivatives.matches(terminal.node, text[:n])]
    return tuple(ends[:1] if terminal.lazy else ends)


def accepts(grammar: Grammar, text: str) -> bool:
    expressions: Set[Expr] = {grammar.rules[grammar.start]}
    while text:
        moves = [move for expr in expressions for move in after(expr)]
        tried = {name for name, _ in moves} | set(grammar.ignore)
        found = [
            (-end, grammar.terminals[name].rank, name)
            for name in tried
            for end in _match_ends(grammar.terminals[name], text)
        ]
        if not found:
            return False
        length, _, name = min(found)
        text = text[-length:]
        if name not in grammar.ignore:
            expressions = {rest for other, rest in moves if other == name}
    return any(map(nullable, expressions))
