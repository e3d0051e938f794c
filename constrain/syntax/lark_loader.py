"""Lark grammar text to rule trees and terminals, read by Lark's own loader.

Lark does what is its own: syntax, `%import`, `%override`, `%extend`, joining terminals out of
parts, naming anonymous ones, instantiating templates. Its trees are taken before it expands
repetitions and options, and its complaints are given a place in the text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from lark import Token, Tree
from lark.exceptions import GrammarError, LarkError, UnexpectedInput, UnexpectedToken, VisitError
from lark.lexer import TerminalDef
from lark.load_grammar import (
    ApplyTemplates,
    GrammarBuilder,
    PrepareAnonTerminals,
    PrepareLiterals,
    TerminalTreeToPattern,
    ValidateSymbols,
    eval_escaping,
)

from constrain.errors import GrammarSyntaxError, LimitExceeded, SpecError, Unsupported

from . import regex_parser

LIBRARY = ("common", "lark", "python", "unicode")
"""Grammars that come with Lark and can be imported from."""

MAX_WRITTEN_OUT = 2_000_000
"""Size that a terminal may have with the terminals that it uses written out: characters, and
100 for each use. (Lark writes them out, at some 75 us for each.)"""

MAX_INSTANCES = 2_000
"""Most rules that templates may make."""

Span = tuple[int, int]


@dataclass(frozen=True)
class Loaded:
    """A grammar as Lark read it.

    In the trees of `rules`, terminals and rules are symbols; `declared` terminals have no
    pattern; `templates` are the names of rules that want arguments.
    """

    text: str
    rules: dict[str, Tree[Any]]
    terminals: dict[str, TerminalDef]
    declared: frozenset[str]
    ignore: tuple[str, ...]
    templates: frozenset[str]
    patterns: tuple[Token, ...]  # every /pattern/ as written

    def span(self, name: str) -> Span | None:
        """Where `name` first stands in the text."""
        return find_name(self.text, name)


def load(text: str) -> Loaded:
    """Read a grammar text. Raises GrammarSyntaxError, Unsupported or LimitExceeded."""
    _check_written_out(text)
    reader = _Reader(text)
    with _translated(text, reader):
        reader.load_grammar(text, "<grammar>")
        reader.check()
        return _prepared(reader)


_HEAD = re.compile(
    r"^[ \t]*(?:%(?:override|extend)[ \t]+)?(?:[?!]*(?P<name>[A-Za-z_]\w*)[^:\n]*:|%)", re.MULTILINE
)


def _check_written_out(text: str) -> None:
    """Refuse terminals that double and double again, before Lark tries to write them out."""
    heads = [*_HEAD.finditer(text)]
    ends = [*(head.start() for head in heads), len(text)][1:]
    bodies: dict[str, str] = {}
    for head, end in zip(heads, ends, strict=True):
        if (head["name"] or "").isupper():
            bodies[head["name"]] = bodies.get(head["name"], "") + text[head.end() : end]
    uses = {name: [n for n in _names(body) if n in bodies] for name, body in bodies.items()}
    sizes = dict.fromkeys(bodies, 0)
    todo, entered = list(bodies), set[str]()
    while todo:
        name = todo[-1]
        if name not in entered:
            entered.add(name)
            todo.extend(n for n in dict.fromkeys(uses[name]) if n not in entered)
            continue
        todo.pop()
        sizes[name] = len(bodies[name]) + sum(100 + sizes[n] for n in uses[name])
        if sizes[name] > MAX_WRITTEN_OUT:
            raise LimitExceeded("size of a terminal, written out", sizes[name], name)


def _names(text: str) -> list[str]:
    return [match["name"] for match in _NAMES.finditer(text) if match["name"]]


class _Reader(GrammarBuilder):
    """Lark's loader, less the imports that reach for files."""

    def __init__(self, text: str):
        super().__init__()
        self.text = text
        self.patterns: tuple[Token, ...] = ()

    def do_import(
        self,
        dotted_path: tuple[str, ...],
        base_path: str | None,
        aliases: dict[str, str],
        base_mangle: Callable[[str], str] | None = None,
    ) -> None:
        path = ".".join(dotted_path)
        if base_path is not None:
            note = "write the rules into this text, or import from Lark's own grammars"
            raise Unsupported(
                f"the relative %import of .{path}", self._place(path), self.text, note
            )
        if path not in LIBRARY:
            note = f"there are {', '.join(LIBRARY)}"
            message = f'there is no grammar "{path}" to import from'
            raise GrammarSyntaxError(message, self.text, self._place(path), note)
        super().do_import(dotted_path, base_path, aliases, base_mangle)

    def _place(self, path: str) -> Span | None:
        match = re.search(rf"%import[ \t]+(\.?{re.escape(path)})", self.text)
        return match.span(1) if match else None

    def check(self) -> None:
        """Refuse with its place what Lark would misread, or refuse without a place."""
        trees = [d.tree for d in self._definitions.values()]
        parts = {id(part): part for tree in trees if tree for part in tree.iter_subtrees()}
        for part in parts.values():
            _CHECKS.get(part.data, _no_check)(part.children, self.text)
        literals = [part.children[0] for part in parts.values() if part.data == "literal"]
        self.patterns = tuple(token for token in literals if token.type == "REGEXP")


def _no_check(children: list[Any], text: str) -> None:
    pass


def _check_counts(children: list[Any], text: str) -> None:
    """`item ~ n` and `item ~ n..m` need 0 <= n <= m."""
    counts = children[2:]
    values = [int(count) for count in counts]
    if any(value < 0 for value in values) or values != sorted(values):
        span = (counts[0].start_pos, counts[-1].end_pos)
        raise GrammarSyntaxError("this repetition is impossible", text, span, "use ~ least..most")


def _check_range(children: list[Any], text: str) -> None:
    """`"a".."z"` needs single characters, and two that Lark's `[a-z]` keeps the meaning of."""
    for end in children:
        if not end.endswith('"'):
            note = "write it as a pattern, /[...]/i"
            raise GrammarSyntaxError("a range has no flags", text, _token_span(end), note)
    first, last = (_evaluated(end, text) for end in children)
    span = (children[0].start_pos, children[1].end_pos)
    if len(first) != 1 or len(last) != 1:
        note = 'as in "a".."z"'
        raise GrammarSyntaxError("a range goes from one character to another", text, span, note)
    if first > last:
        raise GrammarSyntaxError("this range is empty", text, span, "swap its ends")
    if first == "^" or last == "]":
        note = "write it as a pattern, /[...]/"
        raise Unsupported(f"a range from {first} to {last}", span, text, note)


def _check_literal(children: list[Any], text: str) -> None:
    (token,) = children
    if not _evaluated(token, text):
        note = "leave it away, or make its neighbours optional"
        raise GrammarSyntaxError("a terminal takes some text", text, _token_span(token), note)


def _evaluated(token: Token, text: str) -> str:
    """What is between the quotes or slashes, its escapes read."""
    try:
        value = eval_escaping(token[1 : token.rindex(token[0])])
        value.encode()
    except (GrammarError, ValueError):
        message = "these characters or escapes mean no text"
        raise GrammarSyntaxError(message, text, _token_span(token)) from None
    return value


def _token_span(token: Token) -> Span:
    start = token.start_pos or 0
    return start, start + len(token)


_CHECKS: dict[str, Callable[[list[Any], str], None]] = {
    "expr": _check_counts,
    "range": _check_range,
    "literal": _check_literal,
}


def _prepared(reader: _Reader) -> Loaded:
    grammar = reader.build()
    join = PrepareLiterals() * TerminalTreeToPattern()
    terminals = [
        TerminalDef(name, join.transform(tree), priority)
        for name, (tree, priority) in grammar.term_defs
        if tree
    ]
    return Loaded(
        text=reader.text,
        rules=_instantiated(grammar.rule_defs, terminals),
        terminals={terminal.name: terminal for terminal in terminals},
        declared=frozenset(name for name, (tree, _) in grammar.term_defs if not tree),
        ignore=tuple(dict.fromkeys(grammar.ignore)),
        templates=frozenset(name for name, params, _, _ in grammar.rule_defs if params),
        patterns=reader.patterns,
    )


def _instantiated(rule_defs: list[Any], terminals: list[TerminalDef]) -> dict[str, Tree[Any]]:
    """Trees by rule name; `rule_defs` grows as templates are used, `terminals` by anonymous."""
    name_terminals = PrepareAnonTerminals(terminals)
    steps = PrepareLiterals() * ValidateSymbols() * name_terminals * ApplyTemplates(rule_defs)
    trees: dict[str, Tree[Any]] = {}
    n_written = len(rule_defs)
    for name, params, tree, _ in rule_defs:
        if not params and tree is not None:
            trees[name] = steps.transform(tree)
        if len(rule_defs) - n_written > MAX_INSTANCES:
            raise LimitExceeded(
                "rules made by templates", len(rule_defs) - n_written, name.split("{")[0]
            )
    return trees


# ------------------------------------------------------------------ errors

_NAMES = re.compile(
    r'"(?:\\.|[^"\\\n])*"|//[^\n]*|#[^\n]*|/(?:\\.|[^/\\\n])+/|(?P<name>[A-Za-z_][A-Za-z_0-9]*)'
)
_CULPRIT = re.compile(r"'(\w+)'|(?:: |rule |terminal |template |for |\()(\w+)\b")
_WHERE = re.compile(r",? (?:at line|\(in|in <grammar>).*", re.DOTALL)

_READABLE = {
    "_COLON": '":"',
    "_COMMA": '","',
    "_OR": '"|"',
    "_RPAR": '")"',
    "_RBRA": '"]"',
    "_RBRACE": '"}"',
    "_NL": "a new line",
    "_TO": '"->"',
    "OP": '"?", "*" or "+"',
    "TILDE": '"~"',
    "NUMBER": "a number",
    "RULE": "a rule name",
    "TERMINAL": "a terminal name",
    "STRING": 'a "string"',
    "REGEXP": "a /pattern/",
}
"""Lark's token names, as a user would call them. Others are not worth a hint."""


def find_name(text: str, name: str, last: bool = False) -> Span | None:
    """Where a rule or terminal is named in a grammar, outside strings, patterns and comments."""
    spans = [match.span() for match in _NAMES.finditer(text) if match["name"] == name]
    return spans[-1 if last else 0] if spans else None


@contextmanager
def _translated(text: str, reader: _Reader) -> Generator[None]:
    """Lark's complaints as ours, with a place in the text."""
    try:
        yield
    except SpecError:
        raise
    except UnexpectedInput as error:
        raise _syntax_error(text, error, "") from None
    except GrammarError as error:
        if isinstance(error.__context__, UnexpectedInput):
            raise _syntax_error(text, error.__context__, str(error)) from None
        raise _grammar_error(text, str(error)) from None
    except RecursionError:
        note = "name inner parts as rules of their own"
        raise LimitExceeded("nesting of the grammar", text.count("("), note) from None
    except (LarkError, ValueError, ImportError) as error:
        fault = pattern_fault(text, reader.patterns)
        cause = error.orig_exc if isinstance(error, VisitError) else error
        raise fault or GrammarSyntaxError(f"Lark cannot read this: {cause}", text) from error


def _syntax_error(text: str, error: UnexpectedInput, message: str) -> GrammarSyntaxError:
    start = min(error.pos_in_stream or 0, len(text))
    token = error.token if isinstance(error, UnexpectedToken) else ""
    stop = max(start + 1, start + len(str(token).rstrip("\n")))
    expected = sorted(error.accepts or error.expected) if isinstance(error, UnexpectedToken) else []
    hints = [_READABLE[name] for name in expected if name in _READABLE]
    note = f"expected {', '.join(hints)}" if 0 < len(hints) <= 6 else ""
    found = repr(text[start:stop]) if text[start:stop].strip() else "end of line"
    said = _WHERE.sub("", message.split("\n")[0]) if message else f"unexpected {found}"
    return GrammarSyntaxError(_lowered(said), text, (start, stop), note)


def _grammar_error(text: str, message: str) -> GrammarSyntaxError:
    last = "more than once" in message
    culprits = [name for pair in _CULPRIT.findall(message) for name in pair if name]
    spans = [span for name in culprits if (span := find_name(text, name, last))]
    said = re.sub(r"(?:Non)?Terminal\('(\w+)'\)", r"\1", message.split("\n")[0])
    said = re.sub(r"^Rule ('[A-Z_0-9]+')", r"terminal \1", said)
    return GrammarSyntaxError(_lowered(said), text, spans[0] if spans else None)


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]


def pattern_fault(text: str, patterns: tuple[Token, ...]) -> SpecError | Unsupported | None:
    """The fault of the first /pattern/ that has one, with its place in the grammar."""
    for token in patterns:
        start = token.start_pos or 0
        stop = token.rindex("/")
        if not text.startswith(token, start):
            continue  # from an imported grammar
        try:
            regex_parser.parse(token[1:stop], token[stop + 1 :])
        except SpecError as fault:
            left, right = fault.span or (0, stop - 1)
            span = (start + 1 + left, start + 1 + right)
            return GrammarSyntaxError(fault.message, text, span, fault.note)
        except Unsupported as fault:
            left, right = fault.where if isinstance(fault.where, tuple) else (0, stop - 1)
            return Unsupported(fault.feature, (start + 1 + left, start + 1 + right), text)
        except ValueError:
            flags = token[stop + 1 :]
            span = (start + stop + 1, start + len(token))
            return GrammarSyntaxError(f"no pattern has the flags {flags}", text, span)
    return None
