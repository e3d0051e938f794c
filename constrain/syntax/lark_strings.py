"""Many strings as alternatives of each other, as one terminal (or, without a lexer, one leaf).

It makes no difference to the language: strings of one choice are followed by the same, no two
of them match equally far, and they all come before patterns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterator, Mapping
from dataclasses import replace

from .grammar import Choice, Expr, Lexeme, Literal, Repeat, Sequence, Words, choice
from .lark_terminals import Built
from .regex_ast import Text, union

MANY = 64

Rules = Mapping[Hashable, Expr]


def joined_terminals(
    rules: Rules, used: Mapping[str, Built], kept: Container[str]
) -> tuple[Rules, Mapping[str, Built]]:
    """Rules and terminals in which strings, if many, are alternatives of one terminal.

    kept: names of the terminals to leave alone.
    """
    flagged = any(built.written.is_string and built.written.flags for built in used.values())
    if flagged or len(used) < MANY:  # others may match as far as a string with the flag i
        return rules, used
    counts = Counter(name for expr in rules.values() for name in _terminals(expr))
    joined: dict[str, Built] = {}
    gone: set[str] = set()

    def group(item: Expr) -> Hashable:
        if not isinstance(item, Lexeme) or item.terminal in kept or counts[item.terminal] > 1:
            return None
        return "string" if isinstance(used[item.terminal].node, Text) else None

    def join(items: list[Expr]) -> Expr:
        names = [item.terminal for item in items if isinstance(item, Lexeme)]
        name = f"{names[0]} and {len(names) - 1} other strings"
        joined[name] = replace(used[names[0]], node=union(used[n].node for n in names))
        gone.update(names)
        return Lexeme(name)

    new = {name: _gathered(expr, group, join) for name, expr in rules.items()}
    return new, {name: built for name, built in used.items() if name not in gone} | joined


def joined_words(expr: Expr) -> Expr:
    """An expression without a lexer, with many texts in a choice as `Words`."""

    def group(item: Expr) -> Hashable:
        return _split(item)[1] if isinstance(_split(item)[0], Literal) else None

    def join(items: list[Expr]) -> Expr:
        firsts = (_split(item)[0] for item in items)
        words = Words(tuple(sorted(first.data for first in firsts if isinstance(first, Literal))))
        rest = _split(items[0])[1]
        return Sequence((words, *rest)) if rest else words

    return _gathered(expr, group, join)


def _split(expr: Expr) -> tuple[Expr | None, tuple[Expr, ...]]:
    """The first item of a sequence, and the others."""
    items = expr.items if isinstance(expr, Sequence) else (expr,)
    return (items[0] if items else None), items[1:]


def _gathered(
    expr: Expr, group: Callable[[Expr], Hashable], join: Callable[[list[Expr]], Expr]
) -> Expr:
    """`expr` with alternatives of one group, if many, joined."""
    if isinstance(expr, Sequence):
        return Sequence(tuple(_gathered(item, group, join) for item in expr.items))
    if isinstance(expr, Repeat):
        return replace(expr, item=_gathered(expr.item, group, join))
    if not isinstance(expr, Choice):
        return expr
    groups: dict[Hashable, list[Expr]] = {}
    for item in expr.items:
        groups.setdefault(group(item), []).append(item)
    others = [_gathered(item, group, join) for item in groups.pop(None, [])]
    for items in groups.values():
        others += [join(items)] if len(items) >= MANY else items
    return choice(others)


def _terminals(expr: Expr) -> Iterator[str]:
    """The terminals in an expression, each as often as it stands there."""
    if isinstance(expr, Lexeme):
        yield expr.terminal
    for item in expr.items if isinstance(expr, Sequence | Choice) else ():
        yield from _terminals(item)
    if isinstance(expr, Repeat):
        yield from _terminals(expr.item)
