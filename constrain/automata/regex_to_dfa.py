"""Regular expression trees to byte automata: fragments (Thompson 1968), then sets of states.

Looks become edges that take no byte and ask a question; `whole_text` answers them, `from_node`
refuses them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import groupby
from operator import and_
from typing import Any

from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax.regex_ast import (
    ANY_CHAR,
    Atomic,
    Chars,
    Complement,
    Concat,
    Intersect,
    Look,
    Node,
    Repeat,
    Text,
    Union,
    concat,
    repeat,
)
from constrain.syntax.utf8 import FINAL, byte_automaton

from .atomic import add_atomic
from .dfa import (
    DEAD,
    DFA,
    MAX_STATES,
    Automaton,
    classes_of,
    complement,
    explore,
    minimize,
    product,
    trim,
)

States = frozenset[int]

NFA_FACTOR = 20
"""How many nondeterministic states are allowed for each deterministic one of the budget."""


@dataclass(frozen=True)
class Question:
    """Can the fragment be read from here (or, with `behind`, up to here from the text's start)?"""

    start: int
    final: int
    behind: bool


class NFA:
    """Fragments of one or more trees, in one numbering. Grows while it is built."""

    def __init__(self, max_states: int = MAX_STATES):
        self.edges: list[list[tuple[int, int, int]]] = []  # first byte, last byte, target
        self.epsilon: list[list[int]] = []
        self.tests: list[list[tuple[int, bool, int]]] = []  # question, wanted answer, target
        self.questions: list[Question] = []  # a question asks only earlier ones
        self.choices: dict[Node, list[list[int]]] = {}  # what `atomic` asks, by what is in a group
        self._known: dict[tuple[Node, bool], int] = {}
        self._budget = max_states

    def state(self) -> int:
        if len(self.edges) > self._budget * NFA_FACTOR:
            raise LimitExceeded("nondeterministic states", len(self.edges))
        self.edges.append([])
        self.epsilon.append([])
        self.tests.append([])
        return len(self.edges) - 1

    def add(self, node: Node, start: int) -> int:
        """Add a fragment that reads `node` from `start`; return the state behind it.

        Nothing that is added leads back to `start` itself.
        """
        return _ADD[type(node)](self, node, start)

    def add_chars(self, node: Chars, start: int) -> int:
        automaton = byte_automaton(node.ranges)
        numbers = {0: start, FINAL: self.state()}
        numbers.update((i, self.state()) for i in range(1, len(automaton)))
        for i, edges in enumerate(automaton):
            self.edges[numbers[i]] += [(lo, hi, numbers[to]) for lo, hi, to in edges]
        return numbers[FINAL]

    def add_text(self, node: Text, start: int) -> int:
        for byte in node.data:
            end = self.state()
            self.edges[start].append((byte, byte, end))
            start = end
        return start

    def add_concat(self, node: Concat, start: int) -> int:
        for item in node.items:
            start = self.add(item, start)
        return start

    def add_union(self, node: Union, start: int) -> int:
        return self._join([self.add(item, start) for item in node.items])

    def add_repeat(self, node: Repeat, start: int) -> int:
        for _ in range(node.lo):
            start = self.add(node.item, start)
        if node.hi is None:
            loop = self._join([start])
            self.epsilon[self.add(node.item, loop)].append(loop)
            return loop
        ends = [start]
        for _ in range(node.hi - node.lo):
            ends.append(self.add(node.item, ends[-1]))
        return self._join(ends)

    def _join(self, ends: list[int]) -> int:
        joined = self.state()
        for end in ends:
            self.epsilon[end].append(joined)
        return joined

    def add_automaton(self, node: Automaton, start: int) -> int:
        dfa = node.dfa
        numbers = [self.state() for _ in dfa.table]
        self.epsilon[start].append(numbers[dfa.start])
        for state, row in enumerate(dfa.table.tolist()):
            for lo, hi, target in _runs([row[c] for c in dfa.classes.tolist()]):
                if target != DEAD:
                    self.edges[numbers[state]].append((lo, hi, numbers[target]))
        return self._join([n for n, final in zip(numbers, dfa.accepting, strict=True) if final])

    def add_intersect(self, node: Intersect, start: int) -> int:
        dfas = [from_node(item, self._budget) for item in node.items]
        return self.add_dfa(reduce(lambda a, b: product(a, b, and_, self._budget), dfas), start)

    def add_complement(self, node: Complement, start: int) -> int:
        return self.add_dfa(complement(from_node(node.item, self._budget), self._budget), start)

    def add_dfa(self, dfa: DFA, start: int) -> int:
        return self.add_automaton(Automaton(minimize(dfa)), start)

    def add_look(self, node: Look, start: int) -> int:
        key = node.item, node.behind
        if key not in self._known:
            prefix = repeat(ANY_CHAR, 0, None) if node.behind else Concat(())
            first = self.state()
            final = self.add(concat([prefix, node.item]), first)
            self._known[key] = self.ask(first, final, node.behind)
        end = self.state()
        self.tests[start].append((self._known[key], not node.negative, end))
        return end

    def ask(self, start: int, final: int, behind: bool = False) -> int:
        """Number a question. What is asked in its fragment has to have a number already."""
        self.questions.append(Question(start, final, behind))
        return len(self.questions) - 1


_ADD: dict[type, Callable[[NFA, Any, int], int]] = {
    Chars: NFA.add_chars,
    Text: NFA.add_text,
    Concat: NFA.add_concat,
    Union: NFA.add_union,
    Repeat: NFA.add_repeat,
    Automaton: NFA.add_automaton,
    Intersect: NFA.add_intersect,
    Complement: NFA.add_complement,
    Look: NFA.add_look,
    Atomic: lambda nfa, node, start: add_atomic(nfa, node, start),
}


def _runs(targets: list[int]) -> Iterable[tuple[int, int, int]]:
    """Yield (first index, last index, value) of each run of equal values."""
    start = 0
    for value, run in groupby(targets):
        stop = start + len(list(run))
        yield start, stop - 1, value
        start = stop


class Steps:
    """How sets of states of a finished NFA move on. Only states with edges or tests are kept,
    and those that are final."""

    def __init__(self, nfa: NFA, finals: Iterable[int]):
        self.nfa = nfa
        cuts = (byte for edges in nfa.edges for lo, hi, _ in edges for byte in (lo, hi + 1))
        self.classes = classes_of(cuts)
        finals = set(finals)
        self._kept = [
            bool(edges or tests or state in finals)
            for state, (edges, tests) in enumerate(zip(nfa.edges, nfa.tests, strict=True))
        ]
        self._closures: dict[int, States] = {}
        self._moves: dict[int, list[tuple[range, States]]] = {}

    def closure(self, state: int) -> States:
        """The states that `state` reaches without a byte and without a question."""
        if state not in self._closures:
            seen, stack = {state}, [state]
            while stack:
                for target in self.nfa.epsilon[stack.pop()]:
                    if target not in seen:
                        seen.add(target)
                        stack.append(target)
            self._closures[state] = frozenset(s for s in seen if self._kept[s])
        return self._closures[state]

    def moves(self, states: Iterable[int]) -> dict[int, States]:
        """Byte class -> closed set of states that one byte of the class leads to."""
        out: dict[int, States] = {}
        for state in states:
            for byte_classes, targets in self._moves_of(state):
                for byte_class in byte_classes:
                    known = out.get(byte_class)
                    out[byte_class] = targets if known is None else known | targets
        return out

    def _moves_of(self, state: int) -> list[tuple[range, States]]:
        if state not in self._moves:
            self._moves[state] = [
                (range(self.classes[lo], self.classes[hi] + 1), self.closure(target))
                for lo, hi, target in self.nfa.edges[state]
            ]
        return self._moves[state]


def from_node(node: Node, max_states: int = MAX_STATES) -> DFA:
    """Return an automaton (trim, not minimal) of a tree without looks, by the subset construction.

    Raises Unsupported for looks and LimitExceeded past `max_states`.
    """
    nfa = NFA(max_states)
    start = nfa.state()
    final = nfa.add(node, start)
    if nfa.questions:
        raise Unsupported("a look around inside an intersection or complement of part of a text")
    steps = Steps(nfa, [final])
    return trim(
        explore(
            steps.closure(start),
            lambda states: steps.moves(states).items(),
            lambda states: final in states,
            steps.classes,
            max_states,
        )
    )
