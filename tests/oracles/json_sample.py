"""Random members of a grammar with JSON kinds, drawn by walking down its expressions.

No care is taken of probabilities, only that every part of an expression can be drawn.
"""

from __future__ import annotations

import json
from collections.abc import Hashable
from random import Random

from constrain.automata.dfa import DFA
from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import (
    Call,
    Choice,
    Expr,
    Grammar,
    JsonArray,
    JsonObject,
    JsonString,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
)

MAX_DEPTH = 12


class TooDeep(Exception):
    """No member was found within MAX_DEPTH nested rules."""


def sample(grammar: Grammar, random: Random, shortest: bool = False) -> str:
    """A member of `grammar`. `shortest`: as few optional parts as possible."""
    return _Walk(grammar, random, shortest).text(Call(grammar.start), 0)


class _Walk:
    def __init__(self, grammar: Grammar, random: Random, shortest: bool):
        self.rules, self.random, self.shortest = grammar.rules, random, shortest
        self.failed: set[tuple[Hashable, int]] = set()

    def count(self, lo: int, hi: int | None) -> int:
        most = lo + 2 if hi is None else min(hi, lo + 2)
        return lo if self.shortest else self.random.randint(lo, most)

    def text(self, expr: Expr, depth: int) -> str:
        if depth > MAX_DEPTH:
            raise TooDeep
        match expr:
            case Call(rule):
                if (rule, depth) in self.failed:
                    raise TooDeep
                try:
                    return self.text(self.rules[rule], depth + 1)
                except TooDeep:
                    self.failed.add((rule, depth))
                    raise
            case Literal(data):
                return data.decode()
            case Words(words):
                return self.random.choice(words).decode()
            case Regular(node):
                return self.regular(node)
            case Sequence(items):
                return "".join(self.text(item, depth) for item in items)
            case Choice(items):
                return self.first(list(items), depth)
            case Repeat(item, lo, hi):
                return "".join(self.text(item, depth) for _ in range(self.count(lo, hi)))
            case Space(limit):
                n = self.count(0, limit)
                return "".join(self.random.choice(" \n\t\r") for _ in range(n))
            case JsonString(lo, hi):
                chars = (self.random.choice('aé"\\\n😀\0') for _ in range(self.count(lo, hi)))
                return json.dumps("".join(chars), ensure_ascii=self.random.random() < 0.3)
            case JsonObject():
                return self.object(expr, depth)
            case JsonArray():
                return self.array(expr, depth)
        raise TypeError(f"{type(expr).__name__} has no meaning in this oracle")

    def first(self, items: list[Expr], depth: int) -> str:
        """The first of `items`, in random order, that comes to an end."""
        self.random.shuffle(items)
        for item in items:
            try:
                return self.text(item, depth)
            except TooDeep:
                continue
        raise TooDeep

    def object(self, expr: JsonObject, depth: int) -> str:
        members: list[str] = []
        for name, value, required in expr.members:
            if required or (value != Choice(()) and self.count(0, 1)):
                members += self.member(name, value, required, depth, expr.space)
        declared = {name for name, _, _ in expr.members}
        if expr.other is not None:
            for name in ("other", "\n", "a", "b")[: self.count(0, 2)]:
                if name not in declared:
                    members += self.member(name, expr.other, False, depth, expr.space)
        return self.bracketed("{", members, "}", expr.space)

    def member(self, name: str, value: Expr, required: bool, depth: int, space: Space) -> list[str]:
        try:
            text = self.text(value, depth)
        except TooDeep:
            if required:
                raise
            return []
        colon = f"{self.text(space, 0)}:{self.text(space, 0)}"
        return [f"{json.dumps(name, ensure_ascii=False)}{colon}{text}"]

    def array(self, expr: JsonArray, depth: int) -> str:
        most = expr.hi
        if expr.items is None:
            most = len(expr.prefix) if most is None else min(most, len(expr.prefix))
        n_items, items = self.count(expr.lo, most), list[str]()
        while len(items) < n_items:
            i = len(items)
            item = expr.prefix[i] if i < len(expr.prefix) else expr.items
            assert item is not None
            try:
                items.append(self.text(item, depth))
            except TooDeep:
                if len(items) < expr.lo:
                    raise
                break
        return self.bracketed("[", items, "]", expr.space)

    def bracketed(self, opening: str, parts: list[str], closing: str, space: Space) -> str:
        def gap() -> str:
            return self.text(space, 0)

        inside = f"{gap()},{gap()}".join(parts) + gap() if parts else ""
        return f"{opening}{gap()}{inside}{closing}"

    def regular(self, node: regex.Node) -> str:
        match node:
            case regex.Chars(ranges):
                lo, hi = self.random.choice(ranges)
                return chr(self.random.randint(lo, hi))
            case regex.Text(data):
                return data.decode()
            case regex.Concat(items):
                return "".join(map(self.regular, items))
            case regex.Union(items):
                return self.regular(self.random.choice(items))
            case regex.Repeat(item, lo, hi):
                return "".join(self.regular(item) for _ in range(self.count(lo, hi)))
        return self.automaton(node.dfa)

    def automaton(self, dfa: DFA) -> str:
        """Walk a trim automaton at random; after 20 steps ever closer to an accepting state."""
        distance = {state: 0 for state in range(dfa.n_states) if dfa.accepting[state]}
        frontier = set(distance)
        while frontier:
            before = {
                state
                for state in range(1, dfa.n_states)
                if state not in distance and set(dfa.table[state].tolist()) & frontier
            }
            distance.update(dict.fromkeys(before, max(distance.values()) + 1))
            frontier = before
        state, data = dfa.start, bytearray()
        while not (dfa.accepting[state] and (self.shortest or self.random.random() < 0.4)):
            steps = [b for b in range(256) if dfa.table[state, dfa.classes[b]]]
            if self.shortest or len(data) > 20:
                ends = {b: distance[int(dfa.table[state, dfa.classes[b]])] for b in steps}
                steps = [b for b in steps if ends[b] == min(ends.values())]
            if not steps:
                break
            data.append(self.random.choice(steps))
            state = int(dfa.table[state, dfa.classes[data[-1]]])
        return data.decode()
