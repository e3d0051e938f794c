"""Texts that are finished in time: a constraint that knows how many tokens are left.

A token is allowed only if the shortest completion after it still fits, so that no text is ever
cut off. The result is a constraint like any other: for `generate`, for processors, for inference.
"""

from __future__ import annotations

import threading
import weakref
from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from constrain.automata.assembly import runnable
from constrain.automata.normal_form import is_recursive
from constrain.errors import EmptyLanguage, LimitExceeded, TokenRejected, Unsupported
from constrain.syntax.grammar import Grammar
from constrain.tokens.byte_table import ByteTable
from constrain.tokens.engine import Engine
from constrain.tokens.preorder import preorder
from constrain.tokens.storage import tables
from constrain.tokens.vocabulary import Vocabulary

from .constraint import Constraint, Mask, State
from .distances import NEVER, Distances, Exact, Searched

MAX_STATES = 20_000
MAX_BYTES = 1 << 29
MAX_MASKS = 256


class Place(NamedTuple):
    """Where one sequence stands in a Budgeted constraint."""

    state: State  # of the constraint itself
    row: int  # of the table of bytes
    left: int  # tokens that may still come, the end token among them


class Service:
    """Distances to the end of a text for one grammar and vocabulary; made once, then shared."""

    def __init__(self, grammar: Grammar, vocabulary: Vocabulary, max_states: int = MAX_STATES):
        if grammar.tokens:
            raise Unsupported("budgets of a grammar that names special tokens")
        form = runnable(grammar)
        engine = Engine(form, tables(vocabulary), vocabulary.n_words, MAX_BYTES)
        weakref.finalize(self, engine.close)
        self.vocabulary = vocabulary
        self.lock = threading.RLock()
        self.trie = preorder(vocabulary)
        self.table = ByteTable(engine, self.trie, max_states)
        recursive = is_recursive(form)
        self.distances: Distances = (
            Searched(self.table, vocabulary) if recursive else Exact(self.table)
        )
        self._masks: OrderedDict[tuple[int, int], Mask] = OrderedDict()

    def mask(self, row: int, left: int) -> Mask:
        """The tokens after which what is needed fits into `left - 1`, the end token included."""
        key = row, left
        if key in self._masks:
            self._masks.move_to_end(key)
            return self._masks[key]
        fits = self.distances.of_states(self.table.after_words(row)) + 1 <= left - 1
        allowed = self.trie.of_tokens(fits)
        if self.table.accepts(row) and left >= 1:
            allowed[list(self.vocabulary.eos_token_ids)] = True
        mask = self._masks[key] = _packed(allowed, self.vocabulary.n_words)
        if len(self._masks) > MAX_MASKS:
            self._masks.popitem(last=False)
        return mask


class Budgeted:
    """A constraint whose texts take at most `max_tokens` tokens, the end token included.

    Made by `within`. Masks are those of the constraint while any token leaves enough room.
    """

    def __init__(self, constraint: Constraint, service: Service, max_tokens: int):
        self.constraint = constraint
        self.vocabulary = constraint.vocabulary
        self.max_tokens = max_tokens
        self._service = service

    def __repr__(self) -> str:
        return f"within({self.constraint!r}, {self.max_tokens})"

    def init(self) -> Place:
        return Place(self.constraint.init(), 0, self.max_tokens)

    def mask(self, state: Place) -> Mask:
        """Which tokens may come next; some completion within what is left goes on with each."""
        if self.is_terminal(state):
            return self.constraint.mask(state.state)
        service = self._service
        with service.lock:
            if service.distances.worst(state.row) + 1 > state.left - 1:
                return service.mask(state.row, state.left)
        return self.constraint.mask(state.state)

    def advance(self, state: Place, token_id: int) -> Place:
        """The state after a token. Raises TokenRejected, also where too few tokens are left."""
        after = self.constraint.advance(state.state, token_id)
        left = state.left - 1
        if self.constraint.is_terminal(after):
            return Place(after, state.row, left)
        service = self._service
        with service.lock:
            row = service.table.run(state.row, self.vocabulary.tokens[token_id] or b"")
            needed = service.distances.needed(row) + 1
        if needed > left:
            raise TokenRejected(
                f"after this token a text needs {needed} more, but {left} are left", token_id, state
            )
        return Place(after, row, left)

    def accepts(self, state: Place) -> bool:
        return self.constraint.accepts(state.state)

    def is_terminal(self, state: Place) -> bool:
        return self.constraint.is_terminal(state.state)

    def needed(self, state: Place) -> int:
        """The fewest tokens that finish the text, the end token included (0 once it has come).

        Exact unless the grammar is recursive: then some completion takes so many.
        """
        if self.is_terminal(state):
            return 0
        with self._service.lock:
            return self._service.distances.needed(state.row) + 1


_services: weakref.WeakKeyDictionary[Any, Service] = weakref.WeakKeyDictionary()


def within(constraint: Constraint, max_tokens: int) -> Budgeted:
    """The constraint's texts that take at most `max_tokens` tokens, the end token included.

    The first call for a constraint builds its distances: all states for a grammar without
    recursion (up to some seconds; LimitExceeded beyond 20,000 states); for a recursive one
    they are found as they are needed, as upper bounds. Raises EmptyLanguage where no text fits,
    and LimitExceeded where a recursive grammar's bound does not.
    """
    service = _services.get(constraint)
    if service is None:
        service = _services[constraint] = Service(constraint.grammar, constraint.vocabulary)
    with service.lock:
        needed = service.distances.needed(0) + 1
        exact = service.distances.exact
    if needed > max_tokens:
        found = "tokens spell no text" if needed > NEVER else f"the shortest text takes {needed}"
        message = f"no text fits into {max_tokens} tokens, the end token included: {found}"
        if exact:
            raise EmptyLanguage(message)
        raise LimitExceeded("tokens", needed, f"the shortest text known does not fit {max_tokens}")
    return Budgeted(constraint, service, max_tokens)


def _packed(allowed: NDArray[np.bool_], n_words: int) -> Mask:
    bits = np.zeros(32 * n_words, np.bool_)
    bits[: len(allowed)] = allowed
    mask = np.packbits(bits, bitorder="little").view("<u4").astype(np.uint32, copy=False)
    mask.setflags(write=False)
    return mask
