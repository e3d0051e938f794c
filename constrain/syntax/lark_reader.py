"""Grammars in Lark's language, as text, to statements (`lark_tree`), by recursive descent.

Beyond Lark, as other engines have it: special tokens `<|name|>`, `&` and `~` on terminals,
`%json {...}` and `%regex {...}`, counts in braces, options of rules in brackets, line ends
inside of brackets, hyphens in names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from constrain.errors import GrammarSyntaxError, LimitExceeded

from .lark_tree import (
    Both,
    Choice,
    Definition,
    Import,
    Name,
    Nested,
    Not,
    Option,
    Pattern,
    Place,
    Range,
    Repeat,
    Sequence,
    Source,
    Span,
    Special,
    Statement,
    String,
    Tree,
    Use,
    is_terminal_name,
)
from .regex_escapes import Fault
from .token_names import WRITTEN, read_token

MAX_DEPTH = 100
MAX_COUNT = 2**31 - 1

_LEXEME = re.compile(
    rf"""(?P<skip>[ \t\f]+|//[^\n]*|\#[^\n]*|\\[ ]*\n)
    | (?P<newline>\r?\n)
    | (?P<string>"(?:\\.|[^"\\\n])*"i?)
    | (?P<pattern>/(?!/)(?:\\.|[^/\\])*/[a-z]*)
    | (?P<nested>%(?:json|regex|llguidance)\b)
    | (?P<statement>%[a-z]+)
    | (?P<token>{WRITTEN})
    | (?P<name>_?[A-Za-z][_A-Za-z0-9]*(?:-(?=[A-Za-z0-9_])[_A-Za-z0-9]+)*)
    | (?P<number>[+-]?[0-9]+(?:\.[0-9]+)?)
    | (?P<count>\{{\s*(?:[0-9]+\s*,?\s*[0-9]*|,\s*[0-9]+)\s*\}})
    | (?P<sign>->|\.\.|::=|[|()\[\]{{}}*+?!.,:~&@=])""",
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(
    r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([xuU])|(.))", re.DOTALL
)
_PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f", '"': '"', "\\": "\\"}

_NEVER_CLOSED = {
    '"': ("string is never closed", "add '\"'"),
    "/": ("pattern is never closed", 'add "/"'),
}


class Lexeme(NamedTuple):
    kind: str
    text: str
    start: int
    stop: int

    @property
    def span(self) -> Span:
        return self.start, self.stop


def read(source: Source) -> list[Statement]:
    """Read a grammar text. O(length).

    Raises GrammarSyntaxError with the place, LimitExceeded for too deep nesting.

    >>> [statement.kind for statement in read(Source('start: "a"\\n%ignore " "'))]
    ['define', 'ignore']
    """
    return _Reader(source).statements()


def _lexemes(source: Source) -> list[Lexeme]:
    text, pos = source.text, 0
    found: list[Lexeme] = []
    while pos < len(text):
        match = _LEXEME.match(text, pos)
        if not match:
            message, note = _NEVER_CLOSED.get(text[pos], ("this sign means nothing here", ""))
            raise source.error(message, (pos, pos + 1), note)
        start, pos = match.span()
        kind = match.lastgroup or ""
        if kind == "nested":
            pos = _json_end(source, start, pos)
        if kind != "skip":
            kind = match[0] if kind == "sign" else kind
            found.append(Lexeme(kind, text[start:pos], start, pos))
    return found


def _json_end(source: Source, start: int, pos: int) -> int:
    """The offset behind the JSON text that follows."""
    match = re.compile(r"\s*").match(source.text, pos)
    assert match
    try:
        return json.JSONDecoder().raw_decode(source.text, match.end())[1]
    except json.JSONDecodeError as error:
        place = min(error.pos, len(source.text) - 1)
        raise source.error(f"no JSON: {error.msg}", (place, place + 1)) from None
    except RecursionError:
        raise LimitExceeded("nesting of JSON", source.text.count("{", start)) from None


class _Reader:
    def __init__(self, source: Source):
        self.source = source
        self.lexemes = _lexemes(source)
        self.at = 0

    # -- lexemes

    def kind(self, ahead: int = 0) -> str:
        at = self.at + ahead
        return self.lexemes[at].kind if at < len(self.lexemes) else ""

    def next(self) -> Lexeme:
        self.at += 1
        return self.lexemes[self.at - 1]

    def take(self, kind: str, expected: str) -> Lexeme:
        if self.kind() != kind:
            raise self.unexpected(f"expected {expected}")
        return self.next()

    def place(self, start: int) -> Place:
        """From an offset to the end of what was read last."""
        return Place(self.source, (start, self.lexemes[self.at - 1].stop))

    def unexpected(self, note: str = "") -> GrammarSyntaxError:
        end = len(self.source.text)
        lexeme = self.lexemes[self.at] if self.at < len(self.lexemes) else None
        if lexeme is None or lexeme.kind == "newline":
            start = end if lexeme is None else lexeme.start
            return self.source.error("unexpected end of line", (start, start + 1), note)
        return self.source.error(f"unexpected {lexeme.text[:20]!r}", lexeme.span, note)

    def skip_newlines(self) -> None:
        while self.kind() == "newline":
            self.at += 1

    def goes_on(self) -> bool:
        """Pass line ends in front of a bar."""
        ahead = 0
        while self.kind(ahead) == "newline":
            ahead += 1
        if self.kind(ahead) == "|":
            self.at += ahead
        return self.kind() == "|"

    # -- statements

    def statements(self) -> list[Statement]:
        found: list[Statement] = []
        self.skip_newlines()
        while self.at < len(self.lexemes):
            if self.kind() == "statement":
                found += self.directive()
            elif self.kind() == "nested":
                self.skip_options()
            else:
                found.append(Statement("define", self.definition()))
            if self.kind() not in ("newline", ""):
                raise self.unexpected()
            self.skip_newlines()
        return found

    def skip_options(self) -> None:
        """`%llguidance {...}`: options of another engine, none of which concerns the language."""
        lexeme = self.next()
        if not lexeme.text.startswith("%llguidance"):
            raise self.source.error("this stands inside of rules", lexeme.span, "as in x: %json {}")
        if json.loads(lexeme.text.removeprefix("%llguidance")):
            raise self.source.unsupported("an option of another engine", lexeme.span)

    def directive(self) -> list[Statement]:
        lexeme = self.next()
        handler = _DIRECTIVES.get(lexeme.text)
        if handler is None:
            note = f"there are {', '.join(_DIRECTIVES)}"
            raise self.source.error(f"there is no {lexeme.text}", lexeme.span, note)
        return handler(self, lexeme)

    def ignore(self, lexeme: Lexeme) -> list[Statement]:
        return [Statement("ignore", self.alternatives(0, in_terminal=True))]

    def redefine(self, lexeme: Lexeme) -> list[Statement]:
        return [Statement(lexeme.text[1:], self.definition())]

    def declare(self, lexeme: Lexeme) -> list[Statement]:
        found: list[Statement] = []
        while self.kind() == "name":
            name = self.next()
            place = Place(self.source, name.span)
            capital = is_terminal_name(name.text)
            declared = Definition(name.text, None, place, is_terminal=capital)
            found.append(Statement("define", declared))
        if not found:
            raise self.unexpected("expected names")
        return found

    def imports(self, lexeme: Lexeme) -> list[Statement]:
        relative = self.kind() == "."
        start = self.lexemes[self.at].start if self.kind() else lexeme.start
        if relative:
            self.next()
        path = [self.take("name", "a name").text]
        while self.kind() == ".":
            self.next()
            path.append(self.take("name", "a name").text)
        place = self.place(start)
        if self.kind() == "(":
            aliases = [(name, name) for name in self.names("(", ")")]
        elif len(path) == 1:
            raise place.error(f"nothing is imported from {path[0]}", f"as in {path[0]}.NAME")
        else:
            name = path.pop()
            aliases = [(name, name)]
            if self.kind() == "->":
                self.next()
                aliases = [(name, self.take("name", "a name").text)]
        return [Statement("import", Import(tuple(path), relative, tuple(aliases), place))]

    def names(self, opener: str, closer: str) -> list[str]:
        self.take(opener, f'"{opener}"')
        found = [self.take("name", "a name").text]
        while self.kind() == ",":
            self.next()
            found.append(self.take("name", "a name").text)
        self.take(closer, f'"," or "{closer}"')
        return found

    def definition(self) -> Definition:
        while self.kind() in ("!", "?"):
            self.next()
        name = self.take("name", "a definition")
        parameters = self.names("{", "}") if self.kind() == "{" else []
        options = self.options() if self.kind() == "[" else []
        priority = self.priority()
        if self.kind() != ":":
            message = f'":" is missing behind {name.text}'
            raise self.source.error(message, self.unexpected().span)
        self.next()
        capital = is_terminal_name(name.text)
        tree = self.alternatives(0, in_terminal=capital)
        place = Place(self.source, name.span)
        if capital and (parameters or options):
            raise place.error("templates and options go with rules, in small letters")
        return Definition(
            name.text, tree, place, tuple(parameters), priority, tuple(options), capital
        )

    def priority(self) -> int:
        if self.kind() != ".":
            return 0
        self.next()
        number = self.take("number", "a number").text
        if "." in number or len(number) > 9:
            raise self.source.error("this is no priority", self.lexemes[self.at - 1].span)
        return int(number)

    def options(self) -> list[Option]:
        self.next()
        found: list[Option] = []
        while self.kind() != "]":
            name = self.take("name", "an option")
            value: Tree | str | None = None
            if self.kind() == "=":
                self.next()
                plain = self.kind() == "number" or name.text.endswith("capture")
                value = self.next().text if plain and self.kind() else self.repeated(0, True)
            found.append(Option(name.text, value, self.place(name.start)))
            if self.kind() != "]":
                self.take(",", '"," or "]"')
        self.next()
        return found

    # -- expressions

    def alternatives(self, depth: int, in_terminal: bool) -> Tree:
        if depth > MAX_DEPTH:
            note = "name inner parts as rules of their own"
            raise LimitExceeded("nesting of the grammar", depth, note)
        items = [self.aliased(depth, in_terminal)]
        while self.goes_on():
            self.next()
            items.append(self.aliased(depth, in_terminal))
        return items[0] if len(items) == 1 else Choice(tuple(items))

    def aliased(self, depth: int, in_terminal: bool) -> Tree:
        tree = self.sequence(depth, in_terminal)
        start = self.lexemes[self.at].start if self.kind() == "->" else 0
        if self.kind() == "->":
            self.next()
            self.take("name", "a name")
            if in_terminal:
                raise self.place(start).error("an alias stands in rules only")
        return tree

    def sequence(self, depth: int, in_terminal: bool) -> Tree:
        items: list[Tree] = []
        conjuncts: list[Tree] = []
        start = self.lexemes[self.at].start if self.kind() else 0
        while True:
            if depth and self.kind() == "newline" and not self.goes_on():
                self.skip_newlines()
            if self.kind() in _ATOMS:
                items.append(self.repeated(depth, in_terminal))
            elif self.kind() == "&":
                conjuncts.append(_row(items))
                items = []
                self.next()
            else:
                break
        if not conjuncts:
            return _row(items)
        place = self.place(start)
        if not in_terminal:
            raise place.error("& goes with terminals only", "name them, in capital letters")
        return Both((*conjuncts, _row(items)), place)

    def repeated(self, depth: int, in_terminal: bool) -> Tree:
        start = self.lexemes[self.at].start if self.kind() else 0
        handler = _ATOMS.get(self.kind())
        if handler is None:
            raise self.unexpected("expected something to match")
        tree = handler(self, depth, in_terminal)
        while (self.kind() in _COUNTS) or self.kind() in ("count", "~"):
            if self.kind() == "~" and self.kind(1) != "number":
                break
            lo, hi, written = self.count()
            tree = Repeat(tree, lo, hi, written, self.place(start))
        return tree

    def count(self) -> tuple[int, int | None, str]:
        sign = self.next()
        if sign.kind in _COUNTS:
            lo, hi = _COUNTS[sign.kind]
            return lo, hi, sign.kind
        if sign.kind == "count":
            least, comma, most = "".join(sign.text[1:-1].split()).partition(",")
            lo, hi = _number(least or "0"), _number(most) if most else None
            hi = hi if comma else lo
        else:
            lo = _number(self.next().text)
            hi = lo
            if self.kind() == "..":
                self.next()
                hi = _number(self.take("number", "a number").text)
        if lo < 0 or (hi is not None and hi < lo):
            span = sign.stop, self.lexemes[self.at - 1].stop
            span = sign.span if sign.kind == "count" else span
            raise self.source.error("this repetition is impossible", span, "use ~ least..most")
        return lo, hi, f"{{{lo}}}" if hi == lo else f"{{{lo},{'' if hi is None else hi}}}"

    # -- atoms

    def group(self, depth: int, in_terminal: bool) -> Tree:
        opened = self.next()
        tree = self.alternatives(depth + 1, in_terminal)
        closer = ")" if opened.kind == "(" else "]"
        if self.kind() != closer:
            if self.kind() in ("", ":"):
                raise self.source.error("group is never closed", opened.span, f'add "{closer}"')
            raise self.unexpected(f'expected "{closer}"')
        self.next()
        if opened.kind == "(":
            return tree
        return Repeat(tree, 0, 1, "?", self.place(opened.start))

    def name(self, depth: int, in_terminal: bool) -> Tree:
        lexeme = self.next()
        if self.kind() != "{":
            capital = is_terminal_name(lexeme.text)
            return Name(lexeme.text, capital, Place(self.source, lexeme.span))
        self.next()
        arguments = [self.repeated(depth + 1, in_terminal)]
        while self.kind() == ",":
            self.next()
            arguments.append(self.repeated(depth + 1, in_terminal))
        self.take("}", '"," or "}"')
        return Use(lexeme.text, tuple(arguments), self.place(lexeme.start))

    def string(self, depth: int, in_terminal: bool) -> Tree:
        low = self.literal()
        if self.kind() != "..":
            return low
        self.next()
        if self.kind() != "string":
            raise self.unexpected("expected a string")
        high = self.literal()
        return _checked_range(Range(low, high, self.place(low.place.span[0])))

    def literal(self) -> String:
        lexeme = self.next()
        flags = "i" if lexeme.text.endswith("i") else ""
        written = lexeme.text[1 : len(lexeme.text) - 1 - len(flags)]
        place = Place(self.source, lexeme.span)
        text = _ESCAPE.sub(lambda match: _unescaped(match, place), written)
        try:
            text.encode()
        except UnicodeEncodeError:
            raise place.error("these characters or escapes mean no text") from None
        if not text:
            note = "leave it away, or make its neighbours optional"
            raise place.error("a terminal takes some text", note)
        return String(text, flags, written, place)

    def pattern(self, depth: int, in_terminal: bool) -> Tree:
        lexeme = self.next()
        body, _, flags = lexeme.text[1:].rpartition("/")
        place = Place(self.source, lexeme.span)
        if "\n" in body and "x" not in flags:
            raise place.error("only a pattern with the flag x goes over lines", 'add "/"')
        if unknown := set(flags) - set("imsxu"):
            span = (lexeme.stop - len(flags), lexeme.stop)
            message = f"no pattern has the flags {''.join(sorted(unknown))}"
            raise self.source.error(message, span)
        return Pattern(body, flags, place)

    def token(self, depth: int, in_terminal: bool) -> Tree:
        lexeme = self.next()
        place = Place(self.source, lexeme.span)
        if in_terminal:
            raise place.error("a token stands in rules only")
        try:
            return Special(read_token(lexeme.text), place)
        except Fault as fault:
            span = (lexeme.start + fault.span[0], lexeme.start + fault.span[1])
            raise self.source.error(fault.message, span, fault.note) from None

    def nested(self, depth: int, in_terminal: bool) -> Tree:
        lexeme = self.next()
        kind = "json" if lexeme.text.startswith("%json") else "regex"
        place = Place(self.source, lexeme.span)
        if lexeme.text.startswith("%llguidance"):
            raise place.error("this stands on a line of its own")
        return Nested(kind, lexeme.text[len(kind) + 1 :].strip(), place)

    def negation(self, depth: int, in_terminal: bool) -> Tree:
        sign = self.next()
        if self.kind() not in _ATOMS:
            raise self.unexpected("expected something to match")
        if not in_terminal:
            raise self.source.error("~ goes with terminals only", sign.span)
        if depth > MAX_DEPTH:
            raise LimitExceeded("nesting of the grammar", depth)
        item = _ATOMS[self.kind()](self, depth + 1, in_terminal)
        return Not(item, self.place(sign.start))

    def subgrammar(self, depth: int, in_terminal: bool) -> Tree:
        start = self.next().start
        self.take("name", "a name")
        note = "combine grammars with operators, as in a + b"
        raise self.place(start).unsupported("a grammar by name", note)


def _row(items: list[Tree]) -> Tree:
    return items[0] if len(items) == 1 else Sequence(tuple(items))


def _number(digits: str) -> int:
    """A count; negative, which none is, for what is not whole."""
    value = -1 if "." in digits or "-" in digits else int(digits.lstrip("+0")[:12] or "0")
    if value > MAX_COUNT:
        raise LimitExceeded("repetition count", value, f"the most is {MAX_COUNT}")
    return value


def _unescaped(match: re.Match[str], place: Place) -> str:
    digits = match[1] or match[2] or match[3]
    if match[4] or (digits and int(digits, 16) > 0x10FFFF):
        raise place.error("these characters or escapes mean no text")
    return chr(int(digits, 16)) if digits else _PLAIN_ESCAPES.get(match[5], match[0])


def _checked_range(tree: Range) -> Range:
    for end in (tree.low, tree.high):
        if end.flags:
            raise end.place.error("a range has no flags", "write it as a pattern, /[...]/i")
    if len(tree.low.text) != 1 or len(tree.high.text) != 1:
        raise tree.place.error("a range goes from one character to another", 'as in "a".."z"')
    if tree.low.text > tree.high.text:
        raise tree.place.error("this range is empty", "swap its ends")
    return tree


_COUNTS: Mapping[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}

_DIRECTIVES: Mapping[str, Callable[[_Reader, Lexeme], list[Statement]]] = {
    "%ignore": _Reader.ignore,
    "%import": _Reader.imports,
    "%declare": _Reader.declare,
    "%override": _Reader.redefine,
    "%extend": _Reader.redefine,
}

_ATOMS: Mapping[str, Callable[[_Reader, int, bool], Tree]] = {
    "(": _Reader.group,
    "[": _Reader.group,
    "name": _Reader.name,
    "string": _Reader.string,
    "pattern": _Reader.pattern,
    "token": _Reader.token,
    "nested": _Reader.nested,
    "~": _Reader.negation,
    "@": _Reader.subgrammar,
}
