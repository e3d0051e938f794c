"""Can a contextual lexer get stuck? A proof, for most grammars, that it cannot.

A lexer takes the longest match, so a terminal may swallow what should have followed it, or lose
against another of the same text. Whether that leaves texts that nothing can finish is decided
here for the worst case, in which all terminals compete: with fewer of them every match that won
still wins, and every byte that ended a lexeme still ends it.

The lexer of all terminals is one deterministic automaton over the joined automaton of the
terminals; a lazy terminal stops at its first match.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Hashable, Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Call, Choice, Expr, Grammar, Lexeme, Repeat, Sequence
from constrain.syntax.grammar import Terminal as TerminalSpec

from .analysis import terminal_pairs
from .normal_form import END, NormalForm
from .regex_to_dfa import NFA, States, Steps
from .resolve import resolve
from .rule_graph import walk

MAX_STATES = 5_000

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True, eq=False)
class Lexer:
    """All terminals side by side. State 0 is the start; it is entered by no byte."""

    moves: list[dict[int, int]]  # state -> byte class -> state; none where nobody goes on
    alive: list[frozenset[str]]  # state -> terminals that can take more bytes
    winner: list[str | None]  # state -> best of the terminals that match here


def lexer(terminals: Iterable[TerminalSpec], max_states: int = MAX_STATES) -> Lexer:
    """The lexer of these terminals. Raises LimitExceeded past `max_states`."""
    specs = sorted(terminals, key=lambda t: t.rank)
    nfa = NFA(max_states)
    starts = list[int]()
    finals = dict[int, int]()  # state behind a terminal -> its index
    for i, spec in enumerate(specs):
        starts.append(nfa.state())
        finals[nfa.add(resolve(spec.node), starts[-1])] = i
    steps = Steps(nfa, finals)

    def owner(state: int) -> int:
        return bisect_right(starts, state) - 1

    def judged(states: States) -> tuple[States, str | None]:
        """Those that can go on, and who wins if the lexeme ends here."""
        matched = {finals[s] for s in states if s in finals}
        done = {i for i in matched if specs[i].lazy}
        going = frozenset(s for s in states if nfa.edges[s] and owner(s) not in done)
        return going, specs[min(matched)].name if matched else None

    found = [judged(frozenset[int]().union(*map(steps.closure, starts)))]
    numbers = {found[0]: 0}
    moves = list[dict[int, int]]()
    for going, _ in found:
        row = dict[int, int]()
        for byte_class, states in steps.moves(going).items():
            target = judged(states)
            number = numbers.setdefault(target, len(found))
            if number == len(found):
                found.append(target)
            row[byte_class] = number
        moves.append(row)
        if len(found) > max_states:
            raise LimitExceeded("lexer states", len(found))
    names = [frozenset(specs[i].name for i in {owner(s) for s in going}) for going, _ in found]
    return Lexer(moves, names, [winner for _, winner in found])


def never_stuck(grammar: NormalForm) -> bool:
    """Is it proved that every text that the lexer and the parser take can be finished?

    False says only that this check has found no proof. Cost: that of `lexer`, once for the
    terminals and the pairs of neighbours among them.
    """
    expressions = (part for expr in (*grammar.rules.values(), grammar.start) for part in walk(expr))
    if not all(type(part) in _STRUCTURE for part in expressions):
        return False
    return _never_stuck(grammar.terminals, grammar.ignore, _neighbours(grammar))


_STRUCTURE = {Sequence, Choice, Repeat, Call, Lexeme}


def _neighbours(grammar: NormalForm) -> Pairs:
    """(terminal, one that the parser may want next)."""
    start = object()
    rules: Mapping[Hashable, Expr] = {**grammar.rules, start: grammar.start}
    pairs = terminal_pairs(Grammar(None, rules, start))
    return frozenset((before, after) for before, after in pairs if after is not None)


@lru_cache(maxsize=64)
def _never_stuck(terminals: tuple[TerminalSpec, ...], ignore: Set[str], pairs: Pairs) -> bool:
    try:
        machine = lexer(t for t in terminals if t.name != END.name)
    except LimitExceeded:
        return False
    after: dict[str, set[str]] = {terminal.name: set() for terminal in terminals}
    for name, follower in pairs:
        after[name].add(follower)
    after.update(dict.fromkeys(ignore, set(after)))
    return Proof(machine, after, ignore).holds()


class Proof:
    """From each lexer state where a terminal can go on, can a text be led where it should go?

    `ready[t]` are the states inside a lexeme of `t` that are good for every terminal that may
    follow: bytes lead on to a state where `t` wins, and there some byte ends the lexeme and
    begins the follower in a state that is ready again. It is the greatest such family.
    """

    def __init__(self, machine: Lexer, after: Mapping[str, Set[str]], ignore: Set[str]):
        self.machine = machine
        self.after = {name: names for name, names in after.items() if name != END.name}
        self.ignore = ignore
        self.ends: dict[str, list[int]] = {name: [] for name in self.after}  # where it wins
        self.before: dict[str, dict[int, set[int]]] = {name: {} for name in self.after}
        for state, (row, alive) in enumerate(zip(machine.moves, machine.alive, strict=True)):
            winner = machine.winner[state]
            if winner is not None:
                self.ends[winner].append(state)
            for target in set(row.values()):
                best = machine.winner[target]
                lives = machine.alive[target] if best is None else machine.alive[target] | {best}
                for name in alive & lives:
                    self.before[name].setdefault(target, set()).add(state)
        self.ready: dict[str, Set[int]] = {
            name: self._lead_to(name, ends) for name, ends in self.ends.items()
        }

    def holds(self) -> bool:
        """Is every state where some terminal can go on ready for it?"""
        going = {name: set[int]() for name in self.after}
        for state, alive in enumerate(self.machine.alive):
            for name in alive:
                going[name].add(state)
        while all(going[name] <= self.ready[name] for name in going):
            smaller = self._narrowed()
            if smaller == self.ready:
                return True
            self.ready = smaller
        return False

    def _narrowed(self) -> dict[str, Set[int]]:
        begins = {name: self._begins(name) for name in self.ends}
        return {
            name: self.ready[name].intersection(
                *(
                    self._led(name, classes)
                    for classes in {begins[b] for b in self.after[name] if b != END.name}
                )
            )
            for name in self.ends
        }

    def _begins(self, name: str) -> frozenset[int]:
        """The byte classes that can begin `name`, perhaps behind ignored lexemes."""
        first = self.machine.moves[0].items()
        found = {c for c, state in first if state in self.ready[name]}
        while True:
            behind = [self._led(ignored, frozenset(found)) for ignored in self.ignore]
            more = {c for c, state in first if any(state in states for states in behind)} - found
            if not more:
                return frozenset(found)
            found |= more

    def _led(self, name: str, classes: frozenset[int]) -> set[int]:
        """Where bytes can lead a lexeme of `name` to an end that one of `classes` enforces."""
        moves = self.machine.moves
        return self._lead_to(name, [s for s in self.ends[name] if not classes <= moves[s].keys()])

    def _lead_to(self, name: str, goals: Iterable[int]) -> set[int]:
        """The states from which `name`, going on, comes to one of `goals`."""
        found = set(goals)
        todo = list(found)
        while todo:
            new = self.before[name].get(todo.pop(), set[int]()) - found
            found |= new
            todo.extend(new)
        return found
