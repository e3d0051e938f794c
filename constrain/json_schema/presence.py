"""Which properties may stand together, when that is all that a schema says.

`{"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}` and the like, with `not`, `if`, `oneOf`,
`allOf`, `dependentRequired` around them, say something only about which of a few names an object
has. They become the list of allowed sets of names, which an object keeps track of as it is
written: no branch for each combination, and `oneOf` and `not` cost nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from constrain.automata.json_rules import KINDS

from .source import Node, Schema

MAX_NAMES = 8


@dataclass(frozen=True, slots=True)
class Presence:
    """Of `names` an object has exactly one of the sets `allowed`."""

    names: frozenset[str]
    allowed: frozenset[frozenset[str]]

    def inverse(self) -> Presence:
        """The other sets."""
        return Presence(self.names, frozenset(_subsets(self.names)) - self.allowed)


_Value = Set[str] | str
"""The names that an object has, or the kind of a value that is no object."""


def of(schema: Schema) -> tuple[Presence, tuple[str, ...]] | None:
    """What `schema` says of objects, and the other kinds that it allows, if that is all it says.

    >>> found, kinds = of({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]})
    >>> sorted(map(sorted, found.allowed)), len(kinds)
    ([['a'], ['a', 'b'], ['b']], 5)
    """
    names: set[str] = set()
    if not _collect(schema, names) or not 0 < len(names) <= MAX_NAMES:
        return None
    allowed = (present for present in _subsets(frozenset(names)) if _holds(schema, present))
    kinds = tuple(kind for kind in KINDS if kind != "object" and _holds(schema, kind))
    return Presence(frozenset(names), frozenset(allowed)), kinds


def dependent(name: str, others: list[str]) -> Presence:
    """With `name` an object has all of `others`."""
    names = frozenset((name, *others))
    return Presence(names, frozenset(s for s in _subsets(names) if name not in s or s == names))


def _subsets(names: frozenset[str]) -> Iterator[frozenset[str]]:
    for n in range(len(names) + 1):
        yield from map(frozenset, combinations(sorted(names), n))


def _collect(schema: Schema, names: set[str]) -> bool:
    """Add the names that `schema` is about; False if it says something else too."""
    if isinstance(schema, bool):
        return True
    return all(
        keyword in _SILENT or (keyword in _NAMED and _NAMED[keyword](value, names))
        for keyword, value in schema.items()
    )


_SILENT = frozenset("title description $comment examples default deprecated".split())


def _of_one(value: Any, names: set[str]) -> bool:
    return isinstance(value, dict | bool) and _collect(value, names)


def _of_list(value: Any, names: set[str]) -> bool:
    return isinstance(value, list) and bool(value) and all(_of_one(v, names) for v in value)


def _of_required(value: Any, names: set[str]) -> bool:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        return False
    names.update(value)
    return True


def _of_properties(value: Any, names: set[str]) -> bool:
    if not isinstance(value, dict) or not all(
        v is False or v in (True, {}) for v in value.values()
    ):
        return False
    names.update(name for name, schema in value.items() if schema is False)
    return True


_NAMED: Mapping[str, Callable[[Any, set[str]], bool]] = {
    "required": _of_required,
    "properties": _of_properties,
    "type": lambda value, names: value == "object",
    **dict.fromkeys(("not", "if", "then", "else"), _of_one),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _of_list),
}


def _holds(schema: Schema, value: _Value) -> bool:
    if isinstance(schema, bool):
        return schema
    return all(
        _HOLDS[keyword](schema, given, value)
        for keyword, given in schema.items()
        if keyword in _HOLDS
    )


def _if_holds(schema: Node, given: Schema, value: _Value) -> bool:
    return _holds(schema.get("then" if _holds(given, value) else "else", True), value)


_HOLDS: Mapping[str, Callable[[Node, Any, _Value], bool]] = {
    "type": lambda schema, given, value: not isinstance(value, str),
    "required": lambda schema, given, value: isinstance(value, str) or value >= set(given),
    "properties": lambda schema, given, value: (
        isinstance(value, str) or not any(given.get(name) is False for name in value)
    ),
    "not": lambda schema, given, value: not _holds(given, value),
    "if": _if_holds,
    "allOf": lambda schema, given, value: all(_holds(one, value) for one in given),
    "anyOf": lambda schema, given, value: any(_holds(one, value) for one in given),
    "oneOf": lambda schema, given, value: sum(_holds(one, value) for one in given) == 1,
}
