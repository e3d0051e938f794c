"""Sets of property names: given ones, those of regular languages, or all but these."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import cast

from constrain.automata.dfa import DEAD, DFA, Automaton, accepts, explore, minimize, utf8
from constrain.automata.regex_to_dfa import from_node
from constrain.automata.resolve import resolve
from constrain.syntax import regex_ast as regex


@dataclass(frozen=True, slots=True)
class Names:
    """Names in `texts` or in one of `languages`; with `outside`, all other names."""

    texts: frozenset[str] = frozenset()
    languages: tuple[regex.Node, ...] = ()
    outside: bool = False

    def __contains__(self, name: str) -> bool:
        inside = name in self.texts or any(is_in(node, name) for node in self.languages)
        return inside is not self.outside

    @property
    def is_all(self) -> bool:
        return self == ALL

    def inverse(self) -> Names:
        """The other names."""
        return Names(self.texts, self.languages, not self.outside)


ALL = Names(outside=True)


def one(name: str) -> Names:
    """Just this name."""
    return Names(frozenset((name,)))


def of(language: regex.Node) -> Names:
    """The names of a regular language."""
    return Names(languages=(language,))


def union(sets: Iterable[Names]) -> Names:
    """Names that are in some of `sets`.

    >>> "c" in union([one("a"), one("b").inverse()])
    True
    """
    texts: set[str] = set()
    languages: dict[regex.Node, None] = {}
    others: list[regex.Node] = []
    for names in sets:
        if names.is_all:
            return ALL
        if names.outside:
            others.append(language(names))
        else:
            texts |= names.texts
            languages.update(dict.fromkeys(names.languages))
    return Names(frozenset(texts), (*languages, *others))


def language(names: Names) -> regex.Node:
    """The set as a regular language."""
    parts = [*map(regex.text, sorted(names.texts)), *names.languages]
    inside = regex.union(parts)
    if inside == regex.NOTHING and names.outside:
        return regex.repeat(regex.ANY_CHAR, 0, None)
    return regex.Complement(inside) if names.outside else inside


@lru_cache(maxsize=4096)
def is_in(node: regex.Node, text: str) -> bool:
    """Is `text` in the language of `node`?"""
    return accepts(automaton(node), text.encode())


@lru_cache(maxsize=512)
def automaton(node: regex.Node) -> DFA:
    """The minimal automaton of a language."""
    if isinstance(node, Automaton):
        return node.dfa
    return minimize(from_node(resolve(node)))


@lru_cache(maxsize=512)
def outside(texts: frozenset[str]) -> DFA:
    """All names but these: their trie beside the automaton of UTF-8, not minimised."""
    words = {text.encode() for text in texts}
    begun = {word[:n] for word in words for n in range(len(word) + 1)}
    text = utf8()
    used = sorted({byte for word in words for byte in word})
    n_kinds = int(text.classes.max()) + 1
    kinds = [int(text.classes[b]) for b in range(256)]
    for k, byte in enumerate(used):
        kinds[byte] = n_kinds + k
    numbers = {kind: i for i, kind in enumerate(dict.fromkeys(kinds))}
    classes = [numbers[kind] for kind in kinds]
    examples = {kind: byte for byte, kind in enumerate(classes)}

    def successors(
        state: tuple[bytes | None, int],
    ) -> Iterator[tuple[int, tuple[bytes | None, int]]]:
        before, here = state
        for kind, byte in examples.items():
            target = int(text.table[here, text.classes[byte]])
            if target != DEAD:
                longer = None if before is None else before + bytes((byte,))
                yield kind, (longer if longer in begun else None, target)

    def accepts_here(state: tuple[bytes | None, int]) -> bool:
        return bool(text.accepting[state[1]]) and state[0] not in words

    start: tuple[bytes | None, int] = (b"" if words else None, text.start)
    return explore(start, successors, accepts_here, classes)


def tree(dfa: DFA) -> regex.Node:
    """The language of a trim automaton as a tree."""
    return regex.NOTHING if dfa.start == DEAD else cast(regex.Node, Automaton(dfa))
