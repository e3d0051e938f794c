"""Grammars: named rules over expressions. They know bytes and no tokenizer.

An expression is a value that says which byte strings it stands for; a rule gives one a name,
so that it may be recursive. Rules may be a lazy mapping: an expression is asked for only
when text reaches it.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from . import regex_ast as regex


@dataclass(frozen=True, slots=True)
class Literal:
    """Exactly these bytes."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Regular:
    """Any string of a regular language, matched without regard to its neighbours."""

    node: regex.Node


@dataclass(frozen=True, slots=True)
class Words:
    """One of many byte strings; costs one thread, whatever their number."""

    words: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    items: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`item` from `lo` to `hi` times; `hi=None` is without end. Counted, never unrolled."""

    item: Expr
    lo: int
    hi: int | None


@dataclass(frozen=True, slots=True)
class Call:
    """What the rule with this name stands for."""

    rule: Hashable


@dataclass(frozen=True, slots=True)
class Lexeme:
    """One lexeme of this terminal (only in grammars with a contextual lexer)."""

    terminal: str


@dataclass(frozen=True, slots=True)
class Space:
    """A run of JSON white space of at most `limit` bytes (None: without end; 0: none)."""

    limit: int | None = None


@dataclass(frozen=True, slots=True)
class JsonString:
    """A JSON string, quotes included, of `lo` to `hi` code points (escapes count as one)."""

    lo: int = 0
    hi: int | None = None


@dataclass(frozen=True, slots=True)
class JsonObject:
    """A JSON object whose declared members come in this order.

    `members` are (name, value expression, required). Names stand in canonical spelling, that is
    as `json.dumps(name, ensure_ascii=False)` gives them. `other` is the value of any member
    with another name, after the declared ones; None allows none.
    """

    members: tuple[tuple[str, Expr, bool], ...]
    other: Expr | None
    space: Space = Space()


@dataclass(frozen=True, slots=True)
class JsonArray:
    """A JSON array: `prefix` values first, then `items` (None: no more), `lo` to `hi` in all."""

    prefix: tuple[Expr, ...]
    items: Expr | None
    lo: int = 0
    hi: int | None = None
    space: Space = Space()


Expr: TypeAlias = (
    Literal
    | Regular
    | Words
    | Sequence
    | Choice
    | Repeat
    | Call
    | Lexeme
    | Space
    | JsonString
    | JsonObject
    | JsonArray
)

EMPTY = Sequence(())
NEVER = Choice(())


def sequence(items: Iterable[Expr]) -> Expr:
    """One after the other, flattened; NEVER if any part is."""
    flat: list[Expr] = []
    for item in items:
        if item == NEVER:
            return NEVER
        flat.extend(item.items if isinstance(item, Sequence) else (item,))
    return flat[0] if len(flat) == 1 else Sequence(tuple(flat))


def choice(items: Iterable[Expr]) -> Expr:
    """Any one of `items`, flattened, without repeats."""
    flat: dict[Expr, None] = {}
    for item in items:
        flat.update(dict.fromkeys(item.items if isinstance(item, Choice) else (item,)))
    return next(iter(flat)) if len(flat) == 1 else Choice(tuple(flat))


def repeat(item: Expr, lo: int, hi: int | None) -> Expr:
    """Repetition; NEVER repeated is NEVER, unless zero times are enough."""
    if hi == 0 or item == EMPTY or (item == NEVER and lo == 0):
        return EMPTY
    if item == NEVER:
        return NEVER
    return item if (lo, hi) == (1, 1) else Repeat(item, lo, hi)


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a contextual lexer may find. `lazy`: takes its shortest match.

    Among terminals that match equally far the one with the smallest `rank` wins (ranks are
    distinct: priority first, then Lark's order).
    """

    name: str
    node: regex.Node
    lazy: bool = False
    rank: int = 0


@dataclass(frozen=True, eq=False)
class Grammar:
    """A language over bytes. Immutable; equal and hashed by `key`, the content it was made from.

    `terminals` is empty for grammars without a contextual lexer; `ignore` names those that may
    stand between lexemes.
    """

    key: Hashable
    rules: Mapping[Hashable, Expr] = field(repr=False)
    start: Hashable = "start"
    terminals: Mapping[str, Terminal] = field(default_factory=dict[str, Terminal], repr=False)
    ignore: tuple[str, ...] = ()
    ready: bool = False  # rules are checked: nothing dead, no left recursion, no empty calls

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grammar) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)
