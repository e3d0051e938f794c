"""What a grammar in Lark's language says, as trees. They are compared without their places."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

from constrain.errors import GrammarSyntaxError, Unsupported

from .regex_ast import Token

Span: TypeAlias = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Source:
    """A grammar text; `path` is how it was imported, "" for the one that was asked for."""

    text: str
    path: str = ""

    def error(self, message: str, span: Span | None, note: str = "") -> GrammarSyntaxError:
        return GrammarSyntaxError(self._located(message), self.text, span, note)

    def unsupported(self, feature: str, span: Span | None, note: str = "") -> Unsupported:
        return Unsupported(self._located(feature), span, self.text, note)

    def _located(self, message: str) -> str:
        return f"{message}, in {self.path}" if self.path else message


@dataclass(frozen=True, slots=True)
class Place:
    source: Source
    span: Span

    def error(self, message: str, note: str = "") -> GrammarSyntaxError:
        return self.source.error(message, self.span, note)

    def unsupported(self, feature: str, note: str = "") -> Unsupported:
        return self.source.unsupported(feature, self.span, note)


@dataclass(frozen=True, slots=True)
class Name:
    """A rule (small letters), a terminal (capitals) or a parameter of a template."""

    name: str
    is_terminal: bool
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class String:
    """`"text"`, perhaps with the flag i."""

    text: str
    flags: str
    written: str
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Pattern:
    """`/pattern/flags`"""

    pattern: str
    flags: str
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Range:
    """`"a".."z"`"""

    low: String
    high: String
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Special:
    """`<|name|>` or `<[10-20]>`"""

    token: Token
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Use:
    """A template with arguments."""

    name: str
    arguments: tuple[Tree, ...]
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Nested:
    """`%json {...}` or `%regex {...}`; `value` is JSON text."""

    kind: str
    value: str
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`written` is how Lark would write the count in a pattern: "?", "{2,5}"."""

    item: Tree
    lo: int
    hi: int | None
    written: str
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Both:
    """`a & b`, in terminals"""

    items: tuple[Tree, ...]
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Not:
    """`~a`, in terminals"""

    item: Tree
    place: Place = field(compare=False, repr=False)


Leaf: TypeAlias = Name | String | Pattern | Range | Special | Use | Nested
Tree: TypeAlias = Leaf | Sequence | Choice | Repeat | Both | Not


@dataclass(frozen=True, slots=True)
class Option:
    """One of those in brackets behind the name of a rule: `[lazy, suffix="x"]`."""

    name: str
    value: Tree | str | None
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Definition:
    """A rule, terminal or template; `tree` is None where it is only declared."""

    name: str
    tree: Tree | None
    place: Place = field(compare=False, repr=False)
    parameters: tuple[str, ...] = ()
    priority: int = 0
    options: tuple[Option, ...] = ()
    is_terminal: bool = False

    @property
    def kind(self) -> str:
        return "terminal" if self.is_terminal else "rule"


@dataclass(frozen=True, slots=True)
class Import:
    """`%import path.name -> alias`; aliases by name."""

    path: tuple[str, ...]
    relative: bool
    aliases: tuple[tuple[str, str], ...]
    place: Place = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Statement:
    """A definition that is new ("define"), replaces one ("override") or adds to it ("extend"),
    what is ignored, or what is imported."""

    kind: str
    what: Definition | Import | Tree


def is_terminal_name(name: str) -> bool:
    return name.lstrip("_")[:1].isupper()


def walk(tree: Tree) -> list[Leaf]:
    """The leaves of a tree, arguments of templates among them, in no particular order."""
    leaves: list[Leaf] = []
    stack: list[Tree] = [tree]
    while stack:
        part = stack.pop()
        if isinstance(part, Sequence | Choice | Both):
            stack.extend(part.items)
        elif isinstance(part, Repeat | Not):
            stack.append(part.item)
        else:
            leaves.append(part)
            if isinstance(part, Use):
                stack.extend(part.arguments)
    return leaves
