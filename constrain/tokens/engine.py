"""One grammar running over one vocabulary: configurations, their masks and successors.

The engine calls a kernel and supplies what it asks for: a rule not yet lowered, a larger
segment, a dense table. Configurations are small integers; `handles.py` makes values of them.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from constrain.automata import json_text
from constrain.automata.lower import Lowering
from constrain.automata.normal_form import NormalForm
from constrain.automata.program import AUTOMATON, COUNTED, TERMINAL, WORDS
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Regular

from . import _kernels as kernels, layout as at
from .arena import MAX_THREADS, obtain, recycle
from .rows import Mask, pool
from .standard import renew, standard
from .storage import Tables
from .sweep import sweep
from .sync import enter_rule, sync

Words = NDArray[np.int32]

WIDE = at.WIDTH[at.CONFIG]


class Engine:
    """Runs a grammar in normal form over a vocabulary's tables. Not thread-safe: see Constraint.

    max_bytes: bound on the arena; beyond it LimitExceeded.
    """

    def __init__(self, grammar: NormalForm, tables: Tables, n_words: int, max_bytes: int):
        self.tables = tables
        self.arena = obtain(max_bytes)
        renew(self.arena)
        self.arena.words[at.LONGEST : at.LONGEST + 2] = tables.words[
            at.V_LONGEST : at.V_LONGEST + 2
        ]
        prefix = standard()
        self.program = prefix.program()
        terminals = [(t, t.name in grammar.ignore) for t in grammar.terminals]
        self.lowering = Lowering(
            self.program, grammar.rules, terminals, prefix.rule_ids, prefix.entries
        )
        self._name_state = prefix.homes[json_text.canonical_name()]
        self._n_standard = int(self.arena.words[at.N_STANDARD])
        self._standard_code = len(prefix.code)
        self._generation = -1
        self._age = object()  # stands for the numbers of configurations, until the next sweep
        self._spare = np.empty(n_words, np.uint32)
        self._vocabulary = tables.words
        self._mask, self._advance = kernels.entry_points()
        self._n_words = n_words
        self._rows = pool(n_words)
        self._made: list[Mask] = []  # every mask not yet given back, oldest first
        self._masks: list[Mask] = []  # those that stand for many configurations
        self._lexers: dict[tuple[int, int], int] = {}  # part, lexer state -> table
        self._fallbacks: dict[int, Mask] = {}  # masks of configurations that lexemes fall back to
        self._supply: dict[int, Callable[[], None]] = {
            at.NEED_RULE: self._lower_rule,
            at.FULL: lambda: self.arena.grow(self._request()),
            at.NEED_DENSE: self._add_table,
            at.NEED_EXIT: self._add_exit,
            at.NEED_TIERS: self._add_tiers,
            at.NEED_FRAME: self._add_frame,
        }
        if isinstance(grammar.start, Regular):
            entry = self.lowering.regular_code(grammar.start.node)
        else:
            entry = self.lowering.code(grammar.start)
        self._sync()
        self.start = self.intern(entry)

    def close(self) -> None:
        """Give arena and rows back; the engine is dead after that."""
        self._masks.clear()
        self._rows.give_unshared(self._made)
        recycle(self.arena)

    def forget(self, roots: Iterable[int]) -> Words:
        """Forget all configurations but `roots` and what these need; kept masks too.

        Returns the new numbers, by the old ones; 0 for what is gone.
        """
        self.forget_masks(0)
        old = self.arena
        marks = np.zeros(old.used(at.CONFIG), np.int32)
        marks[[self.start, *roots]] = 1
        new = obtain(old.max_bytes)
        numbers = sweep(old, new, marks)
        self.arena = new
        recycle(old)
        self.start = int(numbers[self.start])
        self._age = object()
        self._forget_tables()
        return numbers

    @property
    def n_configs(self) -> int:
        """Configurations known now; their numbers are below."""
        return self.arena.used(at.CONFIG)

    # -- questions

    def intern(self, entry: int) -> int:
        """The configuration of a single fresh thread at `entry`."""
        return self._call(lambda a: int(kernels.intern_one_(a, entry, 0, 0, 0)))

    def mask(self, config: int) -> Mask:
        """The tokens that may follow `config`, read-only. Equal masks may be one array."""
        dense, masks = self.tables.dense, self._masks
        out = self._rows.take()
        while True:
            tables = self.arena.words, self._vocabulary, dense.words
            if self._generation != dense.generation:  # another engine had them dropped
                self._forget_tables()
                continue
            code = self._mask(*tables, config, out, self._spare, len(masks) + 1)
            if code >= 0:
                break
            if code == at.NEED_INSIDE:
                self._inside(config, out)
                code = at.OK
                break
            if code == at.NEED_LEXER:
                self._lexical(config, out)
                code = at.OK
                break
            self.supply(code)
        if 0 < code < at.SHARED:
            self._rows.idle.append(out)
            return masks[code - 1]
        out.setflags(write=False)
        self._made.append(out)
        if code:
            masks.append(out)
        return out

    def forget_masks(self, keep: int) -> None:
        """Give back all masks but the last `keep`, unless somebody still holds them."""
        self._fallbacks.clear()
        self._masks.clear()
        old = self._made[: len(self._made) - keep]
        del self._made[: len(old)]
        self._rows.give_unshared(old)
        configs = self.arena.segment(at.CONFIG)[: WIDE * self.arena.used(at.CONFIG)]
        for field in (at.CONFIG_MASK, at.CONFIG_MASK + 1):
            configs[field::WIDE] = 0

    def advance(self, config: int, token: int) -> int:
        """The configuration after `token`, or -1; also -1 for a token without bytes."""
        while (code := self._advance(self.arena.words, self._vocabulary, config, token)) < -1:
            self.supply(code)
        return code

    def run(self, config: int, data: bytes) -> tuple[int, int]:
        """(configuration after `data` or -1, bytes that could be taken)."""
        array = np.frombuffer(data, np.uint8)
        taken = 0
        while True:
            code = int(kernels.run_bytes(self.arena.words, array[taken:], config))
            if code >= at.DEAD:
                return code, taken + int(self.arena.words[at.REQUEST_BYTE])
            # the bytes before the one that failed are in the rows by now: just run again
            self.supply(code)

    def accepts(self, config: int) -> bool:
        """May the text end here?"""
        return bool(self._call(lambda a: int(kernels.accepts(a, config))))

    def successor(self, config: int, byte: int) -> int:
        """The configuration after one byte, or -1."""
        return self._call(lambda a: int(kernels.drive_(a, config, byte)))

    def successors(self, config: int) -> list[int]:
        """The configurations that one byte leads to, each once."""
        self._call(lambda a: int(kernels.drive_(a, config, -1)))
        row = self.arena.segment(at.ROW)[256 * config : 256 * config + 256]
        live = np.flatnonzero(row != 1).tolist()  # 1: known to be dead
        targets = dict.fromkeys(self.successor(config, byte) for byte in live)
        return [target for target in targets if target >= 0]

    def depth(self, config: int) -> int:
        """How many return addresses lie on the shortest stack of `config`."""
        first, n = self.arena.segment(at.CONFIG)[WIDE * config : WIDE * config + 2].tolist()
        nodes, edges = self.arena.segment(at.NODE), self.arena.segment(at.EDGE)
        level = set(self.arena.segment(at.THREAD)[4 * first + 3 : 4 * (first + n) : 4].tolist())
        height = 0
        while not any(node == 0 or nodes[2 * node + 1] & 1 for node in level):
            records = [nodes[2 * node : 2 * node + 2].tolist() for node in level]
            below = (edges[3 * e + 2] for e0, m in records for e in range(e0, e0 + (m >> 2)))
            level = set(map(int, below))
            height += 1
        return height

    def live(self, config: int, most: int = 256) -> list[int]:
        """The bytes that may come next, or some `most` of them."""
        flags = self._expand(config)[at.CONFIG_FLAGS]
        row = self.arena.segment(at.ROW)[256 * config : 256 * (config + 1)]
        possible = np.flatnonzero(row != 1).tolist()
        if flags & at.EXACT:
            return possible[:most]
        found: list[int] = []
        for byte in possible:
            if len(found) == most:
                break
            if self.run(config, bytes((byte,)))[0] >= 0:
                found.append(byte)
        return found

    def threads(self, config: int) -> list[list[int]]:
        """(program counter, sub-state, count, stack node) of all that can take a byte."""
        record = self._expand(config)
        first, n = record[at.CONFIG_EXPANDED] - 1, record[at.CONFIG_N_EXPANDED]
        return self.arena.segment(at.EXPANDED)[4 * first : 4 * (first + n)].reshape(n, 4).tolist()

    def lexing(self, config: int) -> tuple[int, int]:
        """(lexer state within a lexeme or 0, configuration if the lexeme ends here or 0)."""
        record = self._expand(config)
        return record[at.CONFIG_LEXER], record[at.CONFIG_FALLBACK]

    def _expand(self, config: int) -> list[int]:
        self._call(lambda a: int(kernels.drive_(a, config, -1)))
        return self.arena.segment(at.CONFIG)[WIDE * config : WIDE * (config + 1)].tolist()

    # -- supplies

    @property
    def words(self) -> Words:
        return self.arena.words

    def _request(self) -> int:
        return int(self.arena.words[at.REQUEST])

    def _call(self, kernel: Callable[[Words], int]) -> int:
        while (code := int(kernel(self.arena.words))) < at.DEAD:
            self.supply(code)
        return code

    def supply(self, code: int) -> None:
        """Do what a kernel asked for, or raise LimitExceeded."""
        handler = self._supply.get(int(code))
        if handler is None:
            raise LimitExceeded(
                "threads", MAX_THREADS, "the grammar is too ambiguous, or a count too large, here"
            )
        handler()

    def _sync(self) -> None:
        sync(self.arena, self.program, self._name_state)

    def _lower_rule(self) -> None:
        rule = self._request()
        self.lowering.lower(rule)
        self._sync()
        enter_rule(self.arena, rule, self.program.rules[rule])

    # -- dense tables

    def _forget_tables(self) -> None:
        configs = self.arena.segment(at.CONFIG)[: WIDE * self.arena.used(at.CONFIG)]
        dense = configs[at.CONFIG_DENSE :: WIDE]
        configs[at.CONFIG_FRAME :: WIDE] = 0
        self._lexers.clear()
        dense[self._n_standard :] = 0
        dense[: self._n_standard] = self.tables.standard
        self._generation = self.tables.dense.generation

    def _wanted(self) -> tuple[int, int, int]:
        words = self.arena.words
        q, home = self._request(), int(words[at.REQUEST_HOME])
        return q, home, int(self.arena.segment(at.CONFIG)[WIDE * q + at.CONFIG_DENSE])

    def _inside(self, config: int, out: Mask) -> None:
        """The mask of a state of a finite automaton in which many tokens may come."""
        self.tables.dense.inside(self, config, out)
        a = self.arena.words
        kernels.finish_mask(a, self.tables.words, out, int(kernels.accepts(a, config)))

    def _add_table(self) -> None:
        q, home, _ = self._wanted()
        dense = self.tables.dense
        with self.tables.lock:
            key = (self._content(q), self._content(home))
            table = dense.find(key) or dense.add(self, key, q, home)
        if self._generation != dense.generation:
            self._forget_tables()
        self.arena.segment(at.CONFIG)[WIDE * q + at.CONFIG_DENSE] = table

    def _add_exit(self) -> None:
        q, home, table = self._wanted()
        byte = int(self.arena.words[at.REQUEST_BYTE])
        with self.tables.lock:
            self.tables.dense.add_exit(self, table, q, home, byte)
        if self._generation != self.tables.dense.generation:
            self._forget_tables()

    def _add_tiers(self) -> None:
        q, home, table = self._wanted()
        with self.tables.lock:
            self.tables.dense.add_tiers(self, table, q, home)
        if self._generation != self.tables.dense.generation:
            self._forget_tables()

    def _add_frame(self) -> None:
        frame = self._request()
        key = self._standard_frame(frame)
        dense = self.tables.dense
        with self.tables.lock:
            table = (key is not None and dense.find(key)) or dense.add_frame(self, key, frame)
        if self._generation != dense.generation:
            self._forget_tables()
        self.arena.segment(at.CONFIG)[WIDE * frame + at.CONFIG_FRAME] = table

    # -- contextual lexing

    def _lexical(self, config: int, out: Mask) -> None:
        """The mask of a configuration with a contextual lexer.

        Tokens that stay inside the lexeme and those behind a match come from the tables of the
        lexer state; those at which it dies unmatched are the fallback's.
        """
        end = int(self.arena.words[at.REQUEST_BYTE])
        out[:] = 0
        jobs = [(0, config)]
        tables: list[tuple[int, Words]] = []
        while jobs:
            number, c = jobs.pop()
            tables.append(self._lexer(number, self._expand(c)[at.CONFIG_EXTRA]))
            table, words = tables[-1]
            args = self._vocabulary, words, c, table, out
            n = self._call(lambda a, args=args: int(kernels.mask_lexeme(a, *args)))
            pairs = self.arena.segment(at.WALK2)[: 2 * n].tolist()
            jobs += zip(pairs[::2], pairs[1::2], strict=True)
        fallback = self._expand(config)[at.CONFIG_FALLBACK]
        if fallback:
            if fallback not in self._fallbacks:
                self._fallbacks[fallback] = Engine.mask(self, fallback)
            table, words = tables[0]
            kernels.admit(words, table, self._fallbacks[fallback], out)
        kernels.finish_mask(self.arena.words, self._vocabulary, out, end)

    def _lexer(self, number: int, lexer: int) -> tuple[int, Words]:
        """The table of a lexer state for a part of the vocabulary, and the array that it is in.

        That array stays as it is also when tables are dropped.
        """
        dense = self.tables.dense
        words = dense.words
        table = self._lexers.get((number, lexer), 0)
        if self._generation != dense.generation:
            self._forget_tables()
        elif table:
            return table, words
        key = ("lexer", number, self._content(lexer))
        with self.tables.lock:
            table = dense.find(key) or dense.add_lexer(self, key, lexer, number)
            words = dense.words
            if self._generation == dense.generation:
                self._lexers[number, lexer] = table
        return table, words

    def _standard_frame(self, frame: int) -> Hashable:
        """What a frame within the standard rules is, for every engine; None for others."""
        record = self.arena.segment(at.CONFIG)[WIDE * frame : WIDE * frame + 2].tolist()
        threads = self.arena.segment(at.THREAD)[4 * record[0] : 4 * (record[0] + record[1])]
        for pc, sub, _, _ in threads.reshape(-1, 4).tolist():
            if pc >= self._standard_code or sub >= self._n_standard:
                return None
        return ("frame", *threads.tolist())

    def _content(self, config: int) -> Hashable:
        """What automaton state this is, in terms that hold for every engine."""
        if config < self._n_standard:
            return config
        record = self.arena.segment(at.CONFIG)[WIDE * config : WIDE * config + 4]
        first, n = int(record[0]), int(record[1])
        threads = self.arena.segment(at.THREAD)[4 * first : 4 * (first + n)]
        parts: list[Hashable] = [int(record[at.CONFIG_LEXER]), int(record[at.CONFIG_FALLBACK])]
        fragments = self.program.fragments
        for pc, sub, count, node in threads.reshape(n, 4).tolist():
            word = self.program.code[pc]
            op = word & 15 if word >= 256 else -1
            if op == TERMINAL:
                number = (word - 256) >> 4
                terminal = self.program.terminals[number]
                parts.append((number, terminal.rank, terminal.lazy, self._content(sub)))
                continue
            i = bisect_right(fragments, pc, key=lambda f: f[0]) - 1
            if i < 0 or node:
                return ("of", self._age, config)
            entry, content = fragments[i]
            if op == WORDS and sub:  # tries are built alike in every engine
                sub -= int(self.arena.segment(at.TRIE)[(word - 256) >> 4])
            elif sub and op in (AUTOMATON, COUNTED):
                sub = self._content(sub)
            elif sub:
                return ("of", self._age, config)
            parts.append((content, pc - entry, sub, count))
        return tuple(parts)
