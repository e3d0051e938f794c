"""What every program and every arena starts with: the rules of JSON, its strings and names.

The fragments of strings and names stand at fixed places and their configurations have fixed
numbers, so that the dense tables of a vocabulary can be built for them once and kept on disk.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import cast

import numpy as np

from constrain.automata import json_text
from constrain.automata.json_rules import USUAL_LIMITS, standard_rules
from constrain.automata.lower import Lowering
from constrain.automata.program import Program
from constrain.automata.regex_code import Fragment
from constrain.syntax.grammar import Expr

from . import _kernels as kernels, layout as at
from .arena import FIRST_HASH, HASHED, Arena
from .sync import enter_rule, sync

TEMPLATE_BYTES = 1 << 28


@dataclass(frozen=True)
class Standard:
    """The common prefix: a program, the arena it was tried out in, and who is who there."""

    code: tuple[int, ...]
    set_ids: dict[bytes, int]
    tries: tuple[tuple[Sequence[bytes], bool], ...]
    rules: tuple[int, ...]  # entries
    rule_ids: dict[Hashable, int]
    fragments: tuple[tuple[int, Hashable], ...]
    entries: dict[Fragment, int]
    homes: dict[Fragment, int]  # fragment -> its entry configuration
    home_of: tuple[int, ...]  # configuration -> entry configuration of its fragment
    arena: Arena

    def program(self) -> Program:
        """A fresh program with this prefix."""
        program = Program()
        program.code = list(self.code)
        program.sets = list(self.set_ids)
        program.set_ids = dict(self.set_ids)
        program.tries = list(self.tries)
        program.rules = list(self.rules)
        program.fragments = list(self.fragments)
        return program


STRINGS = (
    json_text.any_string,
    json_text.counted_string,
    json_text.canonical_name,
    json_text.any_space,
)


def _announce_compilation() -> None:
    """Say on stderr, once on a machine, why the first call takes so long."""
    stats = getattr(kernels.mask, "stats", None)  # none where the compiler is switched off
    if stats and not any(Path(stats.cache_path).glob("_kernels.mask-*.nbi")):
        print("constrain: compiling its kernels, once on this machine ...", file=sys.stderr)


@cache
def standard() -> Standard:
    """Lower the rules of JSON and explore all states of their automata (about a hundred)."""
    _announce_compilation()
    program = Program()
    rules: dict[Hashable, Expr] = {}
    for limit in USUAL_LIMITS:
        rules |= standard_rules(limit)
    lowering = Lowering(program, rules)
    for node in STRINGS:
        lowering.regular_code(node())
    for name in rules:
        lowering.lower(lowering.rule(name))
    arena = Arena(TEMPLATE_BYTES)
    arena.words[at.LONGEST : at.LONGEST_SPACE + 1] = 1 << 20
    sync(arena, program, 0)
    homes: dict[Fragment, int] = {}
    for node, entry in lowering.fragments.entries.items():
        homes[node] = _explore(arena, entry)
    arena.words[at.N_STANDARD] = arena.used(at.CONFIG)
    arena.words[at.STANDARD_CODE] = len(program.code)
    arena.words[at.SPACE_HOME] = homes[json_text.any_space()]
    for number, entry in enumerate(program.rules):
        enter_rule(arena, number, entry)
    return Standard(
        tuple(program.code),
        dict(program.set_ids),
        tuple(program.tries),
        tuple(program.rules),
        dict(lowering.ids),
        tuple(program.fragments),
        dict(lowering.fragments.entries),
        homes,
        _home_of(arena, program, homes),
        arena,
    )


def _explore(arena: Arena, entry: int) -> int:
    """Compute every configuration of the fragment at `entry`; its first is its home."""
    home = int(kernels.intern_one_(arena.words, entry, 0, 0, 0))
    c = home
    while c < arena.used(at.CONFIG):
        for byte in range(256):
            kernels.drive_(arena.words, c, byte)
        c += 1
    return home


def _home_of(arena: Arena, program: Program, homes: dict[Fragment, int]) -> tuple[int, ...]:
    """For each configuration the home of the fragment that its threads are in."""
    starts = [entry for entry, _ in program.fragments]
    records = arena.segment(at.CONFIG).reshape(-1, at.WIDTH[at.CONFIG])
    threads = arena.segment(at.THREAD).reshape(-1, at.WIDTH[at.THREAD])
    found = [0]
    for q in range(1, arena.used(at.CONFIG)):
        pc = int(threads[records[q, at.CONFIG_THREADS], 0])
        _, content = program.fragments[bisect_right(starts, pc) - 1]
        found.append(homes[cast("Fragment", content)])
    return tuple(found)


COPIED = (
    at.PROGRAM,
    at.RULE,
    at.TRIE,
    at.TRIE_NODE,
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
    for segment in (at.TERMINAL_INFO, at.UNION, at.SITE):
        arena.words[4 * segment + at.USED] = 0
    arena.words[at.COUNTERS : at.HEADER] = source.words[at.COUNTERS : at.HEADER]
    arena.words[at.LIST_N] = 0
    arena.words[at.QUEUED] = 0
    arena.segment(at.LIST_HASH)[:] = 0
    arena.words[at.LIST_STAMP] = 1
    kernels.rehash(arena.words)


def standard_count() -> int:
    """Configurations that every arena starts with, number 0 included."""
    return int(np.int64(standard().arena.words[at.N_STANDARD]))
