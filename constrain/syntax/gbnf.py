"""Grammars in GBNF, the language of llama.cpp, to Grammars without a lexer.

What stands between calls is joined into regular expressions. Left recursion is fine here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from constrain.errors import GrammarSyntaxError, LimitExceeded, Unsupported

from . import regex_ast as rx
from .grammar import Call, Expr, Grammar, Literal, Regular, choice, repeat, sequence
from .regex_escapes import Fault
from .token_names import WRITTEN, read_token

MAX_DEPTH = 100
MAX_COUNT = 2**31 - 1

_TOKEN = re.compile(
    rf"""(?P<skip>[ \t]+|\#[^\n]*)
    | (?P<newline>\r?\n)
    | (?P<defines>::=)
    | (?P<name>[A-Za-z0-9_-]+)
    | (?P<string>"(?:\\.|[^"\\\n])*")
    | (?P<set>\[\^?(?:\\.|[^\]\\])*\])
    | (?P<count>\{{\s*(?P<low>[0-9]+)\s*(?P<comma>,?)\s*(?P<high>[0-9]*)\s*\}})
    | (?P<token>!?{WRITTEN})
    | (?P<sign>[|()*+?.])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", **{sign: sign for sign in '\\"[]'}}

_UNREADABLE = {
    '"': ("string is never closed", "add '\"'"),
    "[": ("set is never closed", 'add "]"'),
    "{": ("this is no count of repetitions", "as in {2}, {2,} or {2,5}"),
}


def parse(text: str, start: str = "root") -> Grammar:
    """Read a grammar. O(length).

    Raises GrammarSyntaxError with the place, LimitExceeded for too deep nesting, Unsupported.

    >>> parse('root ::= "a" [b-c]+').rules["root"].node.items[0]
    Text(data=b'a')
    """
    reader = _Reader(text)
    rules = reader.read()
    if start not in rules:
        names = ", ".join(map(str, list(rules)[:8]))
        note = f"there are {names}" if names else f'as in {start} ::= "yes" | "no"'
        raise GrammarSyntaxError(f'there is no rule "{start}" to start with', text, None, note)
    for name, span in reader.calls.items():
        if name not in rules:
            raise GrammarSyntaxError(f'there is no rule "{name}"', text, span, "add one")
    return Grammar(("gbnf", text, start), rules, start, tokens=tuple(reader.tokens))


class _Lexeme(NamedTuple):
    kind: str
    text: str
    start: int
    stop: int
    turns: tuple[int, int | None] = (0, 0)

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.stop


@dataclass(frozen=True)
class _Part:
    """What has been read: a regular expression as long as nothing in it is called."""

    node: rx.Node | None
    expr: Expr | None = None

    def to_expr(self) -> Expr:
        if self.node is None:
            assert self.expr is not None
            return self.expr
        return Literal(self.node.data) if isinstance(self.node, rx.Text) else Regular(self.node)


def _lexemes(text: str) -> list[_Lexeme]:
    found: list[_Lexeme] = []
    pos = 0
    while pos < len(text):
        match = _TOKEN.match(text, pos)
        if not match:
            default = "this sign means nothing here", "strings stand in quotes"
            message, note = _UNREADABLE.get(text[pos], default)
            raise GrammarSyntaxError(message, text, (pos, pos + 1), note)
        pos = match.end()
        kind = match.lastgroup or ""
        if kind in ("low", "comma", "high", "count"):
            found.append(_Lexeme("count", match[0], match.start(), pos, _count(match, text)))
        elif kind != "skip":
            found.append(
                _Lexeme(match[0] if kind == "sign" else kind, match[0], match.start(), pos)
            )
    return found


def _count(match: re.Match[str], text: str) -> tuple[int, int | None]:
    digits = [part.lstrip("0")[:11] or "0" for part in (match["low"], match["high"])]
    low = int(digits[0])
    high = int(digits[1]) if match["high"] else None if match["comma"] else low
    if max(low, high or 0) > MAX_COUNT:
        raise LimitExceeded("repetition count", max(low, high or 0), f"the most is {MAX_COUNT}")
    if match["high"] and not match["comma"]:
        raise GrammarSyntaxError("this is no count of repetitions", text, match.span())
    if high is not None and high < low:
        raise GrammarSyntaxError("the most is smaller than the least", text, match.span())
    return low, high


class _Reader:
    """Reads rule by rule, by recursive descent."""

    def __init__(self, text: str):
        self.text = text
        self.lexemes = _lexemes(text)
        self.at = 0
        self.calls: dict[str, tuple[int, int]] = {}  # where a rule is first called
        self.tokens: dict[rx.Token, None] = {}

    def read(self) -> dict[Hashable, Expr]:
        rules: dict[Hashable, Expr] = {}
        self.skip_newlines()
        while self.at < len(self.lexemes):
            name = self.take("name", "a rule begins with its name")
            if name.text in rules:
                message = f'rule "{name.text}" is defined more than once'
                raise GrammarSyntaxError(message, self.text, name.span)
            self.take("defines", 'expected "::="')
            self.skip_newlines()
            rules[name.text] = self.alternatives(0).to_expr()
            if self.kind() not in ("newline", ""):
                raise self.unexpected("expected the end of the line")
            self.skip_newlines()
        return rules

    # -- lexemes

    def kind(self) -> str:
        return self.lexemes[self.at].kind if self.at < len(self.lexemes) else ""

    def take(self, kind: str, message: str) -> _Lexeme:
        if self.kind() != kind:
            raise self.unexpected(message)
        self.at += 1
        return self.lexemes[self.at - 1]

    def skip_newlines(self) -> None:
        while self.kind() == "newline":
            self.at += 1

    def unexpected(self, message: str) -> GrammarSyntaxError:
        end = len(self.text)
        span = self.lexemes[self.at].span if self.at < len(self.lexemes) else (end, end + 1)
        return GrammarSyntaxError(message, self.text, span)

    # -- expressions

    def alternatives(self, depth: int) -> _Part:
        if depth > MAX_DEPTH:
            note = "name inner parts as rules of their own"
            raise LimitExceeded("nesting of the grammar", depth, note)
        parts = [self.sequence(depth)]
        while self.kind() == "|":
            self.at += 1
            self.skip_newlines()
            parts.append(self.sequence(depth))
        nodes = [part.node for part in parts if part.node is not None]
        if len(nodes) == len(parts):
            return _Part(rx.union(nodes))
        return _Part(None, choice(part.to_expr() for part in parts))

    def sequence(self, depth: int) -> _Part:
        parts: list[_Part] = []
        while True:
            if depth:
                self.skip_newlines()
            handler = _ATOMS.get(self.kind())
            if handler is None:
                break
            part = self.repeated(handler(self, depth), depth)
            before = parts[-1].node if parts else None
            if before is not None and part.node is not None:
                parts[-1] = _Part(rx.concat([before, part.node]))
            else:
                parts.append(part)
        if len(parts) < 2:
            return parts[0] if parts else _Part(rx.EPSILON)
        return _Part(None, sequence(part.to_expr() for part in parts))

    def repeated(self, part: _Part, depth: int) -> _Part:
        while self.kind() in _COUNTS or self.kind() == "count":
            sign = self.lexemes[self.at]
            self.at += 1
            low, high = _COUNTS.get(sign.kind, sign.turns)
            if part.node is None:
                part = _Part(None, repeat(part.to_expr(), low, high))
            else:
                part = _Part(rx.repeat(part.node, low, high))
        return part

    # -- atoms

    def name(self, depth: int) -> _Part:
        lexeme = self.take("name", "")
        self.calls.setdefault(lexeme.text, lexeme.span)
        return _Part(None, Call(lexeme.text))

    def string(self, depth: int) -> _Part:
        lexeme = self.take("string", "")
        characters = self.characters(lexeme.start + 1, lexeme.stop - 1)
        return _Part(rx.concat(self.char(c, span) for c, span in characters))

    def char(self, char: str, span: tuple[int, int]) -> rx.Node:
        try:
            return rx.text(char)
        except UnicodeEncodeError:
            message = "a lone surrogate is in no UTF-8 text"
            raise GrammarSyntaxError(message, self.text, span) from None

    def characters(self, start: int, stop: int) -> list[tuple[str, tuple[int, int]]]:
        """The characters between two places, escapes read, each with its span."""
        found: list[tuple[str, tuple[int, int]]] = []
        while start < stop:
            char, end = self.text[start], start + 1
            if char == "\\":
                char, end = self.escape(start)
            found.append((char, (start, end)))
            start = end
        return found

    def escape(self, start: int) -> tuple[str, int]:
        match = _ESCAPE.match(self.text, start)
        assert match
        digits = match[1] or match[2] or match[3]
        if digits and int(digits, 16) <= rx.MAX_CODE_POINT:
            return chr(int(digits, 16)), match.end()
        if match[4] in _PLAIN_ESCAPES:
            return _PLAIN_ESCAPES[match[4]], match.end()
        note = r"as in \n, \", \x41, \u0041 or \U00000041"
        raise GrammarSyntaxError("escape has no meaning here", self.text, match.span(), note)

    def set(self, depth: int) -> _Part:
        lexeme = self.take("set", "")
        negated = lexeme.text.startswith("[^")
        characters = self.characters(lexeme.start + 1 + negated, lexeme.stop - 1)
        if not characters:
            raise GrammarSyntaxError("this set is empty", self.text, lexeme.span)
        ranges: list[tuple[int, int]] = []
        i = 0
        while i < len(characters):
            low, span = characters[i]
            high = low
            if i + 2 < len(characters) and self.text[slice(*characters[i + 1][1])] == "-":
                high, (_, end) = characters[i + 2]
                span = span[0], end
                i += 2
            if high < low:
                raise GrammarSyntaxError("this range is empty", self.text, span, "swap its ends")
            ranges.append((ord(low), ord(high)))
            i += 1
        members = rx.normalize(ranges)
        return _Part(rx.Chars(rx.invert(members) if negated else members))

    def any(self, depth: int) -> _Part:
        self.at += 1
        return _Part(rx.ANY_CHAR)

    def group(self, depth: int) -> _Part:
        opened = self.take("(", "")
        part = self.alternatives(depth + 1)
        if self.kind() != ")":
            if not self.kind():
                message = "group is never closed"
                raise GrammarSyntaxError(message, self.text, opened.span, 'add ")"')
            raise self.unexpected('expected ")" or one more item')
        self.at += 1
        return part

    def token(self, depth: int) -> _Part:
        lexeme = self.take("token", "")
        negated = lexeme.text.startswith("!")
        try:
            token = read_token(lexeme.text[negated:])
        except Fault as fault:
            left = lexeme.start + negated
            span = (left + fault.span[0], left + fault.span[1])
            raise GrammarSyntaxError(fault.message, self.text, span, fault.note) from None
        token = replace(token, others=token.others != negated)
        if token.others and self.kind() not in ("*", "+"):
            note = "repeated with * or + it is"
            raise Unsupported("any one token but some", lexeme.span, self.text, note)
        self.tokens[token] = None
        return _Part(token)


_COUNTS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}

_ATOMS: Mapping[str, Callable[[_Reader, int], _Part]] = {
    "name": _Reader.name,
    "string": _Reader.string,
    "set": _Reader.set,
    "token": _Reader.token,
    ".": _Reader.any,
    "(": _Reader.group,
}
