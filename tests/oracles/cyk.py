"""Membership in a Grammar, the slow and obvious way: tables of spans, as Cocke, Younger and
Kasami fill them, filled again until nothing changes.

Two twins: `matches` fills, for one text, a table (rule, begin) -> ends; `language` fills, for
all short texts at once, a table rule -> texts. Neither knows first sets, left recursion or
nullability. Lexeme and the Json* kinds have no meaning here.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from functools import cache, lru_cache
from itertools import product

from oracles import positions

from constrain.syntax import regex_ast
from constrain.syntax.grammar import (
    Call,
    Choice,
    Expr,
    Grammar,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
)

Ends = frozenset[int]


def matches(grammar: Grammar, text: bytes | str) -> bool:
    """Is `text` in the language?"""
    data = text.encode() if isinstance(text, str) else text
    table: dict[tuple[Hashable, int], Ends] = {(grammar.start, 0): frozenset()}
    before = None
    while before != table:
        before = dict(table)
        for rule, begin in list(table):
            table[rule, begin] |= _ends(grammar.rules[rule], data, begin, table)
    return len(data) in table[grammar.start, 0]


def _ends(expr: Expr, data: bytes, begin: int, table: dict[tuple[Hashable, int], Ends]) -> Ends:
    """Where a text of `expr` that begins at `begin` can end, by what `table` knows so far."""
    match expr:
        case Call(rule):
            return table.setdefault((rule, begin), frozenset())
        case Choice(items):
            return frozenset().union(*(_ends(item, data, begin, table) for item in items))
        case Sequence(items):
            here = frozenset({begin})
            for item in items:
                here = _step(item, data, here, table)
            return here
        case Repeat(item, lo, hi):
            return _repeated(item, lo, hi, data, begin, table)
        case Literal(word):
            return _word_ends((word,), data, begin)
        case Words(words):
            return _word_ends(words, data, begin)
        case Space(limit):
            run = data[begin:]
            most = len(run) - len(run.lstrip(b" \t\n\r"))
            return frozenset(range(begin, begin + min(most, most if limit is None else limit) + 1))
        case Regular(node):
            return frozenset(
                end for end in range(begin, len(data) + 1) if fits(node, data[begin:end])
            )
    raise TypeError(f"{type(expr).__name__} has no meaning in this oracle")


def _step(
    item: Expr, data: bytes, begins: Iterable[int], table: dict[tuple[Hashable, int], Ends]
) -> Ends:
    return frozenset().union(*(_ends(item, data, begin, table) for begin in begins))


def _repeated(
    item: Expr,
    lo: int,
    hi: int | None,
    data: bytes,
    begin: int,
    table: dict[tuple[Hashable, int], Ends],
) -> Ends:
    here, found = frozenset({begin}), frozenset()
    rounds = lo + len(data) + 1 if hi is None else hi  # more rounds can only be empty ones
    for n_rounds in range(rounds + 1):
        if n_rounds >= lo:
            found |= here
        here = _step(item, data, here, table)
    return found


def _word_ends(words: Iterable[bytes], data: bytes, begin: int) -> Ends:
    return frozenset(begin + len(word) for word in words if data.startswith(word, begin))


# ------------------------------------------------------------------ all short texts


def language(
    rules: Mapping[Hashable, Expr], start: Expr, longest: int, alphabet: bytes = b"ab"
) -> set[bytes]:
    """All texts of `start` over `alphabet` of at most `longest` bytes."""
    texts: dict[Hashable, frozenset[bytes]] = dict.fromkeys(rules, frozenset())
    before = None
    while before != texts:
        before = dict(texts)
        for name, expr in rules.items():
            texts[name] = _texts(expr, texts, longest, alphabet)
    return set(_texts(start, texts, longest, alphabet))


def _texts(
    expr: Expr, texts: Mapping[Hashable, frozenset[bytes]], longest: int, alphabet: bytes
) -> frozenset[bytes]:
    match expr:
        case Call(rule):
            return texts[rule]
        case Choice(items):
            return frozenset().union(*(_texts(item, texts, longest, alphabet) for item in items))
        case Sequence(items):
            found = frozenset({b""})
            for item in items:
                found = _concat(found, _texts(item, texts, longest, alphabet), longest)
            return found
        case Repeat(item, lo, hi):
            once = _texts(item, texts, longest, alphabet)
            here, found = frozenset({b""}), frozenset()
            for n_rounds in range((lo + longest + 1 if hi is None else hi) + 1):
                found |= here if n_rounds >= lo else frozenset()
                here = _concat(here, once, longest)
            return found
    return _leaf_texts(expr, longest, alphabet)


def _concat(left: Iterable[bytes], right: Iterable[bytes], longest: int) -> frozenset[bytes]:
    by_length: dict[int, list[bytes]] = {}
    for text in right:
        by_length.setdefault(len(text), []).append(text)
    return frozenset(
        begin + end
        for begin in left
        for length, ends in by_length.items()
        if len(begin) + length <= longest
        for end in ends
    )


@cache
def _leaf_texts(expr: Expr, longest: int, alphabet: bytes) -> frozenset[bytes]:
    leaf = Grammar(key=None, rules={"leaf": expr}, start="leaf")
    return frozenset(text for text in words(longest, alphabet) if matches(leaf, text))


def words(longest: int, alphabet: bytes = b"ab") -> list[bytes]:
    """All texts over `alphabet` of at most `longest` bytes, shortest first."""
    return [bytes(w) for n in range(longest + 1) for w in product(alphabet, repeat=n)]


@lru_cache(maxsize=100_000)
def fits(node: regex_ast.Node, data: bytes) -> bool:
    """Is `data`, as a whole text, matched by `node`?"""
    try:
        return positions.matches(node, data.decode())
    except UnicodeDecodeError:
        return False
