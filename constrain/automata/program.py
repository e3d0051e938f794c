"""The byte program that a grammar is lowered to, and the builder that grows it.

A program is a flat list of int32 words. A word below 256 matches that byte; any other is an
instruction `256 + op + 16 * arg`, perhaps with operand words behind it. Programs are run by
threads (program counter, sub-state, count, stack), as in Thompson's and Pike's regular
expression machines, with a stack of return addresses for context-free rules.

Regular pieces stand in *fragments*: code that calls no rule and ends in RETURN. A fragment is
entered through AUTOMATON or COUNTED, whose sub-state is the (lazily built) deterministic state
of the fragment, so that one thread stands for the whole automaton.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from constrain.errors import LimitExceeded

(
    SET,  # arg: byte set
    JUMP,  # arg: target
    SPLIT,  # arg: n; then n targets
    CALL,  # arg: rule
    RETURN,
    AUTOMATON,  # arg: fragment entry; then entry configuration (set by the engine), bits: may it
    # be dense; for a character class what it has of the kinds beyond ASCII, then what nothing of
    COUNTED,  # arg: fragment entry of a unit's star; then entry configuration, lo, hi (-1: no end)
    LOOP,  # then lo, hi (-1: no end), body; the exit is the next instruction
    NEXT,  # arg: the LOOP whose count goes up
    WORDS,  # arg: trie
    KEYS,  # arg: object record; then next member, whether other names are allowed
    SPACE,  # arg: 0 without end, else 1 + most bytes
    LEXEME,  # arg: terminal; parks a parser thread at the border between two lexemes
    TERMINAL,  # arg: terminal; runs one terminal's automaton inside a lexer state
) = range(14)

N_HEADER = 16  # words 0..15 of a program are never executed: 0 is "nowhere"


def word(op: int, arg: int = 0) -> int:
    """The instruction word of `op` with `arg`."""
    return 256 + op + 16 * arg


@dataclass(frozen=True, slots=True)
class TerminalCode:
    """A terminal as the engine sees it."""

    name: str
    pc: int  # its TERMINAL instruction
    entry: int  # its fragment
    rank: int
    lazy: bool
    ignored: bool


class Program:
    """Instructions, byte sets, tries and rule table; appended to, never changed.

    `code` may be patched only between `reserve` and the end of the same lowering step.
    """

    def __init__(self, max_words: int = 4_000_000):
        self.code: list[int] = [0] * N_HEADER
        self.sets: list[bytes] = []  # 32 bytes each: bit b of the set
        self.tries: list[tuple[Sequence[bytes], bool]] = []  # words, are they object names
        self.rules: list[int] = [0]  # rule -> entry, 0 while not lowered
        self.terminals: list[TerminalCode] = []
        self.fragments: list[tuple[int, Hashable]] = []  # (entry, content), by entry
        self.max_words = max_words
        self.set_ids: dict[bytes, int] = {}

    def here(self) -> int:
        return len(self.code)

    def emit(self, words: Iterable[int]) -> int:
        """Append words and return where they start."""
        start = len(self.code)
        self.code.extend(words)
        if len(self.code) > self.max_words:
            raise LimitExceeded(
                "program words", len(self.code), "use smaller bounds or simpler patterns"
            )
        return start

    def patch(self, at: int, value: int) -> None:
        self.code[at] = value

    def byte_set(self, members: Iterable[int]) -> int:
        """Index of the set with these bytes."""
        bits = 0
        for b in members:
            bits |= 1 << b
        return self.packed_set(bits.to_bytes(32, "little"))

    def packed_set(self, key: bytes) -> int:
        """Index of the set whose bit b is bit b of these 32 bytes."""
        index = self.set_ids.get(key)
        if index is None:
            index = self.set_ids[key] = len(self.sets)
            self.sets.append(key)
        return index

    def trie(self, words: Sequence[bytes], names: bool = False) -> int:
        """Index of the trie over these distinct words (sorted by the engine's builder)."""
        self.tries.append((words, names))
        return len(self.tries) - 1
