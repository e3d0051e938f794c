"""From a grammar and a vocabulary to a constraint."""

from __future__ import annotations

from constrain.automata.normal_form import normal_form
from constrain.syntax.grammar import Grammar
from constrain.tokens.engine import Engine
from constrain.tokens.storage import tables
from constrain.tokens.vocabulary import Vocabulary

from .constraint import Constraint

MAX_BYTES = 1 << 29


def compile(grammar: Grammar, vocabulary: Vocabulary, *, max_bytes: int = MAX_BYTES) -> Constraint:
    """Compile a grammar for a vocabulary. Lazy: tables fill as text needs them.

    max_bytes: bound on what one constraint may hold; LimitExceeded where that is not enough.
    Raises EmptyLanguage, LimitExceeded, Unsupported. The first use of a vocabulary on a machine
    builds its tables (0.3 s for 131,072 tokens); later processes read them from disk.
    """
    engine = Engine(normal_form(grammar), tables(vocabulary), vocabulary.n_words, max_bytes)
    return Constraint(grammar, vocabulary, engine)
