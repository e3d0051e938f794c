"""Membership by sets of positions, looks included: what a node can match, from where to where.

Each case is the definition of its operator, so lookbehind may have any width and looks may nest.
"""

from __future__ import annotations

from collections.abc import Iterator

from constrain.syntax.regex_ast import (
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
)


def matches(node: Node, text: str) -> bool:
    """Is the whole of `text` a match of `node`?"""
    return len(text) in _ends(node, text, 0)


def _ends(node: Node, text: str, start: int) -> set[int]:
    """Where matches of `node` that begin at `start` can end."""
    match node:
        case Chars(ranges):
            inside = start < len(text) and any(lo <= ord(text[start]) <= hi for lo, hi in ranges)
            return {start + 1} if inside else set()
        case Text(data):
            word = data.decode()
            return {start + len(word)} if text.startswith(word, start) else set()
        case Concat(items):
            ends = {start}
            for item in items:
                ends = _step(item, text, ends)
            return ends
        case Union(items):
            return set().union(*(_ends(item, text, start) for item in items))
        case Repeat(item, lo, hi):
            return _repeat(item, lo, hi, text, start)
        case Intersect(items):
            return set.intersection(*(_ends(item, text, start) for item in items))
        case Complement(item):
            return set(range(start, len(text) + 1)) - _ends(item, text, start)
        case Look(item, behind, negative):
            if behind:
                found = any(start in _ends(item, text, i) for i in range(start + 1))
            else:
                found = bool(_ends(item, text, start))
            return {start} if found != negative else set()
        case Atomic(item):
            return set(_first(item, text, start))
    raise NotImplementedError(node)


def _step(item: Node, text: str, starts: set[int]) -> set[int]:
    return set().union(*(_ends(item, text, start) for start in starts))


def _repeat(item: Node, lo: int, hi: int | None, text: str, start: int) -> set[int]:
    ends = {start}
    for _ in range(lo):
        ends = _step(item, text, ends)
    seen, rounds = set(ends), lo
    while ends and (hi is None or rounds < hi):
        ends = _step(item, text, ends) - seen
        seen |= ends
        rounds += 1
    return seen


def _first(node: Node, text: str, start: int) -> list[int]:
    return [end for end, _ in zip(_ways(node, text, start), range(1), strict=False)]


def _ways(node: Node, text: str, start: int) -> Iterator[int]:
    """Where matches end, in the order in which a backtracking search finds them."""
    match node:
        case Concat(items):
            yield from _in_a_row(items, text, start)
        case Union(items):
            for item in items:
                yield from _ways(item, text, start)
        case Repeat():
            yield from _turns(node, text, start, 0, -1)
        case _:
            (*ends,) = _ends(node, text, start)
            assert len(ends) <= 1, "a leaf matches in one way"
            yield from ends


def _in_a_row(items: tuple[Node, ...], text: str, start: int) -> Iterator[int]:
    if not items:
        yield start
        return
    for middle in _ways(items[0], text, start):
        yield from _in_a_row(items[1:], text, middle)


def _turns(node: Repeat, text: str, start: int, done: int, last: int) -> Iterator[int]:
    """A turn that took nothing is the last one, once there have been enough."""
    enough = done >= node.lo
    if enough and node.lazy:
        yield start
    if not enough or (start != last and (node.hi is None or done < node.hi)):
        for middle in _ways(node.item, text, start):
            yield from _turns(node, text, middle, done + 1, start if enough else last)
    if enough and not node.lazy:
        yield start
