"""Can a contextual lexer get stuck? A proof, for most grammars, that it cannot.

A lexer takes the longest match, so a terminal may swallow what should have followed it, or lose
against another of the same text. Whether that leaves texts that nothing can finish is decided
here for the worst case, in which all terminals compete: with fewer of them every match that won
still wins, and every byte that ended a lexeme still ends it.

The lexer is a deterministic automaton over the joined automaton of the terminals; a lazy
terminal stops at its first match. If there is no proof with all of them in competition, one is
tried in which those compete that may follow the same terminal.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from constrain.errors import LimitExceeded
from constrain.syntax.grammar import (
    Call,
    Choice,
    Grammar,
    Lexeme,
    Repeat,
    Sequence,
    Terminal,
)

from .analysis import terminal_pairs
from .normal_form import END, START, NormalForm, used_rules
from .regex_to_dfa import NFA, States, Steps
from .resolve import resolve
from .rule_graph import walk

MAX_STATES = 5_000
MAX_PLACES = 20_000

Pairs: TypeAlias = frozenset[tuple[str, str]]
"""(terminal, one that the parser may want next)"""

Place: TypeAlias = tuple[int, int]
"""(lexer state running on behind the last lexeme, or 0; lexer state of this lexeme)"""


@dataclass(frozen=True, eq=False)
class Lexer:
    """Terminals side by side, in each of some contexts. State 0 is nowhere, 1 + i begins a lexeme
    in context i, where the terminals `contexts[i]` compete."""

    contexts: list[Set[str]]
    classes: list[int]  # byte -> equivalence class
    moves: list[dict[int, int]]  # state -> byte class -> state; none where nobody goes on
    alive: list[Set[str]]  # state -> terminals that can take more bytes
    winner: list[str | None]  # state -> best of the terminals that match here
    context: list[int]  # state -> the context that its lexeme began in

    def live(self, state: int) -> Set[str]:
        """The terminals that can go on, and the one that wins."""
        best = self.winner[state]
        return self.alive[state] if best is None else self.alive[state] | {best}


class _Terminals:
    """The joined automaton of some terminals."""

    def __init__(self, terminals: Iterable[Terminal], max_states: int):
        self.specs = sorted(terminals, key=lambda t: t.rank)
        self._nfa = NFA(max_states)
        self._starts = list[int]()
        self._finals = dict[int, int]()  # state behind a terminal -> its index
        for i, spec in enumerate(self.specs):
            self._starts.append(self._nfa.state())
            self._finals[self._nfa.add(resolve(spec.node), self._starts[-1])] = i
        self._steps = Steps(self._nfa, self._finals)
        self.classes = self._steps.classes

    def begin(self, names: Set[str]) -> States:
        """Where a lexeme of one of these terminals begins."""
        closures = (
            self._steps.closure(start)
            for spec, start in zip(self.specs, self._starts, strict=True)
            if spec.name in names
        )
        return frozenset[int]().union(*closures)

    def moves(self, states: States) -> Mapping[int, States]:
        return self._steps.moves(states)

    def judged(self, states: States) -> tuple[States, str | None]:
        """Those that can go on, and who wins if the lexeme ends here."""
        matched = {self._finals[s] for s in states if s in self._finals}
        done = {i for i in matched if self.specs[i].lazy}
        going = (s for s in states if self._nfa.edges[s] and self._owner(s) not in done)
        return frozenset(going), self.specs[min(matched)].name if matched else None

    def names(self, states: States) -> Set[str]:
        return frozenset(self.specs[i].name for i in set(map(self._owner, states)))

    def _owner(self, state: int) -> int:
        return bisect_right(self._starts, state) - 1


def lexer(
    terminals: Iterable[Terminal], contexts: Iterable[Set[str]], max_states: int = MAX_STATES
) -> Lexer:
    """The lexer of these terminals. Raises LimitExceeded past `max_states`."""
    joined = _Terminals(terminals, max_states)
    machine = Lexer(list(contexts), joined.classes, [{}], [frozenset()], [None], [-1])
    found = [(i, joined.judged(joined.begin(c))) for i, c in enumerate(machine.contexts)]
    numbers = dict[tuple[int, tuple[States, str | None]], int]()  # the beginnings stay apart
    for context, (going, winner) in found:
        row = dict[int, int]()
        for byte_class, states in joined.moves(going).items():
            target = context, joined.judged(states)
            row[byte_class] = number = numbers.setdefault(target, len(found) + 1)
            if number > len(found):
                found.append(target)
        machine.moves.append(row)
        machine.alive.append(joined.names(going))
        machine.winner.append(winner)
        machine.context.append(context)
        if len(found) > max_states:
            raise LimitExceeded("lexer states", len(found))
    return machine


def never_stuck(grammar: NormalForm) -> bool:
    """Is it proved that every text that the lexer and the parser take can be finished?

    False says only that this check has found no proof. Cost: some 20 us for each state of the
    lexer, once for the terminals and the pairs of neighbours among them.
    """
    rules = used_rules(grammar)
    if any(type(part) not in _STRUCTURE for expr in rules.values() for part in walk(expr)):
        return False
    rules[START] = Sequence((Lexeme(START), rules[START]))
    pairs = terminal_pairs(Grammar(START, rules, START))
    return _never_stuck(
        grammar.terminals,
        grammar.ignore,
        frozenset((before, after) for before, after in pairs if after is not None),
    )


_STRUCTURE = {Sequence, Choice, Repeat, Call, Lexeme}


@lru_cache(maxsize=64)
def _never_stuck(terminals: tuple[Terminal, ...], ignore: frozenset[str], pairs: Pairs) -> bool:
    wanted = {after for _, after in pairs}
    if not ignore.isdisjoint(wanted):  # the parser waits for it and never gets it
        return False
    after: dict[str, set[str]] = {START: set(), **{t.name: set() for t in terminals}}
    for name, follower in pairs:
        after[name].add(follower)
    after.update((name, wanted) for name in ignore)
    real = [terminal for terminal in terminals if terminal.name != END.name]
    everywhere = dict.fromkeys(after, frozenset(after))
    by_neighbour = {name: ignore.union(names) for name, names in after.items()}
    try:
        return any(_proved(real, after, ignore, rivals) for rivals in (everywhere, by_neighbour))
    except LimitExceeded:
        return False


def _proved(
    terminals: Iterable[Terminal],
    after: Mapping[str, Set[str]],
    ignore: Set[str],
    rivals: Mapping[str, frozenset[str]],
) -> bool:
    """`rivals`: the terminals that compete for the lexeme behind this one."""
    contexts = list(dict.fromkeys(rivals[name] for name in after if name not in ignore))
    begin = {name: 1 + contexts.index(rivals[name]) for name in after if name not in ignore}
    return Proof(lexer(terminals, contexts), after, begin).holds()


class Proof:
    """From each lexer state where a terminal can go on, can a text be led where it should go?

    A lexeme may end where another terminal goes on for some bytes, in vain: the text is then
    read anew from the end of the lexeme. So a place is a pair (lexer state that is running on
    behind the end of the lexeme before, or 0; lexer state of the lexeme in progress).

    `ready[t]` are the places in a lexeme of `t` that are good for every terminal that may
    follow: bytes lead on to a place where `t` wins, and there some byte ends the lexeme and
    begins the follower at a place that is ready again. It is the greatest such family.
    """

    def __init__(self, machine: Lexer, after: Mapping[str, Set[str]], begin: Mapping[str, int]):
        self.machine = machine
        self.begin = begin  # terminal -> where the next lexeme begins; not for the ignored
        self.after = {name: names - {END.name} for name, names in after.items()}
        names = [name for name in after if name not in (START, END.name)]
        self.ignored = [name for name in names if name not in begin]
        self.ends: dict[str, list[Place]] = {name: [] for name in names}  # where it wins
        self.before: dict[str, dict[Place, set[Place]]] = {name: {} for name in names}
        self.begun: dict[Place, frozenset[Place]] = {}  # behind the end of a lexeme: the next one
        self._led_to: dict[tuple[str, frozenset[Place]], Set[Place]] = {}
        for place in self._places():
            winner = machine.winner[place[1]]
            if winner is not None:
                self.ends[winner].append(place)
            for target in self._next(place):
                for name in machine.alive[place[1]] & machine.live(target[1]):
                    self.before[name].setdefault(target, set()).add(place)
        self.ready = {name: self._lead_to(name, frozenset(e)) for name, e in self.ends.items()}

    def holds(self) -> bool:
        """Is every state where some terminal can go on ready for it?"""
        going = {name: set[Place]() for name in self.ends}
        for state, alive in enumerate(self.machine.alive):
            for name in alive:
                going[name].add((0, state))
        while all(places <= self.ready[name] for name, places in going.items()):
            smaller = self._narrowed()
            if smaller == self.ready:
                return True
            self.ready = smaller
        return False

    # -- places

    def _places(self) -> Iterable[Place]:
        """All places that matter, and in `begun` what comes next where a lexeme may end."""
        found = dict.fromkeys((0, state) for state in range(1, len(self.machine.moves)))
        todo = list(found)
        while todo:
            place = todo.pop()
            targets = self._next(place)
            if self.machine.winner[place[1]] is not None:
                self.begun[place] = frozenset(self._begin(place))
                targets = targets | self.begun[place]
            new = [target for target in targets if target not in found]
            found.update(dict.fromkeys(new))
            todo.extend(new)
            if len(found) > MAX_PLACES:
                raise LimitExceeded("places in lexemes", len(found))
        return found

    def _next(self, place: Place) -> set[Place]:
        """The places that one byte leads to, inside the same lexeme."""
        over, state = place
        moves, winner = self.machine.moves, self.machine.winner
        return {
            (moves[over].get(byte_class, 0), target)
            for byte_class, target in moves[state].items()
            if winner[moves[over].get(byte_class, 0)] is None
        }

    def _begin(self, place: Place) -> Iterable[Place]:
        """The places after the first byte of the next lexeme, unless a longer match comes of it."""
        over, state = place
        moves, winner = self.machine.moves, self.machine.winner
        begin = self.begin.get(winner[state] or "", 1 + self.machine.context[state])
        for byte_class, first in moves[begin].items():
            before, longer = moves[over].get(byte_class, 0), moves[state].get(byte_class, 0)
            if not (before and longer) and winner[before or longer] is None:
                yield before or longer, first

    # -- fixpoints

    def _narrowed(self) -> dict[str, Set[Place]]:
        begins = {name: self._begins(name) for name in self.ends}
        ready = dict(self.ready)
        for name in self.ends:
            ways = dict[frozenset[Place], Set[Place]]()
            for follower in self.after[name]:
                begin = begins[follower]
                if begin not in ways:
                    ways[begin] = self._led(name, begin)
                ready[name] = ready[name] & (ways[begin] | self._irrelevant(name, follower))
        return ready

    def _irrelevant(self, name: str, follower: str) -> Set[Place]:
        """Places in an ignored lexeme that stand where `follower` is not waited for."""
        if name not in self.ignored:
            return frozenset()
        machine = self.machine
        return {
            place
            for place in self.ready[name]
            if follower not in machine.contexts[machine.context[place[1]]]
        }

    def _begins(self, name: str) -> frozenset[Place]:
        """Where a lexeme of `name` may have begun, perhaps behind ignored ones."""
        found = frozenset(self.ready[name])
        while True:
            more = found.union(*(self._led(ignored, found) for ignored in self.ignored))
            if len(more) == len(found):
                return found
            found = more

    def _led(self, name: str, begins: Set[Place]) -> Set[Place]:
        """Where bytes can lead a lexeme of `name` to its end and the next one to `begins`."""
        ends = self.ends[name]
        goals = frozenset(end for end in ends if not begins.isdisjoint(self.begun[end]))
        return self._lead_to(name, goals)

    def _lead_to(self, name: str, goals: frozenset[Place]) -> Set[Place]:
        """The places from which `name`, going on, comes to one of `goals`.

        Found once for all goals that are the same, as they are for most followers.
        """
        if (name, goals) not in self._led_to:
            found, todo = set(goals), list(goals)
            while todo:
                new = self.before[name].get(todo.pop(), set[Place]()) - found
                found |= new
                todo.extend(new)
            self._led_to[name, goals] = found
        return self._led_to[name, goals]
