"""Bring what was appended to a program into an arena."""

from __future__ import annotations

import numpy as np

from constrain.automata.program import Program

from . import _kernels as kernels, layout as at
from .arena import Arena


def sync(arena: Arena, program: Program, name_state: int) -> None:
    """Copy new code, byte sets, tries and terminals. Rules are entered by `enter_rule`.

    name_state: configuration before the first byte of an object member's name.
    """
    done = arena.used(at.PROGRAM)
    if done < len(program.code):
        arena.append(at.PROGRAM, np.array(program.code[done:], np.int32))
    done = arena.used(at.BYTE_SET)
    if done < len(program.sets):
        packed = b"".join(program.sets[done:])
        arena.append(at.BYTE_SET, np.frombuffer(packed, "<i4"))
    for number in range(arena.used(at.TERMINAL_INFO), len(program.terminals)):
        t = program.terminals[number]
        row = (t.entry, t.rank, int(t.lazy), int(t.ignored), t.pc)
        arena.append(at.TERMINAL_INFO, np.array(row, np.int32))
    for number in range(arena.used(at.TRIE), len(program.tries)):
        words, names = program.tries[number]
        root = _word_trie(arena, words, name_state if names else 0)
        arena.append(at.TRIE, np.array([root], np.int32))
    missing = len(program.rules) - arena.used(at.RULE)
    if missing > 0:
        arena.append(at.RULE, np.zeros(missing, np.int32))


def enter_rule(arena: Arena, rule: int, entry: int) -> None:
    """Let calls of `rule` find its code."""
    arena.segment(at.RULE)[rule] = entry


def _word_trie(arena: Arena, words: object, state: int) -> int:
    keys: list[bytes] = list(words)  # pyright: ignore
    starts = np.zeros(len(keys) + 1, np.int32)
    starts[1:] = np.cumsum([len(key) for key in keys])
    blob = np.frombuffer(b"".join(keys) or b"\0", np.uint8)
    while True:
        arena.reserve(at.TRIE_NODE, int(starts[-1]) + 1)
        root = int(kernels.build_word_trie(arena.words, blob, starts, state))
        if root >= 0:
            return root
        arena.grow(int(arena.words[at.REQUEST]))
