"""Which rules a text stands in: read off the stack, whose return addresses lie in their code."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from constrain.automata.language import shown
from constrain.tokens import layout as at
from constrain.tokens.engine import Engine
from constrain.tokens.standard import standard

MAX_PATH = 100


def rule_path(engine: Engine, config: int) -> tuple[str, ...]:
    """The rules that are open in `config` on every way to read the text, outermost first.

    A rule that has nothing left to come behind the one that it called last is not open any more.
    """
    owners = _Owners(engine)
    paths = [list(_path(engine, owners, pc, node)) for pc, _, _, node in engine.threads(config)]
    return tuple(_shared([path[::-1] for path in paths]))


def _shared(paths: list[list[str]]) -> list[str]:
    """What all paths begin with."""
    first, last = min(paths, default=[]), max(paths, default=[])
    pairs = enumerate(zip(first, last, strict=False))
    return first[: next((i for i, (a, b) in pairs if a != b), min(len(first), len(last)))]


def _path(engine: Engine, owners: _Owners, pc: int, node: int) -> Iterator[str]:
    """The rules around a thread, innermost first; of a stack that branches, one way down."""
    nodes, edges = engine.arena.segment(at.NODE), engine.arena.segment(at.EDGE)
    last = ""
    for _ in range(MAX_PATH):
        name = owners.of(pc)
        if name and name != last:
            yield name
        last = name or last
        if node <= at.HOLE or not int(nodes[2 * node + 1]) >> 2:
            return
        edge = 3 * int(nodes[2 * node])
        pc, node = int(edges[edge]), int(edges[edge + 2])


class _Owners:
    """The rules by where their code begins."""

    def __init__(self, engine: Engine):
        names = {number: shown(name) for name, number in engine.lowering.ids.items()}
        entries = enumerate(engine.program.rules)
        places = [(entry, names.get(number, "")) for number, entry in entries if entry]
        places.append((len(standard().code), ""))  # the code of the start, which is no rule
        places.sort()
        self._starts = [entry for entry, _ in places]
        self._names = [name for _, name in places]

    def of(self, pc: int) -> str:
        """The rule whose code holds `pc`, or "" where it has no name."""
        i = bisect_right(self._starts, pc) - 1
        return self._names[i] if i >= 0 else ""
