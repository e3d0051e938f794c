"""Rules without left recursion and without empty calls, for the same language.

A machine that enters a rule before it has taken a byte must not come back to that rule. First
empty calls are removed, which brings hidden left recursion (behind something that vanished)
into the open. Then each group of rules that call each other on the left is turned around at
the left corner (Rosenkrantz and Lewis 1970; Moore 2000): a goal begins with some text of a
member that does not itself begin with a member, and climbs from there, tail by tail, from each
finished member to one that it begins, up to the goal. Tails that can be empty, and with them
cycles of unit rules, are short-cut beforehand.

Rules that none of this concerns are passed on untouched.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence as ListLike, Set
from dataclasses import dataclass
from typing import Any

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Repeat,
    Sequence,
    choice,
    repeat,
    sequence,
)

from .analysis import corners, is_nullable, nullable, productive, prune
from .empty_calls import Nonempty, nonempty, or_empty, without_empty_calls
from .rule_graph import Rules, call_graph, calls, cyclic, reachable

_NONE: frozenset[Hashable] = frozenset()


@dataclass(frozen=True, slots=True)
class Climb:
    """Names the rule for what may follow a finished `at` to make it `goal`: never nothing."""

    goal: Hashable
    at: Hashable


@dataclass(frozen=True)
class Straightened:
    """Rules in which no call is empty and none recurs on the left; text begins with `start`."""

    rules: Mapping[Hashable, Expr]
    start: Expr


def remove(rules: Rules, start: Hashable, max_rules: int = 100_000) -> Straightened:
    """The rules that `start` reaches, without left recursion and without empty calls.

    In the result (a) no rule calls itself on the left, directly or through others; (b) no rule
    is nullable, though the start expression may be; (c) nothing that is repeated is nullable.
    A rule that is not nullable, not left-recursive, calls no nullable rule and repeats nothing
    nullable stays the same object. Parts of the others that turn out to stand for no text are
    dropped.

    Linear, but for groups of mutually left-recursive rules: each member that is a goal gets
    a rule per member. Raises LimitExceeded above `max_rules` of those.
    """
    graph = call_graph(rules, start)
    given = {name: rules[name] for name in graph}
    empty = nullable(given, graph)
    solid = without_empty_calls(given, graph, empty)
    groups = cyclic({name: _left(expr) for name, expr in solid.items()})
    if not groups and all(solid.get(name) is expr for name, expr in given.items()):
        return Straightened(given, Call(start))
    first = Nonempty(start) if start in empty else start
    turned = _turned(solid, [_group(members, solid) for members in groups], first, max_rules)
    return _finished(given, turned, or_empty(start, empty))


def _left(expr: Expr) -> list[Hashable]:
    """The rules that `expr` can begin with, in order, so that all that follows is in order."""
    return [leaf.rule for leaf in corners(expr, _NONE) if type(leaf) is Call]


# ------------------------------------------------------------------ one group


@dataclass(frozen=True, eq=False)
class _Group:
    """Rules that call each other on the left, taken apart."""

    bases: Mapping[Hashable, Expr]  # member: those of its texts that begin with no member
    tails: Mapping[Hashable, Mapping[Hashable, Expr]]  # X, Y: what makes an X a Y; never empty
    same: Mapping[Hashable, Set[Hashable]]  # X: the members that any X is without further text


def _group(members: Iterable[Hashable], rules: Rules) -> _Group:
    inside = dict.fromkeys(members).keys()
    bases: dict[Hashable, Expr] = {}
    tails: dict[Hashable, dict[Hashable, list[Expr]]] = {name: {} for name in inside}
    units: dict[Hashable, list[Hashable]] = {name: [] for name in inside}
    for name in inside:
        bases[name], begun = _split(rules[name], inside)
        for corner, tail in begun:
            tails[corner].setdefault(name, []).append(nonempty(tail, _NONE))
            if is_nullable(tail, _NONE):
                units[corner].append(name)
    return _Group(
        bases,
        {x: {y: choice(found) for y, found in to.items()} for x, to in tails.items()},
        {name: _closure(name, units) for name in inside},
    )


def _closure(name: Hashable, edges: Mapping[Hashable, Iterable[Hashable]]) -> Set[Hashable]:
    found = {name: None}
    todo = [name]
    while todo:
        new = [other for other in edges[todo.pop()] if other not in found]
        found.update(dict.fromkeys(new))
        todo.extend(new)
    return found.keys()


_Begun = list[tuple[Hashable, Expr]]


def _split(expr: Expr, inside: Set[Hashable]) -> tuple[Expr, _Begun]:
    """`expr` as a base that begins with no rule `inside`, and (rule inside, tail after it).

    The empty text is left out. These are the partial derivatives of Antimirov (1996), taken by
    rules instead of letters.
    """
    handler = _SPLIT.get(type(expr))
    if handler is None or inside.isdisjoint(_left(expr)):
        return nonempty(expr, _NONE), []
    return handler(expr, inside)


def _split_sequence(expr: Sequence, inside: Set[Hashable]) -> tuple[Expr, _Begun]:
    """Some part is the first that is not empty."""
    bases: list[Expr] = []
    begun: _Begun = []
    for i, item in enumerate(expr.items):
        rest = expr.items[i + 1 :]
        base, parts = _split(item, inside)
        bases.append(sequence((base, *rest)))
        begun += ((name, sequence((tail, *rest))) for name, tail in parts)
        if not is_nullable(item, _NONE):
            break
    return choice(bases), begun


def _split_choice(expr: Choice, inside: Set[Hashable]) -> tuple[Expr, _Begun]:
    bases: list[Expr] = []
    begun: _Begun = []
    for item in expr.items:
        base, parts = _split(item, inside)
        bases.append(base)
        begun += parts
    return choice(bases), begun


def _split_repeat(expr: Repeat, inside: Set[Hashable]) -> tuple[Expr, _Begun]:
    base, begun = _split(expr.item, inside)
    hi = None if expr.hi is None else expr.hi - 1
    rest = repeat(expr.item, max(expr.lo - 1, 0), hi)
    return sequence((base, rest)), [(name, sequence((tail, rest))) for name, tail in begun]


_SPLIT: dict[type, Callable[[Any, Set[Hashable]], tuple[Expr, _Begun]]] = {
    Sequence: _split_sequence,
    Choice: _split_choice,
    Repeat: _split_repeat,
    Call: lambda expr, inside: (NEVER, [(expr.rule, EMPTY)]),
}


def _goal(group: _Group, goal: Hashable) -> Expr:
    """All texts of `goal`."""
    if len(group.bases) == 1:
        tails = choice(group.tails[goal].values())
        return sequence((group.bases[goal], repeat(tails, 0, None)))
    return choice(sequence((base, _to(group, goal, y))) for y, base in group.bases.items())


def _climb(group: _Group, goal: Hashable, at: Hashable) -> Expr:
    return choice(
        sequence((tail, _to(group, goal, y)))
        for x in group.same[at]
        for y, tail in group.tails[x].items()
    )


def _to(group: _Group, goal: Hashable, at: Hashable) -> Expr:
    """What may follow a finished `at`: a climb, or nothing if that is a `goal` already."""
    climb = Call(Climb(goal, at))
    return Choice((climb, EMPTY)) if goal in group.same[at] else climb


# ------------------------------------------------------------------ all rules


def _turned(
    rules: Rules, groups: ListLike[_Group], start: Hashable, max_rules: int
) -> dict[Hashable, Expr]:
    """The rules that `start` reaches, nearest first, with members of groups as goals."""
    owner = {name: group for group in groups for name in group.bases}
    turned: dict[Hashable, Expr] = {}
    n_climbs = 0
    todo = deque([start])
    while todo:
        name = todo.popleft()
        if name in turned:
            continue
        if name in owner:
            turned[name] = _goal(owner[name], name)
        elif name in rules:
            turned[name] = rules[name]
        elif isinstance(name, Climb):
            turned[name] = _climb(owner[name.goal], name.goal, name.at)
            n_climbs += 1
        if n_climbs > max_rules:
            raise LimitExceeded(
                "rules for left recursion", n_climbs, "let fewer rules begin with each other"
            )
        todo.extend(calls(turned[name]))
    return turned


def _finished(given: Rules, turned: Rules, start: Expr) -> Straightened:
    """Drop what the rewriting left without a text, and what nobody calls any more."""
    changed = {name: expr for name, expr in turned.items() if given.get(name) is not expr}
    graph = {name: calls(expr) for name, expr in changed.items()}
    alive = productive(changed, graph, known=turned.keys() - changed.keys())
    if len(alive) < len(turned):  # then rules that were not changed may call what is gone
        changed, alive = turned, productive(turned)
    kept = {
        name: prune(expr, alive) if name in changed else expr
        for name, expr in turned.items()
        if name in alive
    }
    start = prune(start, alive)
    begin = calls(start)
    return Straightened(reachable(kept, begin[0]) if begin else {}, start)
