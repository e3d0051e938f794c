"""Terminals of Lark's language to regular expressions: a tree, whether it is lazy, and a rank.

Among terminals that match equally far, Lark's lexers prefer by priority, then strings to
patterns, then what can be longest, what is written longest, and the name. So what Lark would
write for a terminal made of others is kept too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from math import inf
from typing import Any

from constrain.errors import LimitExceeded, SpecError, Unsupported

from . import lark_tree as tree, regex_ast as rx, regex_parser
from .grammar import Terminal
from .lark_tree import Definition, Place, Tree
from .regex_analysis import is_nullable, width

MAX_WRITTEN = 2_000_000
"""Characters that a terminal may have with the terminals that it uses written out."""

MAX_CHUNKS = 2_000


@dataclass(frozen=True)
class Written:
    """As Lark has it: a string or a pattern."""

    is_string: bool
    value: str
    flags: str = ""

    def pattern(self) -> str:
        value = re.escape(self.value) if self.is_string else self.value
        for flag in self.flags:
            value = f"(?{flag}:{value})"
        return value


@dataclass(frozen=True)
class Built:
    """A terminal, or a part of one."""

    node: rx.Node
    written: Written
    lazy: bool = False
    priority: int = 0


def written(part: tree.String | tree.Pattern | tree.Range) -> Written:
    """A literal as Lark has it."""
    if isinstance(part, tree.String):
        return Written(True, part.text, part.flags)
    if isinstance(part, tree.Pattern):
        return Written(False, part.pattern, part.flags)
    return Written(False, f"[{part.low.written}-{part.high.written}]")


class Builder:
    """Builds terminals out of definitions, each once."""

    def __init__(self, definitions: Mapping[str, Definition]):
        self.definitions = definitions
        self.built: dict[str, Built] = {}

    def named(self, name: str) -> Built:
        """A defined terminal, with all that it is made of built before it."""
        entered: dict[str, None] = {}
        todo = [name]
        while todo:
            current = todo[-1]
            if current in self.built:
                todo.pop()
                continue
            needed = [leaf for leaf in self.names(current) if leaf.name not in self.built]
            entered[current] = None
            if needed:
                circle = next((leaf for leaf in needed if leaf.name in entered), None)
                if circle:
                    raise circle.place.error(f"recursion in terminal {circle.name}")
                todo.extend(leaf.name for leaf in needed)
            else:
                self.built[todo.pop()] = self.defined(self.definitions[current])
        return self.built[name]

    def names(self, name: str) -> list[tree.Name]:
        body = self.definitions[name].tree
        return [leaf for leaf in tree.walk(body) if isinstance(leaf, tree.Name)] if body else []

    def defined(self, definition: Definition) -> Built:
        if definition.tree is None:
            note = "say what it is with declared=, or give it a pattern"
            raise definition.place.unsupported(f"%declare {definition.name}", note)
        return replace(self.build(definition.tree), priority=definition.priority)

    def build(self, part: Tree) -> Built:
        """A part of a terminal."""
        built = _BUILD[type(part)](self, part)
        if len(built.written.value) > MAX_WRITTEN:
            raise LimitExceeded("size of a terminal, written out", len(built.written.value))
        return built

    def name(self, part: tree.Name) -> Built:
        return self.built[part.name]

    def string(self, part: tree.String) -> Built:
        if not part.flags:
            return Built(rx.text(part.text), written(part))
        return Built(regex_parser.parse(re.escape(part.text), part.flags).node, written(part))

    def pattern(self, part: tree.Pattern) -> Built:
        start, stop = part.place.span
        source = part.place.source
        try:
            parsed = regex_parser.parse(part.pattern, part.flags)
        except SpecError as fault:
            left, right = fault.span or (0, stop - start - 1)
            span = start + 1 + left, start + 1 + right
            raise source.error(fault.message, span, fault.note) from None
        except Unsupported as fault:
            left, right = fault.where if isinstance(fault.where, tuple) else (0, stop - start - 1)
            span = start + 1 + left, start + 1 + right
            raise source.unsupported(fault.feature, span, fault.note) from None
        return Built(parsed.node, written(part), parsed.lazy)

    def range(self, part: tree.Range) -> Built:
        ranges = rx.normalize([(ord(part.low.text), ord(part.high.text))])
        return Built(rx.Chars(ranges), written(part))

    def sequence(self, part: tree.Sequence) -> Built:
        parts = [self.build(item) for item in part.items]
        joined = Written(False, "".join(p.written.pattern() for p in parts))
        return Built(rx.concat(p.node for p in parts), joined, any(p.lazy for p in parts))

    def choice(self, part: tree.Choice) -> Built:
        parts = [self.build(item) for item in part.items]
        joined = Written(False, f"(?:{'|'.join(p.written.pattern() for p in parts)})")
        return Built(rx.union(p.node for p in parts), joined, any(p.lazy for p in parts))

    def repeat(self, part: tree.Repeat) -> Built:
        item = self.build(part.item)
        counted = Written(False, f"(?:{item.written.pattern()}){part.written}")
        return Built(rx.repeat(item.node, part.lo, part.hi), counted, item.lazy)

    def both(self, part: tree.Both) -> Built:
        parts = [self.build(item) for item in part.items]
        joined = Written(False, "&".join(p.written.pattern() for p in parts))
        node = rx.Intersect(tuple(p.node for p in parts))
        return Built(node, joined, any(p.lazy for p in parts))

    def negation(self, part: tree.Not) -> Built:
        item = self.build(part.item)
        return Built(rx.Complement(item.node), Written(False, f"~{item.written.pattern()}"))

    def nested(self, part: tree.Nested) -> Built:
        if part.kind != "regex":
            raise part.place.error("%json stands in rules only", "write a rule, in small letters")
        return Built(_substring(part), Written(False, part.value))

    def special(self, part: tree.Special) -> Built:
        span = part.place.span
        return Built(part.token, Written(True, part.place.source.text[slice(*span)]))

    def use(self, part: tree.Use) -> Built:
        raise part.place.error("a template stands in rules only")


_BUILD: Mapping[type, Callable[[Builder, Any], Built]] = {
    tree.Name: Builder.name,
    tree.String: Builder.string,
    tree.Pattern: Builder.pattern,
    tree.Range: Builder.range,
    tree.Sequence: Builder.sequence,
    tree.Choice: Builder.choice,
    tree.Repeat: Builder.repeat,
    tree.Both: Builder.both,
    tree.Not: Builder.negation,
    tree.Nested: Builder.nested,
    tree.Special: Builder.special,
    tree.Use: Builder.use,
}


def checked(built: Built, what: str, place: Place) -> None:
    """Raise GrammarSyntaxError for a terminal that may take no text."""
    if is_nullable(built.node):
        note = "every terminal takes some text; make it optional in the rule"
        raise place.error(f"{what} can match the empty text", note)


def shortest(node: rx.Node) -> rx.Node:
    """The members of which no shorter beginning is a member: what a lazy match can be."""
    some_more = rx.concat([node, rx.repeat(rx.ANY_CHAR, 1, None)])
    return rx.Intersect((node, rx.Complement(some_more)))


def ranked(terminals: Mapping[str, Built]) -> dict[str, Terminal]:
    """The terminals, best rank first."""
    order = sorted(terminals, key=lambda name: _order(name, terminals[name]))
    return {
        name: Terminal(name, terminals[name].node, terminals[name].lazy, rank)
        for rank, name in enumerate(order)
    }


def _order(name: str, built: Built) -> tuple[float | str, ...]:
    longest = width(built.node)[1]
    return (
        -built.priority,
        not built.written.is_string,
        -(inf if longest is None else longest),
        -len(built.written.value),
        name,
    )


def _substring(part: tree.Nested) -> rx.Node:
    """`%regex {"substring_chars": text}`, or with words, or chunks: any run of some of them."""
    spec: Any = json.loads(part.value)
    kinds = [kind for kind in _CHUNKS if kind in spec] if isinstance(spec, dict) else []
    if len(kinds) != 1 or len(spec) != 1:
        raise part.place.error(f"this is no %regex; it has one of {', '.join(_CHUNKS)}")
    try:
        chunks = [rx.text(chunk) for chunk in _CHUNKS[kinds[0]](spec[kinds[0]])]
    except (TypeError, AttributeError, UnicodeEncodeError):
        raise part.place.error(f"{kinds[0]} goes with other values") from None
    if len(chunks) > MAX_CHUNKS:
        raise LimitExceeded("parts of a substring", len(chunks))
    return rx.union([rx.EPSILON, _runs(chunks, _begins(chunks), _ends(chunks))])


def _runs(chunks: list[rx.Node], begins: rx.Node, ends: rx.Node) -> rx.Node:
    """Any run of some `chunks`: in the first half, in the second one, or over the middle."""
    if len(chunks) < 2:
        return rx.union([begins, ends])
    left, right = chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]
    left_ends, right_begins = _ends(left), _begins(right)
    middle = rx.concat([left_ends, right_begins])
    return rx.union([_runs(left, begins, left_ends), middle, _runs(right, right_begins, ends)])


def _begins(chunks: list[rx.Node]) -> rx.Node:
    """The first few of `chunks`, or none."""
    if len(chunks) < 2:
        return rx.union([rx.EPSILON, *chunks])
    left, right = chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]
    return rx.union([_begins(left), rx.concat([*left, _begins(right)])])


def _ends(chunks: list[rx.Node]) -> rx.Node:
    """The last few of `chunks`, or none."""
    if len(chunks) < 2:
        return rx.union([rx.EPSILON, *chunks])
    left, right = chunks[: len(chunks) // 2], chunks[len(chunks) // 2 :]
    return rx.union([_ends(right), rx.concat([_ends(left), *right])])


_CHUNKS: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "substring_chars": lambda value: list(value + ""),
    "substring_words": lambda value: re.findall(r"\w+|\s+|[^\w\s]+", value),
    "substring_chunks": lambda value: [chunk + "" for chunk in value],
}
