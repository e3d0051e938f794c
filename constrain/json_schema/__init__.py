"""JSON Schema (drafts 2020-12 to 4) to grammars: exact, or refused aloud.

    source      ways to write a schema down -> canonical text and a private copy
    drafts      older drafts -> the words of the newest
    references  `$id`, anchors and other documents -> pointers into one document
    survey      the one pass before the first mask: checks, references, emptiness
    expansion   allOf, anyOf, oneOf, not, if, $ref -> a choice between plain nodes
    objects     (and arrays) that need memory -> states, each a rule of its own
    rules       the grammar's rules, each lowered when text first reaches it

What a schema stands for here is a set of JSON texts:

- no white space before or after the value; inside, runs of up to 256 bytes, or none at all with
  `whitespace="compact"`;
- declared properties come in the order of the schema, then required names that are not
  declared, then others (`property_order="any"`: in any order); declared names are never repeated;
- an integer is `-?(0|[1-9][0-9]*)`, perhaps with a fraction of zeros; multiples have no exponent,
  numbers with bounds one digit before the point if they have one; any other number is what
  RFC 8259 says;
- `enum`, `const`, names beside declared ones and strings with a `pattern` or `format` have their
  canonical spelling (see `values`, `strings`); all other strings may be escaped in any way;
- formats are asserted; those that are not regular stand for a language inside them (`formats`);
- a reference that leads only to itself is satisfied by nothing.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field, replace
from types import FunctionType, MethodType
from typing import Any

from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax.grammar import Grammar

from . import pointers, source
from .options import Options
from .reading import Reading, read
from .rules import SchemaRules

__all__ = ["Options", "SchemaGrammar", "grammar"]


@dataclass(frozen=True, eq=False)
class SchemaGrammar(Grammar):
    """The grammar of a schema; knows the type that the schema was made from, if any."""

    given: Any = field(default=None, repr=False)

    def parse(self, text: str | bytes) -> Any:
        """Read a text of this grammar: an instance of the type that it was made from, else plain
        JSON values (for a function, its arguments by name). Raises what pydantic or json raise.
        """
        if self.given is None:
            return json.loads(text)
        import pydantic

        return pydantic.TypeAdapter(self.given).validate_json(text)


def grammar(schema: Any, registry: Any = None, **options: Any) -> SchemaGrammar:
    """The JSON texts that `schema` allows.

    schema: a dict, a bool, JSON text, a pydantic model, or anything that pydantic describes:
        dataclasses, TypedDict, Literal, Enum, list[int], unions, functions (their arguments).
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


def _grammar(schema: Any, registry: Any, chosen: Options) -> SchemaGrammar:
    found = read(schema, registry, chosen)
    plain = replace(chosen, on_unsupported="error")
    rules: SchemaRules | None = None
    while rules is None:
        try:
            rules = SchemaRules(found.text, found.root, found.draft, plain)
        except Unsupported as refused:
            found = _without(found, refused, chosen)
    key = ("json_schema", found.text, plain)
    return SchemaGrammar(key=key, rules=rules, start=rules.start, ready=True, given=_type(schema))


def _without(found: Reading, refused: Unsupported, chosen: Options) -> Reading:
    """The schema less the keyword that was refused, if the caller takes note of it."""
    if chosen.on_unsupported == "error" or not isinstance(refused.where, str):
        raise refused
    place, _, keyword = refused.where.rpartition("/")
    try:
        del pointers.resolve(found.root, place)[pointers.unescape(keyword)]
    except (LookupError, TypeError):
        raise refused from None
    chosen.on_unsupported(refused.where, refused.feature)
    text = source.write(found.root)
    return Reading(text, source.parse(text), found.draft)


def _type(schema: Any) -> Any:
    """What texts are read back into: a type that was given as the schema, else None."""
    is_schema = isinstance(schema, str | bytes | bytearray | dict | bool)
    return None if is_schema or isinstance(schema, FunctionType | MethodType) else schema
