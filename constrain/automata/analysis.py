"""What the rules of a grammar can do: vanish, begin, end, finish, stand side by side.

Least fixpoints over rules (Aho, Lam, Sethi and Ullman 2006, section 4.4), read off expressions
instead of flat productions. Linear in the size of the rules where nothing else is said.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from constrain.errors import EmptyLanguage
from constrain.syntax import regex_analysis, regex_ast
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Grammar,
    JsonArray,
    JsonObject,
    JsonString,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Terminal,
    Words,
    choice,
    repeat,
    sequence,
)

from .rule_graph import (
    Graph,
    Rules,
    call_graph,
    components,
    least,
    reachable,
    walk,
    whole_graph,
)

__all__ = [
    "components",
    "corners",
    "is_nullable",
    "left_calls",
    "nullable",
    "productive",
    "prune",
    "reachable",
    "terminal_pairs",
    "trim",
]

# ------------------------------------------------------------------ the empty text


def is_nullable(expr: Expr, nullable_rules: Set[Hashable]) -> bool:
    """Can `expr` stand for the empty text, when exactly `nullable_rules` can?

    >>> is_nullable(Sequence((Call("a"), Repeat(Call("b"), 0, 1))), {"a"})
    True
    """
    return _outermost(expr, nullable_rules, [], 1)


def nullable(rules: Rules, graph: Graph | None = None) -> set[Hashable]:
    """The rules that can stand for the empty text. `graph`: who calls whom, if known."""
    return least(
        whole_graph(rules) if graph is None else graph,
        lambda name, found: is_nullable(rules[name], found),
    )


# ------------------------------------------------------------------ first and last


def corners(expr: Expr, nullable_rules: Set[Hashable], backwards: bool = False) -> list[Expr]:
    """The leaves (calls too) that text of `expr` can begin with, or end with; with repeats."""
    leaves: list[Expr] = []
    _outermost(expr, nullable_rules, leaves, -1 if backwards else 1)
    return leaves


def left_calls(expr: Expr, nullable_rules: Set[Hashable]) -> set[Hashable]:
    """The rules that `expr` can call before any text has been taken.

    >>> sorted(left_calls(Sequence((Call("a"), Call("b"), Call("c"))), {"a"}))
    ['a', 'b']
    """
    return {leaf.rule for leaf in corners(expr, nullable_rules) if type(leaf) is Call}


def _outermost(expr: Expr, empty: Set[Hashable], leaves: list[Expr], step: int) -> bool:
    """Add the first (step 1) or last (-1) leaves to `leaves`; return whether `expr` vanishes."""
    return _OUTERMOST[type(expr)](expr, empty, leaves, step)


# The handlers call each other through the table, at one stack frame per level.


def _outermost_sequence(
    expr: Sequence, empty: Set[Hashable], leaves: list[Expr], step: int
) -> bool:
    for item in expr.items[::step]:  # noqa: SIM110 (a generator is a frame more per level)
        if not _OUTERMOST[type(item)](item, empty, leaves, step):
            return False
    return True


def _outermost_choice(expr: Choice, empty: Set[Hashable], leaves: list[Expr], step: int) -> bool:
    vanishes = False
    for item in expr.items:
        if _OUTERMOST[type(item)](item, empty, leaves, step):
            vanishes = True
    return vanishes


def _outermost_repeat(expr: Repeat, empty: Set[Hashable], leaves: list[Expr], step: int) -> bool:
    if expr.hi is not None and expr.hi < max(expr.lo, 1):
        return expr.lo == expr.hi
    return _OUTERMOST[type(expr.item)](expr.item, empty, leaves, step) or expr.lo == 0


def _outermost_call(expr: Call, empty: Set[Hashable], leaves: list[Expr], step: int) -> bool:
    leaves.append(expr)
    return expr.rule in empty


def _outermost_leaf(expr: Any, empty: Set[Hashable], leaves: list[Expr], step: int) -> bool:
    leaves.append(expr)
    return _NULLABLE_LEAF[type(expr)](expr)


_NULLABLE_LEAF: dict[type, Callable[[Any], bool]] = {
    Literal: lambda expr: not expr.data,
    Regular: lambda expr: regex_analysis.is_nullable(expr.node),
    Words: lambda expr: b"" in expr.words,
    Space: lambda expr: True,
    **dict.fromkeys((Lexeme, JsonString, JsonObject, JsonArray), lambda expr: False),
}

_OUTERMOST: dict[type, Callable[[Any, Set[Hashable], list[Expr], int], bool]] = {
    Sequence: _outermost_sequence,
    Choice: _outermost_choice,
    Repeat: _outermost_repeat,
    Call: _outermost_call,
    **dict.fromkeys(_NULLABLE_LEAF, _outermost_leaf),
}

# ------------------------------------------------------------------ what can be finished

IsEmpty = Callable[[regex_ast.Node], bool]


def plainly_empty(node: regex_ast.Node) -> bool:
    """Is `node` the empty language on the face of it? (Intersections are not looked into.)"""
    return node == regex_ast.NOTHING


@dataclass(frozen=True)
class _Alive:
    """What may be kept: the rules and the regular languages that have a member."""

    rules: Set[Hashable]
    is_empty: IsEmpty = plainly_empty
    terminals: Mapping[str, Terminal] = field(default_factory=dict[str, Terminal])


def prune(expr: Expr, productive_rules: Set[Hashable], is_empty: IsEmpty = plainly_empty) -> Expr:
    """`expr` without the branches that no text can finish; NEVER if nothing is left.

    An expression that loses nothing is returned itself.
    """
    return _pruned(expr, _Alive(productive_rules, is_empty))


def productive(
    rules: Rules,
    graph: Graph | None = None,
    known: Iterable[Hashable] = (),
    is_empty: IsEmpty = plainly_empty,
) -> set[Hashable]:
    """The rules that stand for some text, and those in `known`, which are taken on trust."""
    return _productive(
        rules, whole_graph(rules) if graph is None else graph, known, _Alive(set(), is_empty)
    )


def trim(grammar: Grammar, is_empty: IsEmpty = plainly_empty) -> Grammar:
    """The same language, from rules that are all reachable and can all be finished.

    is_empty: says which regular languages have no member; called once per distinct one.
    Raises EmptyLanguage if no text fits the grammar.
    """
    known: dict[regex_ast.Node, bool] = {}

    def is_empty_once(node: regex_ast.Node) -> bool:
        if node not in known:
            known[node] = is_empty(node)
        return known[node]

    graph = call_graph(grammar.rules, grammar.start)
    rules = {name: grammar.rules[name] for name in graph}
    alive = _Alive(set(), is_empty_once, grammar.terminals)
    alive = replace(alive, rules=_productive(rules, graph, (), alive))
    if grammar.start not in alive.rules:
        raise EmptyLanguage("no text fits the grammar: its start rule can never be finished")
    kept = {name: _pruned(expr, alive) for name, expr in rules.items() if name in alive.rules}
    kept = reachable(kept, grammar.start)
    return replace(grammar, rules=kept, **_used_terminals(grammar, kept))


def _productive(
    rules: Rules, graph: Graph, known: Iterable[Hashable], alive: _Alive
) -> set[Hashable]:
    def holds(name: Hashable, found: Set[Hashable]) -> bool:
        return _pruned(rules[name], _Alive(found, alive.is_empty, alive.terminals)) != NEVER

    return least(graph, holds, known)


def _used_terminals(grammar: Grammar, rules: Rules) -> dict[str, Any]:
    used = {e.terminal for expr in rules.values() for e in walk(expr) if type(e) is Lexeme}
    used.update(grammar.ignore)
    return {"terminals": {n: t for n, t in grammar.terminals.items() if n in used}}


def _pruned(expr: Expr, alive: _Alive) -> Expr:
    handler = _PRUNE.get(type(expr))
    return handler(expr, alive) if handler else expr


def _pruned_items(items: tuple[Expr, ...], alive: _Alive) -> tuple[Expr, ...]:
    """`items`, each pruned; the very same tuple if all live on as they are."""
    kept: list[Expr] = []
    same = True
    for item in items:
        handler = _PRUNE.get(type(item))
        new = handler(item, alive) if handler else item
        same = same and new is item and new != NEVER
        kept.append(new)
    return items if same else tuple(kept)


def _prune_sequence(expr: Sequence, alive: _Alive) -> Expr:
    items = _pruned_items(expr.items, alive)
    return expr if items is expr.items else sequence(items)


def _prune_choice(expr: Choice, alive: _Alive) -> Expr:
    items = _pruned_items(expr.items, alive)
    return expr if items is expr.items else choice(items)


def _prune_repeat(expr: Repeat, alive: _Alive) -> Expr:
    if expr.hi is not None and expr.hi < max(expr.lo, 1):
        return EMPTY if expr.lo == expr.hi else NEVER
    item = _pruned(expr.item, alive)
    return expr if item is expr.item and item != NEVER else repeat(item, expr.lo, expr.hi)


def _prune_words(expr: Words, alive: _Alive) -> Expr:
    return expr if expr.words else NEVER


def _prune_call(expr: Call, alive: _Alive) -> Expr:
    return expr if expr.rule in alive.rules else NEVER


def _prune_regular(expr: Regular, alive: _Alive) -> Expr:
    return NEVER if alive.is_empty(expr.node) else expr


def _prune_lexeme(expr: Lexeme, alive: _Alive) -> Expr:
    terminal = alive.terminals.get(expr.terminal)
    return NEVER if terminal is not None and alive.is_empty(terminal.node) else expr


def _prune_string(expr: JsonString, alive: _Alive) -> Expr:
    return NEVER if expr.hi is not None and expr.lo > expr.hi else expr


def _prune_object(expr: JsonObject, alive: _Alive) -> Expr:
    """A declared name stays, without a value, where `other` would else take it in."""
    values = _pruned_items(tuple(value for _, value, _ in expr.members), alive)
    members = [(n, v, r) for v, (n, _, r) in zip(values, expr.members, strict=True)]
    if any(value == NEVER and required for _, value, required in members):
        return NEVER
    other = None if expr.other is None else _pruned(expr.other, alive)
    other = None if other == NEVER else other
    kept = tuple(member for member in members if other is not None or member[1] != NEVER)
    same = other is expr.other and len(kept) == len(expr.members)
    if same and all(new[1] is old[1] for new, old in zip(kept, expr.members, strict=True)):
        return expr
    return replace(expr, members=kept, other=other)


def _prune_array(expr: JsonArray, alive: _Alive) -> Expr:
    prefix = _pruned_items(expr.prefix, alive)
    items = None if expr.items is None else _pruned(expr.items, alive)
    items = None if items == NEVER else items
    if NEVER in prefix:
        prefix, items = prefix[: prefix.index(NEVER)], None
    most = len(prefix) if items is None else None
    highs = [high for high in (expr.hi, most) if high is not None]
    if highs and expr.lo > min(highs):
        return NEVER
    if prefix is expr.prefix and items is expr.items:
        return expr
    return replace(expr, prefix=prefix, items=items)


_PRUNE: dict[type, Callable[[Any, _Alive], Expr]] = {
    Sequence: _prune_sequence,
    Choice: _prune_choice,
    Repeat: _prune_repeat,
    Words: _prune_words,
    Call: _prune_call,
    Regular: _prune_regular,
    Lexeme: _prune_lexeme,
    JsonString: _prune_string,
    JsonObject: _prune_object,
    JsonArray: _prune_array,
}

# ------------------------------------------------------------------ neighbours


def terminal_pairs(grammar: Grammar) -> set[tuple[str, str | None]]:
    """Which terminal may directly follow which in some sentential form; None is the end.

    Ignored terminals do not count. Right for rules that are trimmed; else too large, never too
    small. O(size of the rules + size of the result times the number of places it stems from).
    """
    rules = reachable(grammar.rules, grammar.start)
    empty = nullable(rules)
    firsts = _outer_terminals(rules, empty, backwards=False)
    lasts = _outer_terminals(rules, empty, backwards=True)
    pairs: set[tuple[str, str | None]] = {(last, None) for last in lasts[grammar.start]}
    borders = {pair for expr in rules.values() for pair in _borders(expr, empty)}
    for left, right in borders:
        befores, afters = _terminals(left, lasts), _terminals(right, firsts)
        pairs.update((before, after) for before in befores for after in afters)
    return pairs


def _outer_terminals(
    rules: Rules, empty: Set[Hashable], backwards: bool
) -> dict[Hashable, Set[str]]:
    """For each rule the terminals that its text can begin with (or end with)."""
    leaves = {name: corners(expr, empty, backwards) for name, expr in rules.items()}
    graph = {n: [e.rule for e in ends if type(e) is Call] for n, ends in leaves.items()}
    result: dict[Hashable, Set[str]] = {}
    for members in components(graph):
        found = {e.terminal for name in members for e in leaves[name] if type(e) is Lexeme}
        for callee in {callee for name in members for callee in graph[name]}:
            found |= result.get(callee, set())
        result.update(dict.fromkeys(members, found))
    return result


def _terminals(leaf: Expr, outer: Mapping[Hashable, Set[str]]) -> Iterable[str]:
    if type(leaf) is Call:
        return outer[leaf.rule]
    return (leaf.terminal,) if type(leaf) is Lexeme else ()


def _borders(expr: Expr, empty: Set[Hashable]) -> Iterator[tuple[Expr, Expr]]:
    """Pairs of leaves that can stand side by side inside `expr`."""
    for part in walk(expr):
        if type(part) is Sequence:
            yield from _sequence_borders(part, empty)
        elif type(part) is Repeat and (part.hi is None or part.hi > 1):
            first, last = corners(part.item, empty), corners(part.item, empty, backwards=True)
            yield from ((left, right) for left in last for right in first)


def _sequence_borders(expr: Sequence, empty: Set[Hashable]) -> Iterator[tuple[Expr, Expr]]:
    before: list[Expr] = []
    for item in expr.items:
        first, after = corners(item, empty), corners(item, empty, backwards=True)
        yield from ((left, right) for left in before for right in first)
        before = before + after if is_nullable(item, empty) else after
