"""Grammars: named rules over expressions. They know bytes and no tokenizer.

An expression is a value that says which byte strings it stands for; a rule gives one a name,
so that it may be recursive. Rules may be a lazy mapping: an expression is asked for only
when text reaches it.

Operators on grammars only note what is wanted, in one expression that holds the operands
(`Embedded`, `Both`, `Without`); `automata.assembly` makes plain rules of that.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import is_not
from typing import Any, TypeAlias

from constrain.errors import SpecError, Unsupported

from . import regex_ast as regex
from .regex_analysis import looks_around


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


@dataclass(frozen=True, slots=True)
class Embedded:
    """Any text of another grammar, whose rule names mean nothing outside of it."""

    grammar: Grammar


@dataclass(frozen=True, slots=True)
class Both:
    """The texts that two grammars have in common; one of them has to be regular."""

    left: Grammar
    right: Grammar


@dataclass(frozen=True, slots=True)
class Without:
    """The texts of `left` that are not in `right`, which has to be regular."""

    left: Grammar
    right: Grammar


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
    | Embedded
    | Both
    | Without
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


def map_leaves(expr: Expr, change: Callable[[Expr], Expr]) -> Expr:
    """`expr` with `change` of every leaf in it (and of any other part in which nothing changes)."""
    inner = {f.name: _map_part(getattr(expr, f.name), change) for f in fields(expr)}
    if all(new is getattr(expr, name) for name, new in inner.items()):
        return change(expr)
    return replace(expr, **inner)


def _map_part(part: Any, change: Callable[[Expr], Expr]) -> Any:
    """What a field of an expression holds: an expression, several, or something else."""
    if isinstance(part, tuple):
        items = tuple(_map_part(item, change) for item in part)  # pyright: ignore
        return items if any(map(is_not, items, part)) else part
    return map_leaves(part, change) if isinstance(part, Expr) else part


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
    tokens: tuple[regex.Token, ...] = ()  # those that the rules name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Grammar) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    # -- algebra: a text on either side of an operator stands for itself

    def __add__(self, other: Operand) -> Grammar:
        """A text of this grammar, then one of `other`."""
        return concatenated((self, other))

    def __radd__(self, other: Operand) -> Grammar:
        return concatenated((other, self))

    def __or__(self, other: Operand) -> Grammar:
        """A text of this grammar or of `other`."""
        return alternated((self, other))

    def __ror__(self, other: Operand) -> Grammar:
        return alternated((other, self))

    def __and__(self, other: Operand) -> Grammar:
        """The texts of both. One of them has to be regular: Unsupported when it is compiled."""
        left, right = _operand(self), _operand(other)
        return composed("&", (left, right), Both(left, right))

    def __rand__(self, other: Operand) -> Grammar:
        return grammar_of(other) & self

    def __sub__(self, other: Operand) -> Grammar:
        """The texts of this grammar that are not in `other`, which has to be regular."""
        left, right = _operand(self), _operand(other)
        return composed("-", (left, right), Without(left, right))

    def __rsub__(self, other: Operand) -> Grammar:
        return grammar_of(other) - self

    def repeat(self, lo: int = 0, hi: int | None = None) -> Grammar:
        """From `lo` to `hi` texts of this grammar in a row; `hi=None` is without end."""
        if lo < 0 or (hi is not None and hi < lo):
            raise SpecError(f"a repetition from {lo} to {hi} times is impossible; 0 <= lo <= hi")
        part = _operand(self)
        return composed(("repeat", lo, hi), (part,), repeat(Embedded(part), lo, hi))

    def optional(self) -> Grammar:
        """A text of this grammar, or nothing."""
        return self.repeat(0, 1)

    def separated_by(self, separator: Operand, lo: int = 0, hi: int | None = None) -> Grammar:
        """From `lo` to `hi` texts of this grammar with a `separator` between neighbours."""
        if hi == 0:
            return self.repeat(lo, hi)
        more = (grammar_of(separator) + self).repeat(max(lo - 1, 0), None if hi is None else hi - 1)
        return self + more if lo else (self + more).optional()

    def scannerless(self) -> Grammar:
        """The plain language of the rules: every split into terminals counts.

        Any run of ignored terminals may stand before, between and after the others; longest
        matches, priorities and laziness mean nothing. A grammar without a contextual lexer is
        its own scannerless reading.
        """
        if not self.terminals:
            return self
        gap = _any_run(self.terminals[name].node for name in self.ignore)
        leaves = {n: sequence((Regular(t.node), gap)) for n, t in self.terminals.items()}
        rules = {name: _without_lexemes(expr, leaves) for name, expr in self.rules.items()}
        text = sequence((gap, Call(self.start)))
        key = Composition("scannerless", (self.key,))
        return Grammar(key, {_TOP: text, **rules}, _TOP, tokens=self.tokens)


Operand: TypeAlias = "Grammar | str | bytes"


@dataclass(frozen=True, slots=True)
class Composition:
    """Key of a grammar that was made from others: an operator and the keys of its operands."""

    operator: Hashable
    parts: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Top:
    """Names the rule that a composition begins with."""


_TOP = Top()


def grammar_of(operand: Operand) -> Grammar:
    """A Grammar as it is, a text as the grammar that holds just this text."""
    if isinstance(operand, Grammar):
        return operand
    if not isinstance(operand, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SpecError(f"expected a Grammar or a text, found {operand!r}")
    data = utf8(operand)
    return Grammar(("literal", data), {"start": Literal(data)})


def utf8(text: str | bytes) -> bytes:
    """The bytes of a text. Raises SpecError for a lone surrogate, which has none."""
    try:
        return text.encode() if isinstance(text, str) else bytes(text)
    except UnicodeEncodeError as error:
        span = (error.start, error.end)
        raise SpecError("a lone surrogate has no UTF-8 bytes", ascii(text), span) from None


def concatenated(parts: Iterable[Operand]) -> Grammar:
    """One text of each part, one after the other; O(number of parts).

    Raises Unsupported for a part with a contextual lexer, whose longest matches would reach into
    the next part: its `scannerless()` reading can be embedded.
    """
    flat = _flattened("+", parts)
    return flat[0] if len(flat) == 1 else composed("+", flat, sequence(map(Embedded, flat)))


def alternated(parts: Iterable[Operand]) -> Grammar:
    """A text of one of the parts; O(number of parts). Raises Unsupported as `concatenated`."""
    flat = list(dict.fromkeys(_flattened("|", parts)))
    return flat[0] if len(flat) == 1 else composed("|", flat, choice(map(Embedded, flat)))


def _flattened(operator: str, parts: Iterable[Operand]) -> list[Grammar]:
    """The operands; instead of a first one that the same operator made, those of that."""
    grammars = [_operand(part) for part in parts]
    first, rest = grammars[:1], grammars[1:]
    if first and isinstance(first[0].key, Composition) and first[0].key.operator == operator:
        top = first[0].rules[_TOP]
        if isinstance(top, Sequence | Choice):
            return [*(item.grammar for item in top.items if isinstance(item, Embedded)), *rest]
    return grammars


def _operand(part: Operand) -> Grammar:
    grammar = grammar_of(part)
    if grammar.terminals:
        raise Unsupported(
            "a grammar with a contextual lexer as a part of another",
            note="its longest matches would reach over its ends; take its .scannerless() reading",
        )
    return grammar


def composed(operator: Hashable, parts: Iterable[Hashable], expr: Expr) -> Grammar:
    """The grammar of `expr`, which is told by an operator and its operands."""
    parts = list(parts)
    keys = (part.key if isinstance(part, Grammar) else part for part in parts)
    tokens = dict.fromkeys(t for part in parts if isinstance(part, Grammar) for t in part.tokens)
    key = Composition(operator, tuple(keys))
    return Grammar(key, {_TOP: expr}, _TOP, tokens=tuple(tokens))


def _any_run(nodes: Iterable[regex.Node]) -> Expr:
    """Any run of these; one regular leaf, unless they look at their neighbours."""
    found = list(nodes)
    if any(map(looks_around, found)):
        return repeat(choice(map(Regular, found)), 0, None)
    return Regular(regex.repeat(regex.union(found), 0, None)) if found else EMPTY


def _without_lexemes(expr: Expr, leaves: Mapping[str, Expr]) -> Expr:
    return map_leaves(expr, lambda leaf: leaves[leaf.terminal] if type(leaf) is Lexeme else leaf)
