"""Automata for trees that look at the text around them, however deep and nested the looks are.

One automaton reads the whole text. Lookbehinds are known when they are asked, because their
fragments run along from the start. The answer to a lookahead is guessed, and what was guessed
has to come true later (as in alternating automata: Chandra, Kozen and Stockmeyer 1981).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from constrain.errors import LimitExceeded
from constrain.syntax.regex_ast import Node

from .dfa import DFA, MAX_STATES, explore, trim
from .regex_to_dfa import NFA, States, Steps

EMPTY: States = frozenset()
CONFIGS_FACTOR = 10  # configurations allowed for each state of the budget
MAX_GUESSES = 1024
MAX_WORK = 1_000_000
"""Steps of configurations and of states through tests, at some 1 us."""


class Config(NamedTuple):
    """Where everything that reads the text stands between two bytes."""

    main: States  # of the tree itself
    behind: States  # of the fragments of all lookbehinds
    never: States  # of lookaheads that were guessed to fail: none may become final
    must: frozenset[States]  # of each lookahead that was guessed to succeed and has not yet


def from_node_with_looks(node: Node, max_states: int = MAX_STATES) -> DFA:
    """Return an automaton (trim, not minimal) of the texts that, taken whole, match `node`.

    The subset construction over configurations: a state is the set of those that the guesses
    so far can have led to. Raises LimitExceeded past `max_states`.
    """
    nfa = NFA(max_states)
    start = nfa.state()
    final = nfa.add(node, start)
    reader = _Reader(nfa, final, max_states)
    first = Config(
        reader.steps.closure(start),
        EMPTY.union(*(reader.steps.closure(q.start) for q in nfa.questions if q.behind)),
        EMPTY,
        frozenset(),
    )
    return trim(
        explore(
            _merged(reader.settled(first)),
            reader.successors,
            lambda configs: any(final in config.main and not config.must for config in configs),
            reader.steps.classes,
            max_states,
        )
    )


def _merged(configs: list[Config]) -> frozenset[Config]:
    """Join configurations that differ in `main` only, where any way to the end will do."""
    if len(configs) == 1:
        return frozenset(configs)
    mains: dict[tuple[States, States, frozenset[States]], States] = {}
    for main, behind, never, must in configs:
        key = behind, never, must
        mains[key] = mains.get(key, EMPTY) | main
    return frozenset(Config(main, *key) for key, main in mains.items())


class _Reader:
    def __init__(self, nfa: NFA, final: int, max_states: int):
        self.questions = nfa.questions
        self.tests = {state: tests for state, tests in enumerate(nfa.tests) if tests}
        self.tested = frozenset(self.tests)
        self.max_configs = CONFIGS_FACTOR * max_states
        self._settled: dict[Config, list[Config]] = {}
        self._work = 0
        finals = {final, *(question.final for question in nfa.questions)}
        self.steps = Steps(nfa, finals)
        self.n_classes = max(self.steps.classes) + 1
        self.goes_on = [bool(edges) or state in finals for state, edges in enumerate(nfa.edges)]
        self.ahead_finals = {q.final for q in nfa.questions if not q.behind}

    def successors(self, configs: frozenset[Config]) -> Iterator[tuple[int, frozenset[Config]]]:
        reached: dict[int, list[Config]] = {}
        self.spend(len(configs) * self.n_classes)
        for config in configs:
            behind, never = self.steps.moves(config.behind), self.steps.moves(config.never)
            musts = [self.steps.moves(states) for states in config.must]
            for c, main in self.steps.moves(config.main).items():
                if all(c in moves for moves in musts):
                    must = frozenset(moves[c] for moves in musts)
                    later = Config(main, behind.get(c, EMPTY), never.get(c, EMPTY), must)
                    reached.setdefault(c, []).extend(self.settled(later))
        for c, found in reached.items():
            if found:
                yield c, _merged(found)

    def spend(self, steps: int) -> None:
        self._work += steps
        if self._work > MAX_WORK:
            raise LimitExceeded("work on lookarounds", self._work, "use fewer or simpler ones")

    def settled(self, config: Config) -> list[Config]:
        """`settle`, remembered: many bytes lead to the same configuration."""
        if config not in self._settled:
            if len(self._settled) > self.max_configs:
                raise LimitExceeded("configurations of lookarounds", len(self._settled))
            self._settled[config] = list(self.settle(config))
        return self._settled[config]

    def settle(self, config: Config) -> Iterator[Config]:
        """Answer the questions that are asked here, in every way that is not yet refuted."""
        for answers in self.answers(config):
            main = self.follow(config.main, answers)
            behind = self.follow(config.behind, answers)
            begun = {q: self.steps.closure(self.questions[q].start) for q in answers}
            ahead = {q: states for q, states in begun.items() if not self.questions[q].behind}
            failing = EMPTY.union(*(states for q, states in ahead.items() if not answers[q]))
            hoped = [*config.must, *(states for q, states in ahead.items() if answers[q])]

            never = self.follow(config.never | failing, answers)
            musts = {self.follow(states, answers) for states in hoped}
            must = _strictest(states for states in musts if not states & self.ahead_finals)
            if main and not never & self.ahead_finals and EMPTY not in must:
                yield Config(main, behind, never, must)

    def answers(self, config: Config) -> Iterator[dict[int, bool]]:
        """Yield possible answers to the questions asked here. Later ones may rest on earlier."""
        possible: list[dict[int, bool]] = [{}]
        asked = sorted(self.asked(config))
        for q in asked:
            final = self.questions[q].final
            if self.questions[q].behind:
                for answers in possible:
                    answers[q] = final in self.follow(config.behind, answers)
            else:
                guesses = list[dict[int, bool]]()
                for answers in possible:
                    begun = [other for other in asked if other > q or other in answers]
                    matters = self.matters(q, config, begun, answers)
                    guesses += [{**answers, q: x} for x in (True, False)] if matters else [answers]
                possible = [a for a in guesses if self.follow(config.main, a, hopeful=True)]
                if len(possible) > MAX_GUESSES:
                    raise LimitExceeded("guesses about lookaheads at one place", len(possible))
        yield from possible

    def asked(self, config: Config) -> set[int]:
        """The questions that may matter for any of the states here."""
        found: set[int] = set()
        stack = list(config.main.union(config.behind, config.never, *config.must))
        seen = set(stack)
        while stack:
            for q, _, target in self.tests.get(stack.pop(), ()):
                found.add(q)
                states = set(self.steps.closure(target))
                if not self.questions[q].behind:
                    states |= self.steps.closure(self.questions[q].start)
                stack += states - seen
                seen |= states
        return found

    def matters(
        self, question: int, config: Config, begun: Iterable[int], answers: dict[int, bool]
    ) -> bool:
        """After these answers, can anything here, or in a question that begins here, still come
        to a test of this question?"""
        starts = (self.steps.closure(self.questions[q].start) for q in begun)
        states = config.main.union(config.behind, config.never, *config.must, *starts)
        tested = (test[0] for s in self.passed(states, answers) for test in self.tests.get(s, ()))
        return question in tested

    def follow(self, states: States, answers: dict[int, bool], hopeful: bool = False) -> States:
        """Return the states with edges, or final, that are reached through tests.

        Tests without an answer lead nowhere, or if `hopeful` wherever they can.
        """
        if states.isdisjoint(self.tested):
            return states
        seen = self.passed(states, answers, hopeful)
        return frozenset(state for state in seen if self.goes_on[state])

    def passed(self, states: States, answers: dict[int, bool], hopeful: bool = True) -> set[int]:
        """All states that are reached through tests, as `follow` has it."""
        seen, stack = set(states), list(states)
        while stack:
            for q, wanted, target in self.tests.get(stack.pop(), ()):
                if answers.get(q, wanted if hopeful else None) == wanted:
                    new = self.steps.closure(target) - seen
                    seen |= new
                    stack += new
        self.spend(len(seen))
        return seen


def _strictest(musts: Iterable[States]) -> frozenset[States]:
    """Drop what is implied: where fewer states succeed, more do."""
    found = set(musts)
    return frozenset(states for states in found if not any(other < states for other in found))
