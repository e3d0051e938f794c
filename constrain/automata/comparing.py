"""Grammars compared as languages, with a text that tells them apart; and languages backwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from operator import gt
from typing import TypeAlias

from constrain.errors import EmptyLanguage, Unsupported
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import Grammar, Regular

from . import dfa as automata
from .assembly import assembled, runnable
from .dfa import DEAD, DFA, MAX_STATES, explore, leaf, product
from .language import to_dfa
from .members import shortest
from .product import difference
from .regex_to_dfa import from_node


@dataclass(frozen=True)
class Comparison:
    """The answer, which is also its truth value, and if it is no: a shortest text that shows it.

    `only_in` says whose text it is, "left" or "right".
    """

    holds: bool
    witness: bytes | None = None
    only_in: str | None = None

    def __bool__(self) -> bool:
        return self.holds

    def __str__(self) -> str:
        if self.witness is None:
            return "yes"
        return f"no: {self.witness.decode('utf-8', 'backslashreplace')!r} is only in {self.only_in}"


def includes(left: Grammar, right: Grammar) -> Comparison:
    """Is every text of `right` a text of `left`, which has to be regular?

    Raises Unsupported if `left` is not regular, where no algorithm can exist; LimitExceeded.

    >>> from constrain.front import regex
    >>> print(includes(regex("[ab]+"), regex("a*")))
    no: '' is only in right
    """
    witness = shortest(difference(assembled(right), assembled(left)))
    return Comparison(True) if witness is None else Comparison(False, witness, "right")


def equals(left: Grammar, right: Grammar) -> Comparison:
    """Do two regular grammars have the same texts? The witness is the shortest of both sides.

    Raises Unsupported if one of them is not regular; LimitExceeded.
    """
    a, b = automaton(left), automaton(right)
    only_left = automata.shortest(product(a, b, gt))
    only_right = automata.shortest(product(b, a, gt))
    sides = {"left": only_left, "right": only_right}
    found = [(len(text), text, side) for side, text in sides.items() if text is not None]
    return Comparison(False, min(found)[1], min(found)[2]) if found else Comparison(True)


def automaton(grammar: Grammar, max_states: int = MAX_STATES) -> DFA:
    """The minimal automaton of a grammar that is regular on the face of it.

    Raises Unsupported for others, LimitExceeded past `max_states`.
    """
    try:
        return to_dfa(runnable(grammar), max_states)
    except EmptyLanguage:
        return from_node(rx.NOTHING)


def reverse(grammar: Grammar, max_states: int = MAX_STATES) -> Grammar:
    """The texts of a regular grammar read backwards, character by character.

    Raises Unsupported for a grammar that is not regular, or has strings that are no UTF-8.
    """
    dfa = automaton(grammar, max_states)
    if not automata.is_empty(product(dfa, automata.utf8(), gt)):
        raise Unsupported("the reverse of strings that are not UTF-8")
    key = "reverse", grammar.key
    return Grammar(key, {key: Regular(leaf(_reversed(dfa, max_states)))}, key)


@dataclass(frozen=True, slots=True)
class _Within:
    """Inside of a character that the automaton reads from `origin` to `goal`; now in `state`."""

    goal: int
    origin: int
    state: int
    left: int  # bytes that are still to come


Places: TypeAlias = frozenset[int | _Within]


def _reversed(dfa: DFA, max_states: int) -> DFA:
    """Sets of states, from the accepting ones back to the start, a character at a time."""
    table: list[list[int]] = dfa.table.tolist()
    pairs = list(zip(dfa.classes.tolist(), _KINDS, strict=True))
    numbers = {pair: i for i, pair in enumerate(dict.fromkeys(pairs))}
    classes = [numbers[pair] for pair in pairs]
    origins: dict[tuple[int, int], list[int]] = {}  # (byte class, state): where from
    for p, row in enumerate(table):
        for byte_class, target in enumerate(row):
            origins.setdefault((byte_class, target), []).append(p)

    def after(place: int | _Within, byte_class: int, kind: int) -> Iterable[int | _Within]:
        if isinstance(place, _Within):
            state = table[place.state][byte_class] if kind == 0 else DEAD
            if state != DEAD and place.left > 1:
                yield _Within(place.goal, place.origin, state, place.left - 1)
            elif state == place.goal:
                yield place.origin
        elif kind == 1:
            yield from origins.get((byte_class, place), ())
        elif kind > 1:
            for p, row in enumerate(table):
                if row[byte_class] != DEAD:
                    yield _Within(place, p, row[byte_class], kind - 1)

    def successors(here: Places) -> Iterable[tuple[int, Places]]:
        for pair, number in numbers.items():
            targets = frozenset(new for place in here for new in after(place, *pair))
            if targets:
                yield number, targets

    start = Places(state for state in range(len(table)) if dfa.accepting[state])
    return explore(start, successors, lambda here: dfa.start in here, classes, max_states)


_KINDS = [1] * 0x80 + [0] * 0x40 + [2] * 0x20 + [3] * 0x10 + [4] * 0x10
"""How many bytes the character has that begins with this byte; 0: it begins none."""
