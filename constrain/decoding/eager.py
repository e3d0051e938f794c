"""A constraint whose tables are all there from the start: for devices, and for many sequences."""

from __future__ import annotations

from collections import OrderedDict
from operator import index

import numpy as np

from constrain.automata.assembly import runnable
from constrain.automata.normal_form import is_recursive
from constrain.errors import EmptyLanguage, TokenRejected, Unsupported
from constrain.syntax.grammar import Grammar
from constrain.tokens.byte_table import ByteTable
from constrain.tokens.eager import DEAD, END, EagerTables, build
from constrain.tokens.engine import Engine
from constrain.tokens.preorder import preorder
from constrain.tokens.storage import tables
from constrain.tokens.vocabulary import Vocabulary

from .constraint import Mask
from .distances import NEVER, Exact

MAX_STATES = 20_000
MAX_KEPT = 512


class EagerConstraint:
    """A Constraint whose states are numbers. Made by `compile(..., tables="eager")`.

    Answers what a Constraint does about tokens; `tables` are plain arrays. Safe to share.
    """

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, tables: EagerTables):
        self.grammar = grammar
        self.vocabulary = vocabulary
        self.tables = tables
        self._masks: OrderedDict[int, Mask] = OrderedDict()

    def __repr__(self) -> str:
        return f"EagerConstraint({self.grammar!r}, {self.vocabulary!r})"

    def init(self) -> int:
        """The state of a text that has not begun."""
        return self.tables.start

    def mask(self, state: int) -> Mask:
        """Which tokens may come next, read-only; those of the last few states are kept."""
        mask = self._masks.get(state)
        if mask is None:
            mask = self._masks[state] = self._mask(state)
            if len(self._masks) > MAX_KEPT:
                self._masks.pop(next(iter(self._masks)), None)
        return mask

    def advance(self, state: int, token_id: int) -> int:
        """The state after a token: one look-up. Raises TokenRejected."""
        if not 0 <= index(token_id) < len(self.vocabulary):
            raise TokenRejected(f"token id {token_id} is outside the vocabulary", token_id, state)
        after = DEAD if state == END else self.tables.after(state, token_id)
        if after == DEAD:
            what = (
                "the text has already ended" if state == END else f"token {token_id} may not come"
            )
            raise TokenRejected(what, token_id, state)
        return after

    def accepts(self, state: int) -> bool:
        """May the text end here?"""
        return state == END or bool(self.tables.accepting[state])

    def is_terminal(self, state: int) -> bool:
        """Has an end token been read?"""
        return state == END

    def _mask(self, state: int) -> Mask:
        bits = np.zeros(32 * self.vocabulary.n_words, np.bool_)
        if state != END:
            bits[: len(self.vocabulary)] = (self.tables.next[state] != DEAD)[self.tables.class_of]
        mask = np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32, copy=False)
        mask.setflags(write=False)
        return mask


def compile_eagerly(grammar: Grammar, vocabulary: Vocabulary, max_bytes: int) -> EagerConstraint:
    """All tables at once. Raises Unsupported for recursive grammars, LimitExceeded, EmptyLanguage.

    Some milliseconds per hundred states for 131,072 tokens; masks take what `check` means for
    spelling: only what tokens can finish.
    """
    if grammar.tokens:
        raise Unsupported("eager tables of a grammar that names special tokens")
    form = runnable(grammar)
    if is_recursive(form):
        raise Unsupported("an eager table of a recursive grammar", note='use tables="lazy"')
    engine = Engine(form, tables(vocabulary), vocabulary.n_words, max_bytes)
    try:
        trie = preorder(vocabulary)
        table = ByteTable(engine, trie, MAX_STATES)
        distances = Exact(table)
        needed = distances.of_states(np.arange(len(table), dtype=np.int32))
        if needed[0] >= NEVER:
            raise EmptyLanguage("tokens spell no text of the grammar")
        return EagerConstraint(
            grammar, vocabulary, build(table, needed, vocabulary, trie, max_bytes)
        )
    finally:
        engine.close()
