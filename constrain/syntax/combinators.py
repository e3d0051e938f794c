"""Grammars written as code: characters, sequences, unions and rules that refer to each other.

>>> value = ref("value")
>>> nested = rules(value=chars("0-9").repeat(1) | "[" + value.separated_by(",") + "]")

Beside these functions there are the operators of Grammar: `+`, `|`, `&`, `-`, `repeat`,
`optional`, `separated_by`. Wherever a Grammar is wanted a text will do.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from constrain.errors import SpecError

from . import regex_parser
from .grammar import (
    Call,
    Composition,
    Embedded,
    Expr,
    Grammar,
    Operand,
    Regular,
    alternated,
    composed,
    concatenated,
    grammar_of,
)
from .regex_ast import Chars


@dataclass(frozen=True, slots=True)
class Reference:
    """Names a rule that is defined by the `rules` around the place where it is used."""

    name: str


def chars(members: str) -> Grammar:
    """One character out of a class, written as between the brackets of a regular expression.

    Raises SpecError for what is no class.

    >>> chars("a-z_").rules["start"].node.ranges
    ((95, 95), (97, 122))
    """
    node = regex_parser.parse(f"[{members}]").node
    if not isinstance(node, Chars):
        raise SpecError(rf'chars({members!r}) is no class of characters; escape "]" as "\]"')
    return Grammar(("chars", node.ranges), {"start": Regular(node)})


def seq(*parts: Operand) -> Grammar:
    """A text of each part, one after the other; nothing for no parts."""
    return concatenated(parts)


def union(*parts: Operand) -> Grammar:
    """A text of one of the parts."""
    return alternated(parts)


def star(part: Operand) -> Grammar:
    """Any number of texts of `part`, also none."""
    return grammar_of(part).repeat()


def ref(name: str) -> Grammar:
    """What `rules` will define by this name, for rules that hold themselves or each other."""
    return composed("ref", (name,), Call(Reference(name)))


def rules(start: str | None = None, /, **definitions: Operand) -> Grammar:
    """The grammar of these definitions, in which `ref(name)` stands for the one of that name.

    start: the definition that a text begins with; the first one by default. A name that is used
    but not defined here may be defined by other `rules` around this grammar.
    """
    first = start if start is not None else next(iter(definitions), None)
    if first not in definitions:
        known = ", ".join(definitions) or "none"
        raise SpecError(f'there is no rule "{first}" to start with; defined are {known}')
    parts = {name: concatenated((part,)) for name, part in definitions.items()}
    key = Composition(("rules", first, *parts), tuple(part.key for part in parts.values()))
    exprs: dict[Hashable, Expr] = {Reference(n): Embedded(part) for n, part in parts.items()}
    return Grammar(key, exprs, Reference(first))
