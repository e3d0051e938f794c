"""From a grammar and a vocabulary to a constraint."""

from __future__ import annotations

from collections.abc import Set
from typing import Literal, TypeAlias, overload

from constrain.automata.alphabet import UTF8, missing_bytes
from constrain.automata.assembly import runnable
from constrain.automata.lexing import never_stuck
from constrain.automata.normal_form import NormalForm, is_recursive
from constrain.errors import EmptyLanguage, SpecError, Unsupported
from constrain.syntax.grammar import Grammar
from constrain.tokens.engine import Engine
from constrain.tokens.storage import tables as tables_of
from constrain.tokens.vocabulary import Vocabulary

from .constraint import Constraint
from .eager import EagerConstraint, compile_eagerly
from .special_tokens import spelled_out, with_special_tokens
from .viability import LookaheadEngine

MAX_BYTES = 1 << 29

Spelling: TypeAlias = Literal["check", "assume"]


@overload
def compile(
    grammar: Grammar,
    vocabulary: Vocabulary,
    *,
    spelling: Spelling = "check",
    max_bytes: int = MAX_BYTES,
    tables: Literal["lazy"] = "lazy",
) -> Constraint: ...


@overload
def compile(
    grammar: Grammar,
    vocabulary: Vocabulary,
    *,
    max_bytes: int = MAX_BYTES,
    tables: Literal["eager"],
) -> EagerConstraint: ...


def compile(
    grammar: Grammar,
    vocabulary: Vocabulary,
    *,
    spelling: Spelling = "check",
    max_bytes: int = MAX_BYTES,
    tables: Literal["lazy", "eager"] = "lazy",
) -> Constraint | EagerConstraint:
    """Compile a grammar for a vocabulary. Lazy: tables fill as text needs them.

    spelling: what to do where the vocabulary lacks single bytes that texts of the grammar may
        hold. "check": masks allow only what can be finished with the tokens there are, found on
        the graph of tokens; a recursive grammar raises Unsupported. "assume": masks allow what
        can be finished by some bytes, whether or not there are tokens for them.
    max_bytes: bound on what one constraint may hold; LimitExceeded where that is not enough.
    tables: "eager" builds all of them now, for grammars without recursion and not too many
        states; see `EagerConstraint`.

    Raises EmptyLanguage, LimitExceeded, Unsupported. The first use of a vocabulary on a machine
    builds its tables (0.3 s for 131,072 tokens); later processes read them from disk.
    """
    if spelling not in ("check", "assume"):
        raise SpecError(f'spelling is "check" or "assume", not {spelling!r}')
    if tables not in ("lazy", "eager"):
        raise SpecError(f'tables are "lazy" or "eager", not {tables!r}')
    if grammar.tokens:
        grammar = spelled_out(grammar, vocabulary)
        vocabulary = with_special_tokens(vocabulary)
    if tables == "eager":
        return compile_eagerly(grammar, vocabulary, max_bytes)
    form = runnable(grammar)
    missing = _missing(grammar, form, vocabulary) if spelling == "check" else frozenset[int]()
    if missing and is_recursive(form):
        raise Unsupported(
            "a context-free grammar for a vocabulary that cannot spell every byte",
            note=f'no token is {_listed(missing)} alone; spelling="assume" ignores that',
        )
    arguments = form, tables_of(vocabulary), vocabulary.n_words, max_bytes
    if not missing and (not form.terminals or never_stuck(form)):
        return Constraint(grammar, vocabulary, Engine(*arguments))
    engine = LookaheadEngine(*arguments, by_tokens=bool(missing))
    try:
        if not engine.viable(engine.start):
            raise EmptyLanguage(_emptiness(missing))
    except BaseException:
        engine.close()
        raise
    return Constraint(grammar, vocabulary, engine)


def _missing(grammar: Grammar, form: NormalForm, vocabulary: Vocabulary) -> Set[int]:
    """Bytes that texts may hold and that are no token of their own."""
    have = vocabulary.single_bytes
    if grammar.ready and have >= UTF8:  # JSON, whose rules are better not all built for this
        return frozenset()
    return missing_bytes(form, have)


def _emptiness(missing: Set[int]) -> str:
    if missing:
        return f"tokens spell no text of the grammar: none is {_listed(missing)} alone"
    return "no text fits the grammar: its terminals, matched as long as can be, never fit its rules"


def _listed(missing: Set[int], most: int = 8) -> str:
    shown = ", ".join(ascii(bytes([byte]))[1:] for byte in sorted(missing)[:most])
    return shown + (f" (or any of {len(missing) - most} more)" if len(missing) > most else "")
