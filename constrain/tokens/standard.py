"""What every program and every arena starts with: the automata of JSON strings and names.

Their fragments stand at fixed places and their configurations have fixed numbers, so that the
dense tables of a vocabulary can be built for them once and kept on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from constrain.automata import json_text
from constrain.automata.program import RETURN, Program, word
from constrain.automata.regex_code import Fragment, FragmentWriter

from . import _kernels as kernels
from . import layout as at
from .arena import FIRST_HASH, HASHED, Arena
from .sync import sync

TEMPLATE_BYTES = 1 << 28


@dataclass(frozen=True)
class Standard:
    """The common prefix: a program, the arena it was tried out in, and who is who there."""

    code: tuple[int, ...]
    sets: tuple[bytes, ...]
    fragments: tuple[tuple[int, Fragment], ...]
    entries: dict[Fragment, int]
    homes: dict[Fragment, int]  # fragment -> its entry configuration
    home_of: tuple[int, ...]  # configuration -> entry configuration of its fragment
    arena: Arena

    def program(self) -> Program:
        """A fresh program with this prefix."""
        program = Program()
        program.code = list(self.code)
        for packed in self.sets:
            program.packed_set(packed)
        program.fragments = list(self.fragments)
        return program


@cache
def standard() -> Standard:
    """Write the standard fragments and explore all of their states (about 50)."""
    program = Program()
    writer = FragmentWriter(program)
    nodes = (json_text.any_string(), json_text.counted_string(), json_text.canonical_name())
    for node in nodes:
        writer.entries[node] = program.here()
        program.fragments.append((program.here(), node))
        writer.emit(node)
        program.emit((word(RETURN),))
    writer.flush()
    arena = Arena(TEMPLATE_BYTES)
    sync(arena, program, 0)
    homes: dict[Fragment, int] = {}
    home_of: list[int] = [0]
    for node in nodes:
        homes[node] = int(kernels.intern_one_(arena.words, writer.entries[node], 0, 0, 0))
        c = homes[node]
        while c < arena.used(at.CONFIG):
            home_of.append(homes[node])
            for byte in range(256):
                kernels.drive_(arena.words, c, byte)
            c += 1
    arena.words[at.N_STANDARD] = arena.used(at.CONFIG)
    return Standard(
        tuple(program.code),
        tuple(program.sets),
        tuple(program.fragments),
        dict(writer.entries),
        homes,
        tuple(home_of),
        arena,
    )


COPIED = (
    at.PROGRAM,
    at.BYTE_SET,
    at.NODE,
    at.EDGE,
    at.CONFIG,
    at.THREAD,
    at.EXPANDED,
    at.ROW,
)


def renew(arena: Arena) -> None:
    """Make an arena, fresh or used, equal to the template."""
    source = standard().arena
    for segment in COPIED:
        count = source.used(at.CONFIG if segment == at.ROW else segment)
        size = count * at.WIDTH[segment]
        arena.segment(segment)[:size] = source.segment(segment)[:size]
        arena.words[4 * segment + at.USED] = count
    for segment in HASHED:
        arena.words[4 * segment + at.CAPACITY] = FIRST_HASH
    for segment in (at.RULE, at.TRIE, at.TERMINAL_INFO, at.UNION, at.SITE):
        arena.words[4 * segment + at.USED] = 0
    arena.words[4 * at.TRIE_NODE + at.USED] = 1
    arena.words[at.COUNTERS : at.HEADER] = source.words[at.COUNTERS : at.HEADER]
    arena.words[at.LIST_N] = 0
    arena.words[at.QUEUED] = 0
    arena.segment(at.LIST_HASH)[:] = 0
    arena.words[at.LIST_STAMP] = 1
    kernels.rehash(arena.words)


def standard_count() -> int:
    """Configurations that every arena starts with, number 0 included."""
    return int(np.int64(standard().arena.words[at.N_STANDARD]))
