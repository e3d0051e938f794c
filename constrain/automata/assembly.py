"""Grammars made from grammars, as one set of rules.

Rules of the parts keep their names where these are free, or stand for the same thing already;
others are renamed apart. Products are worked out on the way (see `product`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from constrain.errors import LimitExceeded, SpecError, Unsupported
from constrain.syntax.combinators import Reference
from constrain.syntax.grammar import (
    Both,
    Call,
    Composition,
    Embedded,
    Expr,
    Grammar,
    Literal,
    Regular,
    Sequence,
    Without,
    Words,
    map_leaves,
    sequence,
)

from .analysis import is_nullable
from .normal_form import NormalForm, normal_form
from .product import difference, intersection
from .rule_graph import least, walk

Scope: TypeAlias = Mapping[Reference, Hashable]
"""What the references of the grammars around a part stand for."""


@dataclass(frozen=True, slots=True)
class Within:
    """Names a rule of a part whose own name was taken."""

    rule: Hashable
    number: int


def runnable(grammar: Grammar) -> NormalForm:
    """The normal form of a grammar, however it was made. Raises EmptyLanguage and what
    `assembled` raises."""
    return normal_form(assembled(grammar))


def assembled(grammar: Grammar, around: Collection[Reference] = ()) -> Grammar:
    """The same language, from rules without `Embedded`, `Both`, `Without` and references.

    O(size of the parts), and the cost of products. A grammar of which no other is a part comes
    back itself. `around`: rules that are defined, but out of reach from here.

    Raises SpecError for a reference to a rule that is defined nowhere, Unsupported where neither
    side of `&`, or the right side of `-`, is regular, LimitExceeded.
    """
    if grammar.tokens:  # `compile` has put their spellings in their place
        note = "they have no text before a vocabulary is known"
        raise Unsupported("a question about the texts of a grammar with special tokens", note=note)
    if not isinstance(grammar.key, Composition):
        return grammar
    if (wrapped := _wrapped(grammar)) is not None:
        return wrapped
    assembly = _Assembly(around)
    try:
        start = assembly.add(grammar, {})
    except RecursionError:
        note = "join many parts with seq() and union(), not one by one around each other"
        raise LimitExceeded("nesting of grammars", len(assembly.rules), note) from None
    return Grammar(grammar.key, assembly.rules, start, tokens=grammar.tokens)


def _wrapped(grammar: Grammar) -> Grammar | None:
    """Texts around one grammar that is `ready`, whose rules then need not be looked at."""
    top = grammar.rules.get(grammar.start)
    items: list[Expr] = []
    inner: Grammar | None = None
    for part in top.items if isinstance(top, Sequence) else ():
        text = _short(part.grammar) if isinstance(part, Embedded) else None
        if isinstance(text, Literal):
            items.append(text)
        elif isinstance(part, Embedded) and part.grammar.ready and inner in (None, part.grammar):
            inner = part.grammar
            items.append(Call(inner.start))
        else:
            return None
    if inner is None or is_nullable(inner.rules[inner.start], frozenset()):
        return None
    rules = _WithTop(grammar.start, sequence(items), inner.rules)
    return Grammar(grammar.key, rules, grammar.start, ready=True)


@dataclass(frozen=True, eq=False)
class _WithTop(Mapping[Hashable, Expr]):
    """Rules, and one more that calls them."""

    name: Hashable
    expr: Expr
    rules: Mapping[Hashable, Expr]

    def __getitem__(self, name: Hashable) -> Expr:
        return self.expr if name == self.name else self.rules[name]

    def __iter__(self) -> Iterator[Hashable]:
        yield self.name
        yield from self.rules

    def __len__(self) -> int:
        return 1 + len(self.rules)


class _Assembly:
    def __init__(self, around: Collection[Reference]) -> None:
        self.rules: dict[Hashable, Expr] = {}
        self._starts: dict[tuple[Hashable, ...], Hashable] = {}
        self._around = around

    def add(self, grammar: Grammar, scope: Scope) -> Hashable:
        """Add the rules of `grammar`, once, and return the name that its start has here."""
        key = grammar, *scope.items()
        if key not in self._starts:
            own = _own_rules(grammar)
            names = self._names(own)
            inner = {**scope, **{n: names[n] for n in own if isinstance(n, Reference)}}
            self._starts[key] = names[grammar.start]
            made = {name: expr for name, expr in own.items() if _is_made(expr)}
            for name, expr in own.items():  # those in `made` only take their places for now
                self.rules[names[name]] = expr if name in made else self._plain(expr, names, inner)
            for name, expr in made.items():
                self.rules[names[name]] = self._plain(expr, names, inner)
        return self._starts[key]

    def _names(self, own: Mapping[Hashable, Expr]) -> Mapping[Hashable, Hashable]:
        """A name for each rule: its own, unless that stands for something else here."""
        graph = {name: _called(expr) for name, expr in own.items()}
        here = self.rules.keys() & own.keys()
        other = {n for n in here if self.rules[n] != own[n] or _is_made(own[n])}
        other = least(graph, lambda n, found: n in here and not found.isdisjoint(graph[n]), other)
        return {name: self._free(name) if name in other else name for name in own}

    def _free(self, name: Hashable) -> Hashable:
        number = 2
        while Within(name, number) in self.rules:
            number += 1
        return Within(name, number)

    def _plain(self, expr: Expr, names: Mapping[Hashable, Hashable], scope: Scope) -> Expr:
        def change(leaf: Expr) -> Expr:
            handler = _PLAIN.get(type(leaf))
            return handler(self, leaf, names, scope) if handler else leaf

        return map_leaves(expr, change)

    def call(self, leaf: Call, names: Mapping[Hashable, Hashable], scope: Scope) -> Expr:
        name = names.get(leaf.rule)
        if name is None and isinstance(leaf.rule, Reference):
            name = scope.get(leaf.rule) or self._undefined(leaf.rule)
        return leaf if name == leaf.rule else Call(name)

    def _undefined(self, reference: Reference) -> Hashable:
        name = reference.name
        if reference in self._around:
            note = f'"{name}" is defined around the product, which has to stand for itself'
            raise Unsupported("a rule that leads to itself through & or -", note=note)
        raise SpecError(f'the rule "{name}" is used but defined nowhere; use rules({name}=...)')

    def embedded(self, leaf: Embedded, names: Mapping[Hashable, Hashable], scope: Scope) -> Expr:
        short = _short(leaf.grammar)
        return self._plain(short, {}, scope) if short else Call(self.add(leaf.grammar, scope))

    def product(
        self, leaf: Both | Without, names: Mapping[Hashable, Hashable], scope: Scope
    ) -> Expr:
        around = {*self._around, *scope}
        left, right = assembled(leaf.left, around), assembled(leaf.right, around)
        operation = intersection if isinstance(leaf, Both) else difference
        return Call(self.add(operation(left, right), {}))


_PLAIN: dict[type, Callable[[_Assembly, Any, Mapping[Hashable, Hashable], Scope], Expr]] = {
    Call: _Assembly.call,
    Embedded: _Assembly.embedded,
    Both: _Assembly.product,
    Without: _Assembly.product,
}


def _called(expr: Expr) -> list[Hashable]:
    return [part.rule for part in walk(expr) if type(part) is Call]


def _is_made(expr: Expr) -> bool:
    """Does it hold grammars, or refer to rules around its own?"""
    return any(type(part) in (Embedded, Both, Without) for part in walk(expr)) or any(
        isinstance(name, Reference) for name in _called(expr)
    )


def _short(grammar: Grammar) -> Expr | None:
    """The only expression of a grammar, if it is better written where it is used."""
    if grammar.ready or len(grammar.rules) > 1:
        return None
    expr = grammar.rules[grammar.start]
    if isinstance(expr, Call):
        return expr if expr.rule not in grammar.rules else None
    return expr if isinstance(expr, Literal | Regular | Words) else None


def _own_rules(grammar: Grammar) -> dict[Hashable, Expr]:
    """The rules that the start reaches, and all definitions, without those of grammars around."""
    found: dict[Hashable, Expr] = {}
    todo: list[Hashable] = [grammar.start]
    if isinstance(grammar.key, Composition):
        todo += (name for name in grammar.rules if isinstance(name, Reference))
    while todo:
        name = todo.pop()
        if name not in found:
            found[name] = grammar.rules[name]
            called = _called(found[name])
            todo += (n for n in called if not isinstance(n, Reference) or n in grammar.rules)
    return found
