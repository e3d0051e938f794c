"""Rules as a graph: what an expression holds, which rule calls which, what hangs together.

Expressions may be nested MAX_DEPTH deep; everything here is linear in the size of the rules.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Set
from typing import Any, TypeAlias

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import (
    Call,
    Choice,
    Expr,
    JsonArray,
    JsonObject,
    Repeat,
    Sequence,
)

MAX_DEPTH = 256
"""How deep expressions may be nested in one rule: a quarter of Python's own limit."""

Rules: TypeAlias = Mapping[Hashable, Expr]
Graph: TypeAlias = Mapping[Hashable, Collection[Hashable]]


def walk(expr: Expr) -> Iterator[Expr]:
    """Every expression inside `expr`, itself first, level by level.

    Raises LimitExceeded below MAX_DEPTH levels.
    """
    level = [expr]
    for _ in range(MAX_DEPTH):
        yield from level
        level = [c for e in level if type(e) in _CHILDREN for c in _CHILDREN[type(e)](e)]
        if not level:
            return
    raise LimitExceeded("expression depth", MAX_DEPTH + 1, "name the inner parts as rules")


def _present(expr: Expr | None) -> tuple[Expr, ...]:
    return () if expr is None else (expr,)


_CHILDREN: dict[type, Callable[[Any], tuple[Expr, ...]]] = {
    Sequence: lambda expr: expr.items,
    Choice: lambda expr: expr.items,
    Repeat: lambda expr: (expr.item,),
    JsonObject: lambda expr: (*(value for _, value, _ in expr.members), *_present(expr.other)),
    JsonArray: lambda expr: (*expr.prefix, *_present(expr.items)),
}


def calls(expr: Expr) -> tuple[Hashable, ...]:
    """The rules that `expr` calls, each once."""
    return tuple(dict.fromkeys(e.rule for e in walk(expr) if type(e) is Call))


def call_graph(rules: Rules, start: Hashable) -> dict[Hashable, tuple[Hashable, ...]]:
    """The rules that `start` reaches, nearest first, each with the rules that it calls."""
    graph: dict[Hashable, tuple[Hashable, ...]] = {}
    level: list[Hashable] = [start]
    while level:
        graph.update((name, calls(rules[name])) for name in level)
        called = dict.fromkeys(callee for name in level for callee in graph[name])
        level = [name for name in called if name not in graph]
    return graph


def whole_graph(rules: Rules) -> dict[Hashable, tuple[Hashable, ...]]:
    """All rules, each with the rules that it calls."""
    return {name: calls(expr) for name, expr in rules.items()}


def reachable(rules: Rules, start: Hashable) -> dict[Hashable, Expr]:
    """The rules that `start` reaches, nearest first."""
    return {name: rules[name] for name in call_graph(rules, start)}


def least(
    graph: Graph, holds: Callable[[Hashable, Set[Hashable]], bool], known: Iterable[Hashable] = ()
) -> set[Hashable]:
    """The least set with `known` and every rule that `holds`, given the set.

    `holds` must be monotone and may look at no rules but those that the rule calls.
    """
    found = set(known)
    callers: dict[Hashable, list[Hashable]] = {}
    for name in reversed(list(graph)):  # farthest first: most callees come before their callers
        if holds(name, found):
            found.add(name)
        else:
            for callee in graph[name]:
                callers.setdefault(callee, []).append(name)
    todo = [caller for name in found for caller in callers.get(name, ())]
    while todo:
        name = todo.pop()
        if name not in found and holds(name, found):
            found.add(name)
            todo.extend(callers.get(name, ()))
    return found


def components(graph: Graph) -> list[list[Hashable]]:
    """Strongly connected components, each after those that it leads to (Tarjan 1972).

    Successors that are not keys of `graph` are skipped.

    >>> components({"a": ["b"], "b": ["a", "c"], "c": []})
    [['c'], ['b', 'a']]
    """
    order: dict[Hashable, int] = {}
    low: dict[Hashable, int] = {}  # of the names that are still open
    open_names: list[Hashable] = []
    found: list[list[Hashable]] = []

    def enter(name: Hashable) -> tuple[Hashable, Iterator[Hashable]]:
        order[name] = low[name] = len(order)
        open_names.append(name)
        return name, iter(graph[name])

    def close(name: Hashable) -> None:
        component: list[Hashable] = []
        while not component or component[-1] != name:
            component.append(open_names.pop())
            del low[component[-1]]
        found.append(component)

    for root in graph:
        path = [] if root in order else [enter(root)]
        while path:
            name, successors = path[-1]
            new = None
            for successor in successors:
                if successor in low:
                    low[name] = min(low[name], order[successor])
                elif successor in graph and successor not in order:
                    new = enter(successor)
                    break
            if new is not None:
                path.append(new)
                continue
            path.pop()
            if path:
                low[path[-1][0]] = min(low[path[-1][0]], low[name])
            if low[name] == order[name]:
                close(name)
    return found


def cyclic(graph: Graph) -> list[list[Hashable]]:
    """The components with a way from a member back to itself."""
    return [
        members
        for members in components(graph)
        if len(members) > 1 or members[0] in graph[members[0]]
    ]
