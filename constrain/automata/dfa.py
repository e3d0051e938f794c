"""Deterministic automata over bytes and their algebra (Rabin and Scott 1959; Hopcroft 1971).

State 0 is dead: it loops to itself and never accepts. Everything here is eager and takes a
budget; for matching against a vocabulary the engine determinises lazily instead.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import blake2b
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded
from constrain.syntax import regex_analysis
from constrain.syntax.regex_ast import ANY_CHAR, NOTHING, Node
from constrain.syntax.utf8 import FINAL, byte_automaton

DEAD = 0
MAX_STATES = 10_000

State = TypeVar("State", bound=Hashable)


@dataclass(frozen=True, eq=False)
class DFA:
    """Arrays are not to be written to. Classes are numbered by their first byte."""

    table: NDArray[np.int32]  # [states, classes] next state
    classes: NDArray[np.uint8]  # [256] byte -> equivalence class
    accepting: NDArray[np.bool_]  # [states]
    start: int

    @property
    def n_states(self) -> int:
        return len(self.table)

    @property
    def key(self) -> tuple[bytes, bytes, bytes]:
        """The content. Minimal automata of one language have one key.

        Law: minimize(a).key == minimize(b).key if and only if a and b accept the same strings.
        """
        return self.table.tobytes(), self.classes.tobytes(), self.accepting.tobytes()


@dataclass(frozen=True, eq=False)
class Automaton:
    """A leaf in a regular expression tree: the language of `dfa`, which is trim and not empty.

    Equal where the tables are: what is known about one holds for its twin of another grammar.
    """

    dfa: DFA

    @cached_property
    def content(self) -> bytes:
        """A digest of the tables."""
        dfa = self.dfa
        digest = blake2b(repr((dfa.start, dfa.table.shape)).encode(), digest_size=16)
        for table in (dfa.table, dfa.classes, dfa.accepting):
            digest.update(table.tobytes())
        return digest.digest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Automaton) and self.content == other.content

    def __hash__(self) -> int:
        return hash(self.content)


def leaf(dfa: DFA) -> Node:
    """Return the language of `dfa` as a tree: `NOTHING` or an `Automaton`, minimised.

    The type of trees does not know about automata, which stand a floor above it.
    """
    dfa = minimize(dfa)
    return NOTHING if is_empty(dfa) else cast(Node, Automaton(dfa))


def _is_nullable(node: Automaton) -> bool:
    return bool(node.dfa.accepting[node.dfa.start])


def _without_empty(node: Automaton) -> Node:
    """From a copy of the start that does not accept."""
    dfa = node.dfa
    table = np.vstack([dfa.table, dfa.table[dfa.start]])
    return leaf(DFA(table, dfa.classes, np.append(dfa.accepting, False), dfa.n_states))


regex_analysis.extend(
    Automaton, _is_nullable, lambda node: (int(not _is_nullable(node)), None), _without_empty
)


# Construction.


def explore(
    start: State,
    successors: Callable[[State], Iterable[tuple[int, State]]],
    accepts: Callable[[State], bool],
    classes: Sequence[int],
    max_states: int = MAX_STATES,
) -> DFA:
    """Return the automaton of all states that can be reached from `start`, in order of discovery.

    `successors` yields (byte class, state); a class that it leaves out leads to the dead state.
    """
    n_classes = max(classes) + 1
    numbers: dict[State, int] = {start: 1}
    found = [start]
    rows = [[DEAD] * n_classes]
    for state in found:
        row = [DEAD] * n_classes
        for byte_class, target in successors(state):
            number = numbers.get(target)
            if number is None:
                number = numbers[target] = len(numbers) + 1
                found.append(target)
                if number > max_states:
                    raise LimitExceeded("deterministic states", number)
            row[byte_class] = number
        rows.append(row)
    return DFA(
        np.array(rows, dtype=np.int32),
        np.array(classes, dtype=np.uint8),
        np.array([False, *map(accepts, found)]),
        1,
    )


def classes_of(cuts: Iterable[int]) -> list[int]:
    """Number the intervals between `cuts`, which are first bytes of a class.

    >>> classes_of([97, 98])[96:99]
    [0, 1, 2]
    """
    starts = set(cuts) - {0}
    out, number = list[int](), 0
    for byte in range(256):
        number += byte in starts
        out.append(number)
    return out


@cache
def utf8() -> DFA:
    """The automaton of all well-formed UTF-8 texts."""
    states = byte_automaton(ANY_CHAR.ranges)
    classes = classes_of(b for edges in states for lo, hi, _ in edges for b in (lo, hi + 1))

    def successors(state: int) -> Iterable[tuple[int, int]]:
        for lo, hi, target in states[state]:
            for byte_class in range(classes[lo], classes[hi] + 1):
                yield byte_class, 0 if target == FINAL else target

    return explore(0, successors, lambda state: state == 0, classes)


# Questions.


def advance(dfa: DFA, state: int, data: bytes) -> int:
    """Return the state reached from `state` after `data`. O(len(data)).

    Law: advance(d, advance(d, s, x), y) == advance(d, s, x + y).
    """
    for byte in data:
        state = int(dfa.table[state, dfa.classes[byte]])
    return state


def accepts(dfa: DFA, data: bytes) -> bool:
    return bool(dfa.accepting[advance(dfa, dfa.start, data)])


def is_empty(dfa: DFA) -> bool:
    return not dfa.accepting[list(accessible(dfa))].any()


def shortest(dfa: DFA) -> bytes | None:
    """Return the shortest accepted string, the first in byte order among equals. O(transitions)."""
    first_bytes = _first_bytes(dfa.classes)
    words = {dfa.start: b""}
    found = [dfa.start]
    for state in found:
        if dfa.accepting[state]:
            return words[state]
        for byte_class, target in enumerate(dfa.table[state].tolist()):
            if target not in words:
                words[target] = words[state] + bytes([first_bytes[byte_class]])
                found.append(target)
    return None


def accessible(dfa: DFA) -> set[int]:
    """The states that some string leads to from the start."""
    return _reachable([dfa.start], [set(row) for row in dfa.table.tolist()])


def coaccessible(dfa: DFA) -> set[int]:
    """The states from which some string leads to acceptance."""
    sources: list[set[int]] = [set() for _ in dfa.table]
    for state, row in enumerate(dfa.table.tolist()):
        for target in row:
            sources[target].add(state)
    return _reachable(np.flatnonzero(dfa.accepting).tolist(), sources)


def _reachable(roots: Iterable[int], neighbours: list[set[int]]) -> set[int]:
    seen = set(roots)
    stack = list(seen)
    while stack:
        new = neighbours[stack.pop()] - seen
        seen |= new
        stack.extend(new)
    return seen


def _first_bytes(classes: NDArray[np.uint8]) -> list[int]:
    return np.unique(classes, return_index=True)[1].tolist()


# Algebra.


def trim(dfa: DFA) -> DFA:
    """Return the automaton with only the dead state and those on a way from start to acceptance.

    The automaton of the empty language has one state, and starts in it.
    """
    useful = (accessible(dfa) & coaccessible(dfa)) - {DEAD}
    kept = [DEAD, *sorted(useful)]
    renumber = np.zeros(dfa.n_states, dtype=np.int32)
    renumber[kept] = np.arange(len(kept))
    table = renumber[dfa.table[kept]]
    return DFA(table, dfa.classes, dfa.accepting[kept], int(renumber[dfa.start]))


def minimize(dfa: DFA) -> DFA:
    """Return the smallest automaton of the same language, with states and classes in an order
    that depends on the language alone. O(transitions * log states) (Hopcroft 1971).
    """
    dfa = trim(dfa)
    if dfa.start == DEAD:
        return DFA(np.zeros((1, 1), np.int32), np.zeros(256, np.uint8), np.zeros(1, np.bool_), DEAD)
    block_of = _equivalence(dfa)
    member_of = dict(zip(block_of, range(dfa.n_states), strict=True))  # any state of a block
    table, classes = _merge_classes(np.array(block_of)[dfa.table], dfa.classes)
    rows, accepting = table.tolist(), dfa.accepting.tolist()

    def successors(block: int) -> Iterable[tuple[int, int]]:
        for byte_class, target in enumerate(rows[member_of[block]]):
            if target != block_of[DEAD]:
                yield byte_class, target

    return explore(
        block_of[dfa.start],
        successors,
        lambda block: accepting[member_of[block]],
        classes,
        dfa.n_states,
    )


def _merge_classes(
    table: NDArray[np.int32], classes: NDArray[np.uint8]
) -> tuple[NDArray[np.int32], list[int]]:
    """Make one class of those with equal columns."""
    columns = [column.tobytes() for column in table.T]
    numbers = {column: i for i, column in enumerate(dict.fromkeys(columns))}
    kept = [columns.index(column) for column in numbers]
    return table[:, kept], [numbers[columns[c]] for c in classes.tolist()]


def _equivalence(dfa: DFA) -> list[int]:
    """Return for each state of a trim automaton the block of states that accept the same.

    Partition refinement: every block that comes into being splits the others by which of their
    states lead into it, but of the halves of a split block only the smaller has to.
    """
    rows, accepting = dfa.table.tolist(), dfa.accepting.tolist()
    sources: list[dict[int, list[int]]] = [{} for _ in rows]  # target -> class -> states
    for state, row in enumerate(rows):
        for byte_class, target in enumerate(row):
            if target != DEAD:
                sources[target].setdefault(byte_class, []).append(state)

    # 0: the dead state; 1: not accepting; 2: accepting.
    block_of = [0 if state == DEAD else 1 + accepting[state] for state in range(len(rows))]
    blocks: list[set[int]] = [
        {s for s, block in enumerate(block_of) if block == b} for b in (0, 1, 2)
    ]
    waiting = {1, 2}
    while waiting:
        into: dict[int, list[int]] = {}
        for target in blocks[waiting.pop()]:
            for byte_class, states in sources[target].items():
                into.setdefault(byte_class, []).extend(states)
        for states in into.values():
            touched: dict[int, set[int]] = {}
            for state in states:
                touched.setdefault(block_of[state], set()).add(state)
            for block, inside in touched.items():
                if len(inside) == len(blocks[block]):
                    continue
                outside = blocks[block] - inside
                small, large = sorted((inside, outside), key=len)
                blocks[block] = large
                for state in small:
                    block_of[state] = len(blocks)
                waiting.add(len(blocks))
                blocks.append(small)
    return block_of


def product(a: DFA, b: DFA, op: Callable[[bool, bool], bool], max_states: int = MAX_STATES) -> DFA:
    """Return the automaton that accepts where `op` of what `a` and `b` say is true.

    `op(False, False)` has to be false: two dead states make a dead state.
    """
    pairs = list(zip(a.classes.tolist(), b.classes.tolist(), strict=True))
    numbers = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
    rows_a, rows_b = a.table.tolist(), b.table.tolist()
    accepting_a, accepting_b = a.accepting.tolist(), b.accepting.tolist()
    needs_a, needs_b = not op(False, True), not op(True, False)

    def successors(state: tuple[int, int]) -> Iterable[tuple[int, tuple[int, int]]]:
        row_a, row_b = rows_a[state[0]], rows_b[state[1]]
        for (class_a, class_b), number in numbers.items():
            x, y = row_a[class_a], row_b[class_b]
            if (x or not needs_a) and (y or not needs_b) and (x or y):
                yield number, (x, y)

    return explore(
        (a.start, b.start),
        successors,
        lambda state: op(accepting_a[state[0]], accepting_b[state[1]]),
        [numbers[pair] for pair in pairs],
        max_states,
    )


def complement(dfa: DFA, max_states: int = MAX_STATES) -> DFA:
    """Return the automaton of the well-formed UTF-8 texts that `dfa` does not accept."""
    return product(utf8(), dfa, lambda text, member: text and not member, max_states)


def same_language(a: DFA, b: DFA) -> bool:
    return minimize(a).key == minimize(b).key
