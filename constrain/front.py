"""The front doors: what a user writes down, turned into a Grammar.

Each door loads its own parser when it is first used, so that a program that only ever uses
regular expressions never loads the grammar reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from constrain.errors import EmptyLanguage, SpecError
from constrain.resources import library_names, library_text
from constrain.syntax.grammar import (
    Expr,
    Grammar,
    Regular,
    Words,
    choice as choice_of,
    grammar_of,
    utf8,
)

MAX_WORD_BYTES = 12_000_000
"""Bytes of words that the engine takes at once; more come in parts of PART_BYTES."""

PART_BYTES = 2_000_000


def regex(pattern: str | bytes, dialect: str = "python") -> Grammar:
    """The strings that `pattern` matches as a whole, text being UTF-8.

    dialect: "python", or "ecma" for ECMA-262 (JavaScript) with its flag `u`.

    Raises RegexSyntaxError for a pattern that cannot be read, Unsupported for one that cannot
    be honoured exactly.
    """
    from constrain.syntax import regex_parser

    pattern = _text(pattern)
    parsed = regex_parser.parse(pattern, dialect=dialect)
    return _single(("regex", pattern, dialect), Regular(parsed.node))


def cfg(
    text: str | bytes,
    start: str | None = None,
    syntax: str = "lark",
    lexer: str | None = None,
    *,
    imports: Mapping[str, str] | Callable[[str], str | None] | None = None,
    declared: Mapping[str, str] | None = None,
) -> Grammar:
    """The language of a context-free grammar.

    start: the start rule; by default "start", in GBNF "root".
    syntax: how `text` is written; "lark", or "gbnf" as llama.cpp has it.
    lexer: "contextual" (the default: longest lexemes, `%ignore` between them) or
        "scannerless" (every split into terminals counts; GBNF means always this).
    imports: for Lark, texts of the grammars that `%import` may name, by path as written
        (".names", "my.names"); Lark's own and those of `library` are there anyway.
    declared: for Lark, the special tokens that `%declare`d terminals stand for, as in
        {"TOOL": "<|tool|>"} or {"TOOL": "<[10-20]>"}.

    Raises GrammarSyntaxError for a grammar that cannot be read, Unsupported for one that
    cannot be honoured exactly.
    """
    if syntax not in _CFG_SYNTAXES:
        known = ", ".join(f'"{name}"' for name in _CFG_SYNTAXES)
        raise SpecError(f'unknown grammar syntax "{syntax}"; this version knows {known}')
    options = {"imports": imports, "declared": declared}
    given = {name: option for name, option in options.items() if option is not None}
    return _CFG_SYNTAXES[syntax](_text(text), start, lexer, **given)


def json_schema(schema: Any, registry: Any = None, **options: Any) -> Grammar:
    """The JSON texts that `schema` (a dict, a JSON text or a bool) allows.

    Raises SchemaError for what is not a schema, Unsupported with a JSON pointer for a keyword
    that cannot be honoured exactly.
    """
    from constrain.json_schema import grammar

    return grammar(schema, registry=registry, **options)


def inspect(spec: Any, **options: Any) -> Any:
    """What is worth knowing about a grammar, or about a JSON Schema, before it is used.

    spec: a Grammar (then a `constrain.automata.inspection.Report` comes back) or whatever
        `json_schema` takes (a `constrain.json_schema.inspection.SchemaReport`).
    options: those of the function `inspect` in either module.
    """
    if isinstance(spec, Grammar):
        from constrain.automata import inspection

        return inspection.inspect(spec, **options)
    from constrain.json_schema import inspection as of_schemas

    return of_schemas.inspect(spec, **options)


def json() -> Grammar:
    """Any JSON text of RFC 8259: any value, any white space, equal names allowed."""
    from constrain.automata import json_rules

    return json_rules.json_grammar()


def choice(texts: Iterable[str | bytes]) -> Grammar:
    """One of `texts`; costs the same for three of them as for ten thousand."""
    if isinstance(texts, str | bytes):
        raise SpecError(f"choice() takes a list of texts, not one text; try choice([{texts!r}])")
    words = tuple(sorted({utf8(text) for text in texts}))
    if not words:
        raise EmptyLanguage("choice() was given no texts, so no text would fit")
    return _single(("choice", words), _words(words))


def literal(text: str | bytes) -> Grammar:
    """Exactly `text`."""
    return grammar_of(text)


def library(name: str) -> Grammar:
    """A grammar that comes with the package, such as "json", "python", "smiles" or "email".

    What there is stands in `grammars/`: each says in its head what it covers, after which standard.
    Raises SpecError with all names for one that is not there.
    """
    try:
        ending, text = library_text(name)
    except KeyError:
        known = ", ".join(library_names())
        raise SpecError(f'no grammar "{name}" in the library; it has {known}') from None
    return _LIBRARY_READERS[ending](text)


def _words(words: tuple[bytes, ...]) -> Expr:
    """All of `words`; very many in parts, which the engine can take one after the other."""
    n_bytes = sum(map(len, words))
    n_parts = 1 + n_bytes // PART_BYTES if n_bytes > MAX_WORD_BYTES else 1
    size = -(-len(words) // n_parts)
    return choice_of(Words(words[i : i + size]) for i in range(0, len(words), size))


def _text(spec: str | bytes) -> str:
    """A spec as text. Raises SpecError for bytes that are no UTF-8, and for anything else."""
    if isinstance(spec, bytes):
        try:
            return spec.decode()
        except UnicodeDecodeError as error:
            shown, span = spec.decode("latin-1"), (error.start, error.end)
            raise SpecError("these bytes are no UTF-8", shown, span) from None
    if not isinstance(spec, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SpecError(f"expected a text, found {spec!r}")
    return spec


def _single(key: tuple[Any, ...], expr: Expr) -> Grammar:
    return Grammar(key=key, rules={"start": expr})


def _lark(text: str, start: str | None, lexer: str | None, **options: Any) -> Grammar:
    from constrain.syntax import lark_grammar

    return lark_grammar.parse(
        text, start or "start", lexer or "contextual", json_schema=json_schema, **options
    )


def _gbnf(text: str, start: str | None, lexer: str | None, **options: Any) -> Grammar:
    from constrain.syntax import gbnf

    if lexer not in (None, "scannerless"):
        raise SpecError(f'a grammar in GBNF has no lexer, so none is "{lexer}"')
    if options:
        raise SpecError(f"a grammar in GBNF takes no {' and no '.join(options)}")
    return gbnf.parse(text, start or "root")


def _verbose_regex(text: str) -> Grammar:
    return regex(text.strip())


_CFG_SYNTAXES: dict[str, Callable[..., Grammar]] = {
    "lark": _lark,
    "gbnf": _gbnf,
}

_LIBRARY_READERS: dict[str, Callable[[str], Grammar]] = {".lark": cfg, ".regex": _verbose_regex}
