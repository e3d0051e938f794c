"""The shortest text with two derivations, looked for among short ones.

Two leftmost derivations are followed side by side. They take the same steps up to a nonterminal
where they choose different right-hand sides; from there on each goes its own way and both have
to read the same bytes. Pairs are tried in the order of the shortest text that may come of them,
so the first that is found is a shortest one. (Whether there is any cannot be decided: Cantor
1962.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias, TypeVar

from .language import shown
from .productions import ATOMS, Productions, Row

Tree: TypeAlias = "tuple[str, tuple[Part, ...]]"
"""The rule, and what it stands for: trees of other rules, texts, lexemes."""

Part: TypeAlias = "Tree | bytes | Atom"

T = TypeVar("T")

READABLE = b"abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ" + bytes(range(32, 127))


@dataclass(frozen=True)
class Atom:
    """A lexeme of a terminal."""

    terminal: str


@dataclass(frozen=True)
class Ambiguity:
    """A shortest text with two derivations, made of bytes or of lexemes."""

    text: tuple[bytes | Atom, ...]
    derivations: tuple[Tree, Tree]


@dataclass(frozen=True)
class _Node:
    """A pair of stacks after some steps, and the last step: rows taken, or a byte read."""

    left: int
    right: int
    apart: bool
    before: _Node | None = None
    rows: tuple[Row | None, Row | None] = (None, None)
    read: int = 0
    length: int = 0


def search(grammar: Productions, max_length: int, max_steps: int) -> tuple[Ambiguity | None, int]:
    """(an ambiguity or None, the length up to which there is no other).

    At most `max_steps` pairs are looked at.
    """
    searcher = _Searcher(grammar)
    found, complete = searcher.run(max_length, max_steps)
    return (None if found is None else searcher.ambiguity(found)), complete


class _Searcher:
    def __init__(self, grammar: Productions):
        self.grammar = grammar
        self._cells: list[tuple[int, int, int]] = [(-1, 0, 0)]  # nonterminal or -1, bytes, below
        self._least: list[float] = [0]
        self._numbers: dict[tuple[int, int, int], int] = {}

    def run(self, max_length: int, max_steps: int) -> tuple[_Node | None, int]:
        start = self._cell(self.grammar.start, 0, 0)
        heap = [(self._least[start], 0, _Node(start, start, False))]
        seen: set[tuple[int, int, bool]] = set()
        made = 0
        while heap:
            bound, _, node = heappop(heap)
            if node.apart and node.left == node.right:
                return node, int(bound)
            if bound > max_length or len(seen) > max_steps:
                return None, int(min(bound - 1, max_length))
            key = node.left, node.right, node.apart
            if key in seen:
                continue
            seen.add(key)
            for new in self._steps(node):
                made += 1
                rest = max(self._least[new.left], self._least[new.right])
                heappush(heap, (new.length + rest, made, new))
        return None, max_length

    def _cell(self, symbol: int, members: int, below: int) -> int:
        key = symbol, members, below
        if key not in self._numbers:
            self._numbers[key] = len(self._cells)
            self._cells.append(key)
            own = 1 if symbol < 0 else self.grammar.least[symbol]
            self._least.append(own + self._least[below])
        return self._numbers[key]

    def _push(self, row: Row, below: int) -> int:
        for part in reversed(row.rest):
            below = self._cell(part, 0, below)
        for members in reversed(row.bytes):
            below = self._cell(-1, members, below)
        return below

    def _steps(self, node: _Node) -> Iterator[_Node]:
        (a, x, left), (b, y, right) = self._cells[node.left], self._cells[node.right]
        if not node.apart and a >= 0:
            rows = self.grammar.rows[a]
            for i, row in enumerate(rows):
                cell = self._push(row, left)
                yield _Node(cell, cell, False, node, (row, row), 0, node.length)
                for other in rows[i + 1 :]:
                    there = self._push(other, right)
                    yield _Node(cell, there, True, node, (row, other), 0, node.length)
        elif a >= 0:
            for row in self.grammar.rows[a]:
                cell = self._push(row, left)
                yield _Node(cell, node.right, True, node, (row, None), 0, node.length)
        elif b >= 0:
            for row in self.grammar.rows[b]:
                cell = self._push(row, right)
                yield _Node(node.left, cell, True, node, (None, row), 0, node.length)
        elif x & y:
            yield _Node(left, right, node.apart, node, (None, None), x & y, node.length + 1)

    # -- what was found

    def ambiguity(self, found: _Node) -> Ambiguity:
        """The text and the derivations that led to a node, brought to their end."""
        steps = [*self._trail(found), *self._completion(found.left)]
        text = tuple(self._readable(read) for _, read in steps if read)
        ways = [[row for rows, _ in steps if (row := rows[side])] for side in (0, 1)]
        first, second = (self._tree(way, text) for way in ways)
        if first == second:  # they differ in parts without names
            first, second = (self._tree(way, text, every_part=True) for way in ways)
        return Ambiguity(tuple(_joined(text)), (first, second))

    def _trail(self, node: _Node) -> list[tuple[tuple[Row | None, Row | None], int]]:
        steps: list[tuple[tuple[Row | None, Row | None], int]] = []
        while node.before is not None:
            steps.append((node.rows, node.read))
            node = node.before
        return steps[::-1]

    def _completion(self, cell: int) -> Iterator[tuple[tuple[Row | None, Row | None], int]]:
        """The shortest way to the end of what both still have to read."""
        while cell:
            symbol, members, below = self._cells[cell]
            if symbol < 0:
                yield (None, None), members
                cell = below
            else:
                row = self.grammar.shortest_rows[symbol]
                assert row is not None
                yield (row, row), 0
                cell = self._push(row, below)

    def _readable(self, members: int) -> bytes | Atom:
        if members >= 1 << ATOMS:
            return Atom(self.grammar.atoms[members.bit_length() - 1 - ATOMS])
        good = (byte for byte in READABLE if members >> byte & 1)
        return bytes((next(good, (members & -members).bit_length() - 1),))

    def _tree(
        self, rows: Iterable[Row], text: Iterable[bytes | Atom], every_part: bool = False
    ) -> Tree:
        """The tree of a leftmost derivation. Its nodes are rules with names, and with
        `every_part` also the alternatives that are taken in other places."""
        rows, text = iter(rows), iter(text)
        root: list[Part] = []
        nodes = [root]
        names: list[str] = []
        todo: list[int | None] = [self.grammar.start]  # None: the end of a node
        while todo:
            symbol = todo.pop()
            if symbol is None:
                children = nodes.pop()
                nodes[-1].append((names.pop(), tuple(_joined(children))))
                continue
            row = next(rows)
            name = shown(self.grammar.names.get(symbol)) or ("" if names else "text")
            if every_part and len(self.grammar.rows[symbol]) > 1:
                name = name or f"alternative {self.grammar.rows[symbol].index(row) + 1}"
            if name:
                names.append(name)
                nodes.append([])
                todo.append(None)
            nodes[-1].extend(next(text) for _ in row.bytes)
            todo += reversed(row.rest)
        (tree,) = root
        assert isinstance(tree, tuple)
        return tree


def _joined(parts: Iterable[T | bytes]) -> Iterator[T | bytes]:
    """Neighbouring texts made one."""
    text = b""
    for part in parts:
        if isinstance(part, bytes):
            text += part
            continue
        if text:
            yield text
            text = b""
        yield part
    if text:
        yield text


def show(tree: Part) -> str:
    """A derivation as nested calls.

    >>> show(("e", (("e", (b"x",)), b"+")))
    'e(e("x") "+")'
    """
    if isinstance(tree, Atom):
        return tree.terminal
    if isinstance(tree, bytes):
        return '"' + tree.decode("utf-8", "backslashreplace") + '"'
    return f"{tree[0]}({' '.join(map(show, tree[1]))})"
