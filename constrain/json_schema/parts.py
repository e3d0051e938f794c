"""What the keywords of one node say about objects, arrays and numbers, in one form.

Older and newer words for the same thing, and the words of nodes that were merged or negated,
come out as the same few parts. Only for nodes whose keywords have been checked.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, NamedTuple

from . import names, patterns, presence
from .keywords import COUNTS, EXCLUDED, ITEM_COUNTS, MEMBERS, MULTIPLES, PRESENCE, most
from .names import Names
from .presence import Presence
from .source import Node, Schema
from .values import exact


class Members(NamedTuple):
    """Every member with one of these names has a value of `schema`."""

    names: Names
    schema: Schema


class Count(NamedTuple):
    """`least` to `most` members with one of these names have a value of `schema`."""

    names: Names
    schema: Schema
    least: int
    most: int | None


class ItemCount(NamedTuple):
    """`least` to `most` of the items from index `start` on are values of `schema`."""

    start: int
    schema: Schema
    least: int
    most: int | None


class Multiple(NamedTuple):
    """`divisor` divides the number, or must not."""

    divisor: Decimal
    holds: bool


def members_of(node: Node) -> tuple[Members, ...]:
    """What is said of members by their names; given names come first, in their order."""
    properties: dict[str, Any] = node.get("properties", {})
    found = [Members(names.one(name), schema) for name, schema in properties.items()]
    by_pattern = {
        pattern: names.of(patterns.names(pattern)) for pattern in node.get("patternProperties", ())
    }
    found += [
        Members(by_pattern[p], schema) for p, schema in node.get("patternProperties", {}).items()
    ]
    if "additionalProperties" in node:
        named = names.union((Names(frozenset(properties)), *by_pattern.values()))
        found.append(Members(named.inverse(), node["additionalProperties"]))
    return (*found, *node.get(MEMBERS, ()))


def counts_of(node: Node) -> tuple[Count, ...]:
    """How many members there may be, of all and of some kinds."""
    least, highest = node.get("minProperties", 0), most(node, "maxProperties")
    counts: tuple[Count, ...] = node.get(COUNTS, ())
    if least or highest is not None:
        counts = (Count(names.ALL, True, least, highest), *counts)
    return counts


def presences_of(node: Node) -> tuple[Presence, ...]:
    """Which names may stand together."""
    dependent = (
        presence.dependent(name, others)
        for name, others in node.get("dependentRequired", {}).items()
        if others
    )
    return (*dependent, *node.get(PRESENCE, ()))


def item_counts_of(node: Node) -> tuple[ItemCount, ...]:
    """How many items of some kinds there may be."""
    counts: tuple[ItemCount, ...] = node.get(ITEM_COUNTS, ())
    if "contains" in node:
        least, highest = node.get("minContains", 1), most(node, "maxContains")
        if least or highest is not None:
            counts = (ItemCount(0, node["contains"], least, highest), *counts)
    return counts


def multiples_of(node: Node) -> tuple[Multiple, ...]:
    """What divides the number, and what must not."""
    divisors: tuple[Multiple, ...] = node.get(MULTIPLES, ())
    if "multipleOf" in node:
        divisors = (Multiple(Decimal(exact(node["multipleOf"])), True), *divisors)
    return divisors


def excluded_of(node: Node) -> tuple[Decimal, ...]:
    """Numbers that it is not."""
    return node.get(EXCLUDED, ())
