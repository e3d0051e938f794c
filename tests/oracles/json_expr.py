"""Membership in a grammar with JSON kinds, by naive backtracking: where can a match end?

Works on text, not on bytes (what is no UTF-8 is in no language), and reads objects and arrays
literally, member by member. Rules may be recursive, not left-recursive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from math import inf

from constrain.automata.dfa import advance
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

_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"')


def matches(grammar: Grammar, data: bytes | str) -> bool:
    """Is `data` in the language?"""
    try:
        text = data.decode() if isinstance(data, bytes) else data
    except UnicodeDecodeError:
        return False
    return len(text) in _Reader(grammar, text).ends(Call(grammar.start), 0)


def regex_ends(node: regex.Node, text: str, start: int) -> set[int]:
    """Where matches of `node` that begin at `start` can end. Automata may be leaves."""
    match node:
        case regex.Chars(ranges):
            inside = start < len(text) and any(lo <= ord(text[start]) <= hi for lo, hi in ranges)
            return {start + 1} if inside else set()
        case regex.Text(data):
            word = data.decode()
            return {start + len(word)} if text.startswith(word, start) else set()
        case regex.Concat(items):
            ends = {start}
            for item in items:
                ends = _regex_step(item, text, ends)
            return ends
        case regex.Union(items):
            return set().union(*(regex_ends(item, text, start) for item in items))
        case regex.Intersect(items):
            return set.intersection(*(regex_ends(item, text, start) for item in items))
        case regex.Repeat(item, lo, hi):
            return _regex_repeat(item, lo, hi, text, start)
    state, ends = node.dfa.start, set()  # an automaton
    for i in range(start, len(text) + 1):
        ends |= {i} if node.dfa.accepting[state] else set()
        state = advance(node.dfa, state, text[i : i + 1].encode())
    return ends


def _regex_step(node: regex.Node, text: str, starts: set[int]) -> set[int]:
    return set().union(*(regex_ends(node, text, start) for start in starts))


def _regex_repeat(item: regex.Node, lo: int, hi: int | None, text: str, start: int) -> set[int]:
    ends = {start}
    for _ in range(lo):
        ends = _regex_step(item, text, ends)
    found, n_rounds = set(ends), lo
    while ends and (hi is None or n_rounds < hi):
        ends = _regex_step(item, text, ends) - found
        found |= ends
        n_rounds += 1
    return found


class _Reader:
    def __init__(self, grammar: Grammar, text: str):
        self.rules, self.text = grammar.rules, text
        self.known: dict[tuple[object, int], frozenset[int]] = {}

    def ends(self, expr: Expr, at: int) -> frozenset[int]:
        if not isinstance(expr, Call):
            return frozenset(self.read(expr, at))
        if (expr.rule, at) not in self.known:
            self.known[expr.rule, at] = frozenset(self.read(self.rules[expr.rule], at))
        return self.known[expr.rule, at]

    def after(self, starts: frozenset[int], expr: Expr) -> frozenset[int]:
        return frozenset(end for start in starts for end in self.ends(expr, start))

    def read(self, expr: Expr, at: int) -> Iterator[int]:
        match expr:
            case Call():
                yield from self.ends(expr, at)
            case Literal(data):
                yield from self.word(data, at)
            case Words(words):
                for data in words:
                    yield from self.word(data, at)
            case Regular(node):
                yield from regex_ends(node, self.text, at)
            case Sequence(items):
                here = frozenset((at,))
                for item in items:
                    here = self.after(here, item)
                yield from here
            case Choice(items):
                for item in items:
                    yield from self.ends(item, at)
            case Repeat(item, lo, hi):
                yield from self.repeat(item, lo, hi, at)
            case Space(limit):
                n = 0
                while limit is None or n <= limit:
                    yield at + n
                    if self.text[at + n : at + n + 1] not in tuple(" \t\n\r"):
                        break
                    n += 1
            case JsonString(lo, hi):
                found = _STRING.match(self.text, at)
                if found and lo <= len(json.loads(found[0])) <= (inf if hi is None else hi):
                    yield found.end()
            case JsonObject():
                yield from self.object(expr, at)
            case JsonArray():
                yield from self.array(expr, at)
            case _:
                raise TypeError(f"{type(expr).__name__} has no meaning in this oracle")

    def word(self, data: bytes, at: int) -> Iterator[int]:
        if self.text.startswith(data.decode(), at):
            yield at + len(data.decode())

    def repeat(self, item: Expr, lo: int, hi: int | None, at: int) -> frozenset[int]:
        here, found = frozenset((at,)), frozenset[int]()
        for n_rounds in range((lo + len(self.text) + 1 if hi is None else hi) + 1):
            found |= here if n_rounds >= lo else frozenset()
            here = self.after(here, item)
            if not here:
                break
        return found

    def char(self, starts: frozenset[int], char: str) -> frozenset[int]:
        return frozenset(at + 1 for at in starts if self.text[at : at + 1] == char)

    def object(self, expr: JsonObject, at: int) -> Iterator[int]:
        opened = self.after(self.char(frozenset((at,)), "{"), expr.space)
        if not any(required for _, _, required in expr.members):
            yield from self.char(opened, "}")
        yield from self.members(expr, opened, 0)

    def members(self, expr: JsonObject, starts: frozenset[int], n_passed: int) -> Iterator[int]:
        """Ends of the object when a member begins at one of `starts`, and the first `n_passed`
        declared members are behind us."""
        for at in starts:
            name = _STRING.match(self.text, at)
            if not name:
                continue
            colon = self.char(self.after(frozenset((name.end(),)), expr.space), ":")
            for value, now in self.values(expr, name[0], n_passed):
                here = self.after(self.after(self.after(colon, expr.space), value), expr.space)
                if not any(required for _, _, required in expr.members[now:]):
                    yield from self.char(here, "}")
                comma = self.after(self.char(here, ","), expr.space)
                yield from self.members(expr, comma, now)

    def values(self, expr: JsonObject, spelling: str, n_passed: int) -> Iterator[tuple[Expr, int]]:
        """What a member with this name may be, and how many declared members are behind then."""
        names = [name for name, _, _ in expr.members]
        spellings = [json.dumps(name, ensure_ascii=False) for name in names]
        for i in range(n_passed, len(names)):
            if spellings[i] == spelling:
                yield expr.members[i][1], i + 1
            if expr.members[i][2]:
                return
        canonical = json.dumps(json.loads(spelling), ensure_ascii=False) == spelling
        if expr.other is not None and canonical and json.loads(spelling) not in names:
            yield expr.other, len(names)

    def array(self, expr: JsonArray, at: int) -> Iterator[int]:
        here = self.after(self.char(frozenset((at,)), "["), expr.space)
        if expr.lo == 0:
            yield from self.char(here, "]")
        n_items = 0
        while here and (expr.hi is None or n_items < expr.hi):
            item = expr.prefix[n_items] if n_items < len(expr.prefix) else expr.items
            if item is None:
                break
            here, n_items = self.after(self.after(here, item), expr.space), n_items + 1
            if n_items >= expr.lo:
                yield from self.char(here, "]")
            here = self.after(self.char(here, ","), expr.space)
