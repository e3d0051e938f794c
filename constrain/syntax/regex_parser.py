"""Regular expressions of Python or ECMA-262, as text, to trees (`regex_ast`).

The meaning is that of `re.fullmatch` on text: the tree is the set of whole strings that match.
Anchors become looks at the text around them, for instance `\\Z` a negative lookahead of any
character. Greedy and lazy repetition mean the same set; possessive repetition and atomic groups
do not (`regex_order`). The parser keeps its own stack, so that deep nesting cannot overflow
Python's.

Differences from `re`: lookbehind may have any width, `\\p{...}` knows Unicode properties, and
`\\B` matches in an empty text (as it does from Python 3.14 on).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from constrain.errors import LimitExceeded, RegexSyntaxError, SpecError, Unsupported

from . import regex_ast
from .anchors import END, START, word_boundary
from .regex_ast import (
    ANY_CHAR,
    Atomic,
    Chars,
    Node,
    Repeat,
    Text,
    Union,
    concat,
    look,
    repeat,
    union,
)
from .regex_dialects import DIALECTS, PYTHON, Dialect
from .regex_escapes import Fault
from .regex_flags import read_inline_flags
from .regex_order import MAY_COMMIT, settle
from .regex_sets import find_set, read_category, read_set

__all__ = ["END", "MAX_COUNT", "MAX_DEPTH", "START", "Parsed", "parse"]

MAX_DEPTH = 192
"""Deepest tree that is built: what follows the parser recurses on trees."""

MAX_COUNT = 2**32 - 2

_PLAIN = re.compile(r"[^\\\[(){*+?.^$|]+")
_PLAIN_VERBOSE = re.compile(r"[^\\\[(){*+?.^$|# \t\n\r\v\f]+")
_SKIPPED = re.compile(r"(?:[ \t\n\r\v\f]+|#(?:[^\\\n]|\\.)*)+", re.DOTALL)
_COMMENT = re.compile(r"(?:[^\\)]|\\.)*\)", re.DOTALL)
_COUNT = re.compile(r"\{([0-9]*)(,?)([0-9]*)\}")
_MARKER = re.compile(r"P[<=]|<[=!]|.", re.DOTALL)


@dataclass(frozen=True)
class Parsed:
    """A pattern's tree; `lazy`: it has a lazy quantifier, which only a lexer cares about."""

    node: Node
    lazy: bool


def parse(pattern: str, flags: str = "", dialect: str = "python") -> Parsed:
    """Parse `pattern`.

    flags: letters out of "imsxau", in ECMA-262 out of "ims".
    dialect: "python", or "ecma" for ECMA-262 with its flag `u`.

    Raises RegexSyntaxError, Unsupported (backreferences, conditionals) or LimitExceeded, each
    with its place in the pattern.

    >>> parse("a{2,}?").node
    Repeat(item=Text(data=b'a'), lo=2, hi=None, lazy=False)
    """
    if dialect not in DIALECTS:
        known = " and ".join(f'"{name}"' for name in DIALECTS)
        raise SpecError(f'unknown dialect "{dialect}": there are {known}')
    spoken = DIALECTS[dialect]
    chosen = frozenset(flags)
    if not chosen <= spoken.flags or chosen >= {"a", "u"}:
        letters = "".join(sorted(spoken.flags))
        raise ValueError(f'flags are letters out of "{letters}", not both "a" and "u": {flags!r}')
    return _Parser(pattern, chosen, spoken).run()


@dataclass(slots=True)
class _Group:
    """An open group: the alternatives read so far and the one being read."""

    start: int
    flags: frozenset[str]
    close: Callable[[Node], Node]
    ordered: bool = False
    names: tuple[int | str, ...] = ()
    branches: list[Node] = field(default_factory=list[Node])
    items: list[Node] = field(default_factory=list[Node])
    last: str = ""  # what a quantifier would repeat: "atom", "repeat", "anchor" or nothing
    last_depth: int = 0  # how deep the tree of the last item is
    branch_depth: int = 0  # of the deepest item in this alternative
    depth: int = 0  # of the deepest alternative, and in the end of the whole

    def add(self, node: Node, last: str = "atom", depth: int = 0) -> None:
        self.items.append(node)
        self.last, self.last_depth = last, depth
        self.branch_depth = max(self.branch_depth, depth)

    def repeat_last(self, lo: int, hi: int | None, suffix: str) -> None:
        node = repeat(self.items.pop(), lo, hi)
        if self.ordered and suffix == "?" and isinstance(node, Repeat):
            node = Repeat(node.item, lo, hi, lazy=True)
        possessive = suffix == "+"
        self.add(Atomic(node) if possessive else node, "repeat", self.last_depth + 1 + possessive)

    def end_branch(self) -> None:
        self.depth = max(self.depth, self.branch_depth + (len(self.items) > 1))
        self.branches.append(concat(self.items))
        self.items, self.last, self.branch_depth = [], "", 0

    def finish(self) -> Node:
        self.end_branch()
        self.depth += (len(self.branches) > 1) + (self.close is not _same)
        if self.depth > MAX_DEPTH:
            raise LimitExceeded("depth of the pattern", self.depth, f"at offset {self.start}")
        ordered = self.ordered and len(self.branches) > 1
        return self.close(Union(tuple(self.branches)) if ordered else union(self.branches))


def _same(node: Node) -> Node:
    return node


class _Parser:
    def __init__(self, text: str, flags: frozenset[str], dialect: Dialect = PYTHON):
        self.text, self.pos, self.lazy, self.dialect = text, 0, False, dialect
        self.ordered = dialect.commits and MAY_COMMIT.search(text) is not None
        self.group = _Group(0, flags, _same, self.ordered)
        self.stack: list[_Group] = []
        self.names: dict[int | str, bool] = {}  # group -> is it closed?
        self.n_groups = 0

    def run(self) -> Parsed:
        text = self.text
        try:
            while self.pos < len(text):
                self.step()
        except Fault as fault:
            raise RegexSyntaxError(fault.message, text, fault.span, fault.note) from None
        if self.stack:
            start = self.group.start
            raise self.error(
                "group is never closed", start, start + 1, r'add ")" or escape it as "\("'
            )
        node = self.group.finish()
        return Parsed(settle(node) if self.ordered else node, self.lazy)

    def step(self) -> None:
        """Read one run of plain characters or one special character with what belongs to it."""
        verbose = "x" in self.group.flags
        if verbose and (match := _SKIPPED.match(self.text, self.pos)):
            self.pos = match.end()
        elif match := (_PLAIN_VERBOSE if verbose else _PLAIN).match(self.text, self.pos):
            self.pos = match.end()
            self.add_plain(match[0])
        else:
            handler = _SPECIAL[self.text[self.pos]]
            self.pos += 1
            handler(self)

    def error(self, message: str, start: int, stop: int, note: str = "") -> RegexSyntaxError:
        return RegexSyntaxError(message, self.text, (start, stop), note)

    def unsupported(self, feature: str, start: int, stop: int) -> Unsupported:
        return Unsupported(feature, (start, stop), self.text)

    # Characters.

    def add_plain(self, run: str) -> None:
        """Add characters; the last one alone, as a quantifier may follow."""
        if "i" not in self.group.flags and run.isascii():
            if len(run) > 1:
                self.group.items.append(Text(run[:-1].encode()))
            self.group.add(Text(run[-1].encode()))
        else:
            for char in run:
                self.add_code_point(ord(char))

    def add_code_point(self, code_point: int) -> None:
        """Add a character, or what counts as the same. A surrogate is in no UTF-8 text."""
        flags = self.group.flags
        ranges = regex_ast.normalize([(code_point, code_point)])
        if "i" in flags:
            ranges = self.dialect.ignore_case(ranges, flags)
        single = ranges == ((code_point, code_point),)
        self.group.add(Text(chr(code_point).encode()) if single else Chars(ranges))

    def read_dot(self) -> None:
        self.group.add(ANY_CHAR if "s" in self.group.flags else self.dialect.not_newline)

    def read_set(self) -> None:
        start = self.pos - 1
        stop = find_set(self.text, start, self.dialect)
        try:
            chars = read_set(self.text[start:stop], self.dialect, self.group.flags)
        except Fault as fault:
            left, right = fault.span
            raise Fault(fault.message, (start + left, start + right), fault.note) from None
        self.group.add(chars)
        self.pos = stop

    def read_escape(self) -> None:
        start, escape = self.pos - 1, self.text[self.pos - 1 : self.pos + 1]
        flags = self.group.flags
        if escape in (r"\b", r"\B"):
            self.pos += 1
            word = self.dialect.category("w", flags)
            self.group.add(word_boundary(word, escape == r"\B"), "anchor", 3)
        elif escape in self.dialect.anchors:
            self.pos += 1
            self.group.add(self.dialect.anchors[escape], "anchor", 2)
        elif found := read_category(self.text, start, self.dialect, flags):
            ranges, self.pos = found
            self.group.add(Chars(ranges))
        elif match := self.dialect.reference.match(self.text, self.pos):
            self.refuse_backreference(start, match)
        else:
            code_point, self.pos = self.dialect.character(self.text, start)
            self.add_code_point(code_point)

    def refuse_backreference(self, start: int, match: re.Match[str]) -> None:
        self.pos = match.end()
        if match[0] == "k<":
            self.read_name(start, ">")
        elif self.dialect is PYTHON:
            self.check_reference(int(match[0]), start, match.end())
        raise self.unsupported("a backreference", start, self.pos)

    def check_reference(self, group: int | str, start: int, stop: int) -> None:
        if group not in self.names:
            raise self.error(f"there is no group {group} before this", start, stop)
        if not self.names[group]:
            raise self.error(f"group {group} is still open here", start, stop)

    # Anchors.

    def read_caret(self) -> None:
        self.read_anchor("^", 2)

    def read_dollar(self) -> None:
        self.read_anchor("$", 3)

    def read_anchor(self, sign: str, depth: int) -> None:
        key = f"{sign}m" if "m" in self.group.flags else sign
        self.group.add(self.dialect.anchors[key], "anchor", depth)

    # Repetition.

    def read_quantifier(self) -> None:
        start = self.pos - 1
        self.read_suffix(start, *_QUANTIFIERS[self.text[start]])

    def read_brace(self) -> None:
        """Read `{2}`, `{2,}`, `{2,5}`, `{,5}` or `{,}`; anything else is a literal brace."""
        start = self.pos - 1
        match = _COUNT.match(self.text, start)
        if not match or match[0] == "{}" or (match[3] and not match[2]):
            self.add_plain("{")
            return
        self.pos = match.end()
        if not (match[1] or self.dialect is PYTHON):
            raise self.error("this count has no least", start, self.pos, "as in {0,5}")
        lo = _count(match[1])
        hi = _count(match[3]) if match[3] else None if match[2] else lo
        if hi is not None and hi < lo:
            raise self.error("the most is smaller than the least", start, self.pos, "swap them")
        self.read_suffix(start, lo, hi)

    def read_suffix(self, start: int, lo: int, hi: int | None) -> None:
        """Read what may follow a quantifier, which begins at `start`, and repeat the last item."""
        suffix = self.text[self.pos : self.pos + 1]
        if self.group.last != "atom":
            message, note = _NOT_REPEATABLE[self.group.last]
            raise self.error(message, start, self.pos, note)
        if suffix == "?" or (suffix == "+" and self.dialect.commits):
            self.lazy = self.lazy or suffix == "?"
            self.pos += 1
        else:
            suffix = ""
        self.group.repeat_last(lo, hi, suffix)

    # Groups.

    def read_open(self) -> None:
        start = self.pos - 1
        if not self.text.startswith("?", self.pos):
            self.push_capture(start)
            return
        match = _MARKER.match(self.text, self.pos + 1)
        if not match:
            raise self.error("group has no kind", start, self.pos + 1, 'as in "(?:...)"')
        marker = match[0]
        handler = _GROUPS.get(marker)
        if handler is None or marker not in self.dialect.groups:
            note = _MARKER_NOTES.get(marker, 'a plain group is "(...)" or "(?:...)"')
            raise self.error(f"unknown kind of group, (?{marker}", start, match.end(), note)
        self.pos = match.end()
        handler(self, start)

    def push(
        self, start: int, close: Callable[[Node], Node] = _same, flags: frozenset[str] | None = None
    ) -> None:
        self.stack.append(self.group)
        flags = self.group.flags if flags is None else flags
        self.group = _Group(start, flags, close, self.ordered)

    def push_capture(self, start: int, *names: str) -> None:
        self.n_groups += 1
        self.push(start)
        self.group.names = (self.n_groups, *names)
        self.names.update(dict.fromkeys(self.group.names, False))

    def read_close(self) -> None:
        if not self.stack:
            note = r'remove it or escape it as "\)"'
            raise self.error("no group is open here", self.pos - 1, self.pos, note)
        inner = self.group
        self.names.update(dict.fromkeys(inner.names, True))
        self.group = self.stack.pop()
        self.group.add(inner.finish(), depth=inner.depth)

    def read_bar(self) -> None:
        self.group.end_branch()

    def read_name(self, start: int, closer: str) -> str:
        stop = self.text.find(closer, self.pos)
        if stop < 0:
            raise self.error("group name is never closed", start, self.pos, f'add "{closer}"')
        name = self.text[self.pos : stop]
        if not name.isidentifier():
            raise self.error("group name is not an identifier", start, stop + 1)
        self.pos = stop + 1
        return name

    def push_named(self, start: int) -> None:
        name = self.read_name(start, ">")
        if name in self.names:
            raise self.error(f"group name {name} is taken", start, self.pos, "choose another")
        self.push_capture(start, name)

    def refuse_named_backreference(self, start: int) -> None:
        self.check_reference(self.read_name(start, ")"), start, self.pos)
        raise self.unsupported("a backreference", start, self.pos)

    def refuse_conditional(self, start: int) -> None:
        raise self.unsupported("a conditional group", start, self.pos)

    def push_atomic(self, start: int) -> None:
        self.push(start, Atomic)

    def skip_comment(self, start: int) -> None:
        match = _COMMENT.match(self.text, self.pos)
        if not match:
            raise self.error("comment is never closed", start, self.pos, 'add ")"')
        self.pos = match.end()

    def read_flags(self, start: int) -> None:
        """Read `(?i)`, which holds from here on, or the opening `(?i-m:` of a group."""
        inline, self.pos = read_inline_flags(self.text, start, self.dialect.flags)
        flags = inline.apply(self.group.flags)
        if not inline.is_global:
            self.push(start, flags=flags)
            return
        if self.stack or self.group.branches or self.group.last:
            note = "move them there, or give them a group as in (?i:...)"
            raise self.error("global flags stand at the start only", start, self.pos, note)
        if flags >= {"a", "u"}:
            raise self.error("flags a and u exclude each other", start, self.pos)
        self.group.flags = flags


def _count(digits: str) -> int:
    count = int(digits.lstrip("0")[: len(str(MAX_COUNT)) + 1] or 0)
    if count > MAX_COUNT:
        raise LimitExceeded("repetition count", count, f"the most is {MAX_COUNT}")
    return count


_NOT_REPEATABLE = {
    "": ("there is nothing to repeat", "escape the sign to match it"),
    "anchor": ("an anchor cannot be repeated", "escape the sign to match it"),
    "repeat": ("this is repeated already", "put a group around the first repetition"),
}

_QUANTIFIERS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}

_SPECIAL: dict[str, Callable[[_Parser], None]] = {
    "\\": _Parser.read_escape,
    "[": _Parser.read_set,
    ".": _Parser.read_dot,
    "^": _Parser.read_caret,
    "$": _Parser.read_dollar,
    "*": _Parser.read_quantifier,
    "+": _Parser.read_quantifier,
    "?": _Parser.read_quantifier,
    "{": _Parser.read_brace,
    "(": _Parser.read_open,
    ")": _Parser.read_close,
    "|": _Parser.read_bar,
}


def _opener_of_look(behind: bool, negative: bool) -> Callable[[_Parser, int], None]:
    close = partial(look, behind=behind, negative=negative)
    return lambda parser, start: parser.push(start, close)


_GROUPS: dict[str, Callable[[_Parser, int], None]] = {
    ":": _Parser.push,
    "=": _opener_of_look(behind=False, negative=False),
    "!": _opener_of_look(behind=False, negative=True),
    "<=": _opener_of_look(behind=True, negative=False),
    "<!": _opener_of_look(behind=True, negative=True),
    "P<": _Parser.push_named,
    "<": _Parser.push_named,
    "P=": _Parser.refuse_named_backreference,
    "(": _Parser.refuse_conditional,
    ">": _Parser.push_atomic,
    "#": _Parser.skip_comment,
    **dict.fromkeys("-aimsux", _Parser.read_flags),
}

_MARKER_NOTES = {
    "<": 'a named group is "(?P<name>...)", a lookbehind "(?<=...)"',
    "P": 'a named group is "(?P<name>...)"',
    "L": "the flag L is for bytes",
}
