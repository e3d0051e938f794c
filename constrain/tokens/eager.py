"""Whole token tables of a grammar without recursion: a state is a number, a step one look-up.

Tokens that lead to the same state from everywhere form a class, of which there are few. State 0
is DEAD, state 1 is the END that an end token leads to; both lead to themselves.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded

from .byte_table import ByteTable
from .preorder import Preorder
from .vocabulary import Vocabulary

DEAD, END, FIRST = 0, 1, 2

ODD = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True, eq=False)
class EagerTables:
    """Arrays are not to be written to. Law: mask bit of t in state s == (after(s, t) != DEAD)."""

    next: NDArray[np.int32]  # [states, classes]
    class_of: NDArray[np.int32]  # [vocab] token -> class
    accepting: NDArray[np.bool_]  # [states]
    needed: NDArray[np.int64]  # [states] fewest tokens to the end, end token included
    start: int

    def after(self, state: int, token_id: int) -> int:
        """The state after a token."""
        return int(self.next[state, self.class_of[token_id]])


def build(
    table: ByteTable,
    needed: NDArray[np.int64],
    vocabulary: Vocabulary,
    trie: Preorder,
    max_bytes: int,
) -> EagerTables:
    """The tables, from the bytes of all states and how many tokens each needs to the end.

    needed: [states of `table`]; states from which tokens lead nowhere have more than 2 ** 29.
    Walks the vocabulary twice per state. Raises LimitExceeded beyond `max_bytes`.
    """
    viable = needed < 1 << 29
    number = np.where(viable, np.arange(len(table)) + FIRST, DEAD).astype(np.int32)
    number = np.append(number, np.int32(DEAD))  # for a dead byte, -1
    representative, class_of_word = _classes(table, number, trie, max_bytes)
    n_classes = len(representative)
    after = np.full((len(table) + FIRST, n_classes + 2), DEAD, np.int32)
    no_text, ends = n_classes, n_classes + 1
    for state in np.flatnonzero(viable).tolist():
        targets = number[table.after_words(state)]
        row = after[state + FIRST]
        row[:n_classes] = targets[representative]
        assert np.array_equal(row[class_of_word], targets)  # no two columns had one hash
        row[ends] = END if table.accepts(state) else DEAD
    after[END] = END
    accepting = np.array([False, False, *map(table.accepts, range(len(table)))])
    class_of = np.append(class_of_word, no_text).astype(np.int32)[trie.word_of]
    class_of[list(vocabulary.eos_token_ids)] = ends
    all_needed = np.concatenate([[1 << 30, 0], needed + 1])
    return EagerTables(after, class_of, accepting, all_needed, int(number[0]))


def _classes(
    table: ByteTable, number: NDArray[np.int32], trie: Preorder, max_bytes: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(a word of each class, the class of each word): by a hash of all that a word leads to."""
    keys = np.zeros(trie.n_words, np.uint64)
    for state in np.flatnonzero(number[:-1]).tolist():
        keys = (keys ^ number[table.after_words(state)].astype(np.uint64)) * ODD
        keys ^= keys >> np.uint64(29)
    _, representative, class_of_word = np.unique(keys, return_index=True, return_inverse=True)
    size = 4 * (len(table) + FIRST) * (len(representative) + 2)
    if size > max_bytes:
        note = f"{len(table)} states, {len(representative)} classes of tokens"
        raise LimitExceeded("bytes of an eager table", size, note)
    return representative, class_of_word
