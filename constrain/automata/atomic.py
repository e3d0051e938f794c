"""Atomic groups as automata: each choice is taken only if the better ones lead nowhere.

The fragment is written twice. In the free copy every choice is open; in the committed one the
way into an alternative asks, of each better alternative, that no match in the free copy begins
with it (Berglund and van der Merwe 2017 build the same by lookahead).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax.regex_analysis import width
from constrain.syntax.regex_ast import (
    EPSILON,
    Atomic,
    Chars,
    Concat,
    Look,
    Node,
    Repeat,
    Text,
    Union,
    concat,
    union,
)

if TYPE_CHECKING:
    from .regex_to_dfa import NFA

MAX_WAYS = 60


def add_atomic(nfa: NFA, node: Atomic, start: int) -> int:
    """Add the fragment of `node` from `start`; return the state behind it.

    Atomic groups of one content share their free copy.
    """
    known: dict[Node, list[list[int]]] = nfa.choices
    if node.item not in known:
        final = nfa.state()
        free = _Free(nfa, final)
        free.enter(node.item, final)
        known[node.item] = free.asked
    final = nfa.state()
    entry = _Committed(nfa, iter(known[node.item])).enter(node.item, final)
    nfa.epsilon[start].append(entry)
    return final


class _Writer:
    """Writes from the end to the start, so that what follows is always known."""

    def __init__(self, nfa: NFA):
        self.nfa = nfa

    def choice(self, options: Sequence[int]) -> int:
        """The state from which any of `options` may be taken, the best of them first."""
        raise NotImplementedError

    def enter(self, node: Node, then: int) -> int:
        """The state from which `node` is read and `then` comes next."""
        handler = _ENTER.get(type(node))
        if handler is None:
            raise _unsupported(node)
        return handler(self, node, then)

    def leaf(self, node: Node, then: int) -> int:
        """What has at most one match at a place, and so no choice to make."""
        start = self.nfa.state()
        self.nfa.epsilon[self.nfa.add(node, start)].append(then)
        return start

    def concat(self, node: Concat, then: int) -> int:
        for item in reversed(node.items):
            then = self.enter(item, then)
        return then

    def union(self, node: Union, then: int) -> int:
        return self.choice([self.enter(item, then) for item in node.items])

    def repeat(self, node: Repeat, then: int) -> int:
        """As `re` does it: in a repetition beyond the least, taking nothing is the last time."""
        ways = _ways(node.item)
        start = then
        if node.hi is None:
            start = self.nfa.state()
            self.nfa.epsilon[start].append(self.turn(ways, node.lazy, start, then))
        for _ in range(0 if node.hi is None else node.hi - node.lo):
            start = self.turn(ways, node.lazy, start, then)
        for _ in range(node.lo):
            start = self.enter(node.item, start)
        return start

    def turn(self, ways: Sequence[Way], lazy: bool, again: int, then: int) -> int:
        """Once more, or on."""
        if lazy:
            return self.choice([then, *(self.enter(way, again) for way, long in ways if long)])
        options = [self.enter(way, again if long else then) for way, long in ways]
        return self.choice(options if _NOTHING_TAKEN in ways else [*options, then])


class _Free(_Writer):
    """Every choice is open."""

    def __init__(self, nfa: NFA, final: int):
        super().__init__(nfa)
        self.final = final
        self.asked: list[list[int]] = []  # of each choice, "does a match begin with this option?"

    def choice(self, options: Sequence[int]) -> int:
        start = self.nfa.state()
        self.nfa.epsilon[start] += options
        self.asked.append([self.nfa.ask(option, self.final) for option in options[:-1]])
        return start


class _Committed(_Writer):
    """An option is open where no better one begins a match."""

    def __init__(self, nfa: NFA, asked: Iterator[list[int]]):
        super().__init__(nfa)
        self.asked = asked

    def choice(self, options: Sequence[int]) -> int:
        start = at = self.nfa.state()
        for option, question in zip(options, [*next(self.asked), None], strict=True):
            self.nfa.epsilon[at].append(option)
            if question is not None:
                after = self.nfa.state()
                self.nfa.tests[at].append((question, False, after))
                at = after
        return start


_ENTER: dict[type, Callable[[_Writer, Any, int], int]] = {
    Chars: _Writer.leaf,
    Text: _Writer.leaf,
    Look: _Writer.leaf,
    Atomic: _Writer.leaf,
    Concat: _Writer.concat,
    Union: _Writer.union,
    Repeat: _Writer.repeat,
}


def _unsupported(node: Node) -> Unsupported:
    return Unsupported(f"{type(node).__name__.lower()} inside of an atomic group")


# ------------------------------------------------------------------ repeating what may be empty

Way: TypeAlias = tuple[Node, bool]
"""Matches of one kind, and whether they take some text (else: none)."""

_NOTHING_TAKEN: Way = (EPSILON, False)


def _ways(node: Node) -> list[Way]:
    """The matches of `node`, best first: those that take text apart from those that do not."""
    if width(node)[0]:
        return [(node, True)]
    if type(node) not in _WAYS:
        raise _unsupported(node)
    ways = list(dict.fromkeys(_WAYS[type(node)](node)))
    if len(ways) > MAX_WAYS:
        raise LimitExceeded("ways to match in an atomic group", len(ways))
    return ways


def _concat_ways(node: Concat) -> Iterator[Way]:
    if not node.items:
        yield _NOTHING_TAKEN
        return
    rest = concat(node.items[1:])
    for way, takes in _ways(node.items[0]):
        if takes:
            yield concat([way, rest]), True
        else:
            yield from ((concat([way, other]), long) for other, long in _ways(rest))


def _repeat_ways(node: Repeat) -> Iterator[Way]:
    """Once and the rest, where there is one: like the sequence of the two, or nothing."""
    if node.hi == 0:
        yield _NOTHING_TAKEN
        return
    left = None if node.hi is None else node.hi - 1
    rest = Repeat(node.item, max(0, node.lo - 1), left, node.lazy)
    if node.lo > MAX_WAYS:
        raise LimitExceeded("turns of what may be empty, in an atomic group", node.lo)
    if node.lo:
        yield from _ways(Concat((node.item, rest)))
        return
    if node.lazy:
        yield _NOTHING_TAKEN
    for way, takes in _ways(node.item):
        yield (concat([way, rest]), True) if takes else (way, False)
    yield _NOTHING_TAKEN


def _atomic_ways(node: Atomic) -> Iterator[Way]:
    """Each way of the group, where none of the better ones is open."""
    better: list[Node] = []
    for way, takes in _ways(node.item):
        guard = [Look(union(better), behind=False, negative=True)] if better else []
        yield concat([*guard, Atomic(way) if takes else way]), takes
        better.append(way)
        if way == EPSILON:
            return


_WAYS: dict[type, Callable[[Any], Iterable[Way]]] = {
    Text: lambda node: [_NOTHING_TAKEN],
    Look: lambda node: [(node, False)],
    Concat: _concat_ways,
    Union: lambda node: (way for item in node.items for way in _ways(item)),
    Repeat: _repeat_ways,
    Atomic: _atomic_ways,
}
