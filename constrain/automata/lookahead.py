"""A proof that each text has one derivation: the grammar can be parsed bottom-up with one byte
of look-ahead and without a conflict (Knuth 1965; DeRemer 1969; look-ahead sets by propagation)."""

from __future__ import annotations

from typing import TypeAlias

from constrain.errors import LimitExceeded

from .productions import Productions, Row

MAX_PARSER_STATES = 4_000

Item: TypeAlias = tuple[int, int, int]
"""Nonterminal, number of its right-hand side, how many symbols of it have been read."""

Kernel: TypeAlias = tuple[Item, ...]

END = 1 << 1000
"""The bit of the end of the text in a set of bytes."""


def is_deterministic(grammar: Productions) -> bool:
    """Is it proved that no text has two derivations? False says only that this is no proof.

    O(parser states x items). Raises LimitExceeded past MAX_PARSER_STATES.
    """
    parser = _Parser(grammar)
    parser.build()
    return not any(parser.has_conflict(kernel) for kernel in parser.ahead)


class _Parser:
    def __init__(self, grammar: Productions):
        self.rows = grammar.rows
        self.start = grammar.start
        self.ahead: dict[Kernel, dict[Item, int]] = {}  # state -> item -> what may follow it
        self._first, self._vanishes = _first(grammar)

    def build(self) -> None:
        first: Kernel = tuple((self.start, i, 0) for i in range(len(self.rows[self.start])))
        self.ahead[first] = dict.fromkeys(first, END)
        todo: list[Kernel] = [first]
        while todo:
            kernel = todo.pop()
            items = self._closure(self.ahead[kernel])
            for target, sets in self._targets(items).items():
                known = self.ahead.setdefault(target, {})
                if any(
                    known.get(item, 0) | found != known.get(item) for item, found in sets.items()
                ):
                    known.update({item: known.get(item, 0) | new for item, new in sets.items()})
                    todo.append(target)
            if len(self.ahead) > MAX_PARSER_STATES:
                raise LimitExceeded("parser states", len(self.ahead))

    def _closure(self, kernel: dict[Item, int]) -> dict[Item, int]:
        items = dict(kernel)
        todo = list(items)
        while todo:
            item = todo.pop()
            symbol, rest, vanishes = self._next(item)
            if symbol is None:
                continue
            follow = rest | (items[item] if vanishes else 0)
            for i in range(len(self.rows[symbol])):
                new = symbol, i, 0
                known = items.get(new)
                if known is None or known | follow != known:
                    items[new] = (known or 0) | follow
                    todo.append(new)
        return items

    def _next(self, item: Item) -> tuple[int | None, int, bool]:
        """The nonterminal that comes next, what can begin behind it, whether that can vanish."""
        row, done = self.rows[item[0]][item[1]], item[2]
        if done < len(row.bytes) or done == len(row.bytes) + len(row.rest):
            return None, 0, False
        i = done - len(row.bytes)
        begin, vanishes = 0, True
        for part in row.rest[i + 1 :]:
            if vanishes:
                begin |= self._first[part]
                vanishes = part in self._vanishes
        return row.rest[i], begin, vanishes

    def _targets(self, items: dict[Item, int]) -> dict[Kernel, dict[Item, int]]:
        """The states that one symbol leads to."""
        by_symbol: dict[int, dict[Item, int]] = {}
        by_bytes: dict[int, dict[Item, int]] = {}
        for (symbol, i, done), follow in items.items():
            row, moved = self.rows[symbol][i], (symbol, i, done + 1)
            if done < len(row.bytes):
                by_bytes.setdefault(row.bytes[done], {})[moved] = follow
            elif done < len(row.bytes) + len(row.rest):
                by_symbol.setdefault(row.rest[done - len(row.bytes)], {})[moved] = follow
        found = list(by_symbol.values())
        for cell in _cells(list(by_bytes)):
            joined: dict[Item, int] = {}
            for members in by_bytes:
                if members & cell:
                    joined |= by_bytes[members]
            found.append(joined)
        return {tuple(sorted(sets)): sets for sets in found}

    def has_conflict(self, kernel: Kernel) -> bool:
        items = self._closure(self.ahead[kernel])
        taken = 0
        for (symbol, i, done), _ in items.items():
            row = self.rows[symbol][i]
            taken |= row.bytes[done] if done < len(row.bytes) else 0
        for (symbol, i, done), follow in items.items():
            row = self.rows[symbol][i]
            if done == len(row.bytes) + len(row.rest):
                if taken & follow:
                    return True
                taken |= follow
        return False


def _cells(sets: list[int]) -> list[int]:
    """Representatives: one byte set for each way to be in some of the sets and not in others."""
    cells: list[int] = []
    for members in sets:
        split: list[int] = []
        for cell in cells:
            split += [part for part in (cell & members, cell & ~members) if part]
            members &= ~cell
        cells = [*split, members] if members else split
    return cells


def _first(grammar: Productions) -> tuple[list[int], set[int]]:
    """The bytes that each nonterminal can begin with, and the nonterminals that can vanish."""
    vanishes = {s for s, least in enumerate(grammar.least) if least == 0}
    first = [0] * len(grammar.rows)
    changed = True
    while changed:
        changed = False
        for symbol in range(len(first) - 1, -1, -1):
            found = first[symbol]
            for row in grammar.rows[symbol]:
                found |= _row_first(row, first, vanishes)
            changed = changed or found != first[symbol]
            first[symbol] = found
    return first, vanishes


def _row_first(row: Row, first: list[int], vanishes: set[int]) -> int:
    if row.bytes:
        return row.bytes[0]
    found = 0
    for part in row.rest:
        found |= first[part]
        if part not in vanishes:
            break
    return found
