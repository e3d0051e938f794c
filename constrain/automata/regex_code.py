"""Regular expression trees to fragments of program code (Thompson 1968), over UTF-8 bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

from constrain.errors import LimitExceeded
from constrain.syntax import regex_ast as rx
from constrain.syntax.charclass import kinds_beyond_ascii
from constrain.syntax.utf8 import byte_automaton

from .dfa import Automaton
from .program import AUTOMATON, COUNTED, JUMP, RETURN, SET, SPLIT, WORDS, Program, word

Edges = list[tuple[int, int, int]]

MANY_EDGES = 12  # character classes with more get a fragment of their own
MANY_WORDS = 8  # alternatives of plain text from here on become a trie
MAX_COUNT = 2**31 - 1  # that a program word holds
UNROLLED = 4  # a counted character class up to here is written out


@dataclass(frozen=True)
class Inline:
    """A large character class as a fragment of its own."""

    node: rx.Chars


Fragment: TypeAlias = "rx.Node | Inline | Automaton"


def is_unit(node: rx.Node) -> bool:
    """Do strings of `node` form a prefix code, cheaply seen? Then repetitions can be counted.

    True of character classes, of texts, and of classes without backslash next to escapes that start
    with one.
    """
    if isinstance(node, rx.Chars):
        return bool(node.ranges)
    if isinstance(node, rx.Text):
        return bool(node.data)
    if not isinstance(node, rx.Union):
        return False
    texts = sorted(part.data for part in node.items if isinstance(part, rx.Text))
    others = [part for part in node.items if not isinstance(part, rx.Text)]
    return (
        all(text[:1] == b"\\" for text in texts)
        and not any(b.startswith(a) for a, b in pairwise(texts))
        and len(others) == 1
        and isinstance(others[0], rx.Chars)
        and not any(lo <= 0x5C <= hi for lo, hi in others[0].ranges)
    )


class FragmentWriter:
    """Writes fragments into a program, each content once. Fragments asked for while code is
    being written come after it: `reference` leaves a hole that `flush` fills."""

    def __init__(self, program: Program):
        self.program = program
        self.entries: dict[Fragment, int] = {}
        self.holes: list[tuple[int, int, Fragment]] = []  # where, op, fragment
        self._emit: dict[type, Callable[..., None]] = {
            rx.Text: self._text,
            rx.Chars: self._chars,
            rx.Concat: self._concat,
            rx.Union: self._union,
            rx.Repeat: self._repeat,
            Automaton: self._automaton,
            Inline: self._inline,
        }

    def reference(self, op: int, node: Fragment, *operands: int) -> None:
        """Emit AUTOMATON or COUNTED for the fragment of `node`."""
        entry = self.entries.get(node, 0)
        at = self.program.emit((word(op, entry), *operands))
        if not entry:
            self.holes.append((at, op, node))

    def flush(self) -> None:
        """Write the fragments still missing."""
        while self.holes:
            at, op, node = self.holes.pop()
            entry = self.entries.get(node)
            if entry is None:
                entry = self.entries[node] = self.program.here()
                self.program.fragments.append((entry, node))
                self.emit(node)
                self.program.emit((word(RETURN),))
            self.program.patch(at, word(op, entry))

    def emit(self, node: Fragment) -> None:
        """Emit code that matches `node` and then falls through."""
        self._emit[type(node)](node)

    def counted(self, node: rx.Node) -> bool:
        """Is `node` a repetition that should be counted and not written out?"""
        return (
            isinstance(node, rx.Repeat)
            and (node.lo if node.hi is None else node.hi) > UNROLLED
            and is_unit(node.item)
        )

    def emit_counted(self, node: rx.Repeat) -> None:
        hi = -1 if node.hi is None else node.hi
        if max(node.lo, hi) > MAX_COUNT:
            raise LimitExceeded("repetition count", max(node.lo, hi), f"the most is {MAX_COUNT}")
        self.reference(COUNTED, rx.Repeat(node.item, 0, None), 0, node.lo, hi)

    def _text(self, node: rx.Text) -> None:
        self.program.emit(node.data)

    def byte_class(self, pairs: list[tuple[int, int]]) -> None:
        """Emit one byte out of inclusive ranges."""
        if len(pairs) == 1 and pairs[0][0] == pairs[0][1]:
            self.program.emit((pairs[0][0],))
            return
        members = (b for lo, hi in pairs for b in range(lo, hi + 1))
        self.program.emit((word(SET, self.program.byte_set(members)),))

    def _chars(self, node: rx.Chars) -> None:
        if node.ranges[-1][1] < 0x80:
            self.byte_class(list(node.ranges))
            return
        states = byte_automaton(node.ranges)
        if sum(map(len, states)) > MANY_EDGES:
            inside, outside = kinds_beyond_ascii(node.ranges)
            self.reference(AUTOMATON, Inline(node), 0, inside << 1 | outside << 4)
            return
        self._states([_grouped(list(edges)) for edges in states], set())

    def _inline(self, node: Inline) -> None:
        states = byte_automaton(node.node.ranges)
        self._states([_grouped(list(edges)) for edges in states], set())

    def _states(self, states: list[dict[int, list[tuple[int, int]]]], ends: set[int]) -> None:
        """Emit a byte automaton; target -1 and the states in `ends` fall through."""
        p = self.program
        starts: list[int] = []
        jumps: list[tuple[int, int]] = []
        for state, edges in enumerate(states):
            starts.append(p.here())
            count = len(edges) + (state in ends)
            at = p.emit((word(SPLIT, count), *[0] * count)) + 1 if count != 1 else 0
            for target, pairs in edges.items():
                if at:
                    p.patch(at, p.here())
                    at += 1
                self.byte_class(pairs)
                jumps.append((p.emit((0,)), target))
            if state in ends:
                if at:
                    p.patch(at, p.here())
                jumps.append((p.emit((0,)), -1))
        for where, target in jumps:
            p.patch(where, word(JUMP, p.here() if target < 0 else starts[target]))

    def _automaton(self, node: Automaton) -> None:
        dfa = node.dfa
        number = {dfa.start: 0}
        order = [dfa.start]
        states: list[dict[int, list[tuple[int, int]]]] = []
        for state in order:
            edges: Edges = []
            row = dfa.table[state][dfa.classes]
            for b in range(256):
                target = int(row[b])
                if target == 0:
                    continue
                if target not in number:
                    number[target] = len(order)
                    order.append(target)
                edges.append((b, b, number[target]))
            states.append(_grouped(edges))
        self._states(states, {i for i, s in enumerate(order) if dfa.accepting[s]})

    def _concat(self, node: rx.Concat) -> None:
        for item in node.items:
            self.emit(item)

    def _union(self, node: rx.Union) -> None:
        texts = [part.data for part in node.items if isinstance(part, rx.Text)]
        parts: list[rx.Node | int] = list(node.items)
        if len(texts) >= MANY_WORDS:
            parts = [part for part in node.items if not isinstance(part, rx.Text)]
            parts.append(self.program.trie(sorted(set(texts))))
        if len(parts) == 1:
            self._part(parts[0])
            return
        p = self.program
        at = p.emit((word(SPLIT, len(parts)), *[0] * len(parts)))
        ends: list[int] = []
        for k, part in enumerate(parts):
            p.patch(at + 1 + k, p.here())
            self._part(part)
            ends.append(p.emit((0,)))
        for end in ends:
            p.patch(end, word(JUMP, p.here()))

    def _part(self, part: rx.Node | int) -> None:
        if isinstance(part, int):
            self.program.emit((word(WORDS, part),))
        else:
            self.emit(part)

    def _repeat(self, node: rx.Repeat) -> None:
        if self.counted(node):
            self.emit_counted(node)
            return
        for _ in range(node.lo - 1):
            self.emit(node.item)
        if node.hi is None:
            self._unbounded(node.item, node.lo > 0)
            return
        if node.lo:
            self.emit(node.item)
        self._optional(node.item, node.hi - node.lo)

    def _unbounded(self, item: rx.Node, once: bool) -> None:
        p = self.program
        if once:
            body = p.here()
            self.emit(item)
            at = p.emit((word(SPLIT, 2), body, 0))
            p.patch(at + 2, p.here())
            return
        at = p.emit((word(SPLIT, 2), 0, 0))
        p.patch(at + 1, p.here())
        self.emit(item)
        p.emit((word(JUMP, at),))
        p.patch(at + 2, p.here())

    def _optional(self, item: rx.Node, count: int) -> None:
        p = self.program
        splits: list[int] = []
        for _ in range(count):
            splits.append(p.emit((word(SPLIT, 2), 0, 0)))
            p.patch(splits[-1] + 1, p.here())
            self.emit(item)
        for at in splits:
            p.patch(at + 2, p.here())


def _grouped(edges: Edges) -> dict[int, list[tuple[int, int]]]:
    """Target -> its byte ranges, neighbours joined."""
    out: dict[int, list[tuple[int, int]]] = {}
    for lo, hi, target in sorted(edges):
        pairs = out.setdefault(target, [])
        if pairs and pairs[-1][1] + 1 == lo:
            pairs[-1] = (pairs[-1][0], hi)
        else:
            pairs.append((lo, hi))
    return out
