"""JSON Schema (drafts 2020-12 to 4) to grammars: exact, or refused aloud.

    source      ways to write a schema down -> canonical text and a private copy
    drafts      older drafts -> the words of the newest
    references  `$id`, anchors and other documents -> pointers into one document
    survey      the one pass before the first mask: checks, references, emptiness
    rules       the grammar's rules, each lowered when text first reaches it

What a schema stands for here is a set of JSON texts:

- no white space before or after the value; inside, runs of up to 256 bytes, or none at all with
  `whitespace="compact"`;
- declared properties come in the order of the schema, then required names that are not
  declared, then others; declared names are never repeated;
- an integer is `-?(0|[1-9][0-9]*)`, perhaps with a fraction of zeros; a number with bounds has no
  exponent; any other number is what RFC 8259 says;
- `enum`, `const`, names beside declared ones and strings with a `pattern` have their canonical
  spelling (see `values`, `strings`); all other strings may be escaped in any way;
- a reference that leads only to itself is satisfied by nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from constrain.errors import LimitExceeded, SpecError
from constrain.syntax.grammar import Grammar

from . import drafts, references, source
from .rules import SchemaRules

__all__ = ["Options", "grammar"]

_SPACE_LIMITS = {"any": 256, "compact": 0}


@dataclass(frozen=True, slots=True)
class Options:
    """How schemas are read and JSON is written.

    whitespace: "any" or "compact".
    draft: "2020-12", "2019-09", "7", "6" or "4"; None: what `$schema` says, or the newest.
    """

    whitespace: str = "any"
    draft: str | None = None

    def __post_init__(self) -> None:
        _check("whitespace", self.whitespace, _SPACE_LIMITS)
        if self.draft is not None:
            _check("draft", self.draft, drafts.DRAFTS)


def _check(option: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        names = ", ".join(f'"{name}"' for name in known)
        raise SpecError(f"{option} is one of {names}, not {value!r}")


def grammar(schema: Any, registry: Any = None, **options: Any) -> Grammar:
    """The JSON texts that `schema` allows.

    schema: a dict, a bool, JSON text, a pydantic model, or any type that pydantic describes.
    registry: a `referencing.Registry` in which references to other documents are looked up.
    options: fields of `Options`.

    Costs some microseconds for each node of the schema; rules are lowered later, on demand.
    Raises SchemaError for what is not a schema, Unsupported (with a JSON pointer) for what
    cannot be honoured exactly, EmptyLanguage for a schema that nothing satisfies.
    """
    try:
        return _grammar(schema, registry, Options(**options))
    except RecursionError:
        depth = sys.getrecursionlimit()
        raise LimitExceeded("nesting of the schema", depth, "flatten it with $defs") from None


def _grammar(schema: Any, registry: Any, chosen: Options) -> Grammar:
    text, root = source.read(schema)
    draft = drafts.draft_of(root, chosen.draft)
    changed = drafts.modernize(root, text, draft)
    if changed or references.are_needed(text, registry):
        references.bundle(root, registry)
        text = source.write(root)
    rules = SchemaRules(text, root, draft, _SPACE_LIMITS[chosen.whitespace])
    key = ("json_schema", text, chosen)
    return Grammar(key=key, rules=rules, start=rules.start, ready=True)
