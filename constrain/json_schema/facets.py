"""What a schema says about a string, beside its length: patterns, formats and texts.

A *facet* names a regular language of strings (what stands between the quotes, before escaping)
and says whether a string has to be in it or must not be.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

from constrain.syntax import regex_ast as regex

from . import formats, names, patterns
from .source import Node

FACETS = "\ud800facets"
"""A keyword of our own, for nodes that are made. No schema can hold a lone surrogate."""


@dataclass(frozen=True, slots=True)
class Facet:
    """kind: "pattern", "format" or "text"."""

    kind: str
    text: str
    holds: bool = True

    def inverse(self) -> Facet:
        """What the other strings have."""
        return Facet(self.kind, self.text, not self.holds)


_LANGUAGES: Mapping[str, Callable[[str], regex.Node]] = {
    "pattern": patterns.names,
    "format": formats.language,
    "text": regex.text,
}


def facets_of(node: Node) -> tuple[Facet, ...]:
    """All facets that the keywords of `node` name. Formats that nobody knows say nothing.

    >>> facets_of({"pattern": "a", "format": "ipv4", "title": "b"})
    (Facet(kind='pattern', text='a', holds=True), Facet(kind='format', text='ipv4', holds=True))
    """
    found: list[Facet] = []
    if "pattern" in node:
        found.append(Facet("pattern", node["pattern"]))
    if node.get("format") in formats.FORMATS:
        found.append(Facet("format", node["format"]))
    if FACETS in node:
        found.extend(node[FACETS])
    return tuple(dict.fromkeys(found))


def tree(facet: Facet) -> regex.Node:
    """The strings that have a facet, which holds, as it is written: for lowering, not algebra."""
    assert facet.holds
    return _TREES.get(facet.kind, regex.text)(facet.text)


_TREES: Mapping[str, Callable[[str], regex.Node]] = {
    "pattern": patterns.content,
    "format": formats.content,
}


@lru_cache(maxsize=2048)
def language(facet: Facet) -> regex.Node:
    """The strings that have a facet. Raises RegexSyntaxError, Unsupported or LimitExceeded."""
    node = _LANGUAGES[facet.kind](facet.text)
    return node if facet.holds else regex.Complement(node)


def fits(facet: Facet, value: str) -> bool:
    """Does `value` have this facet?"""
    if facet.kind == "text":
        return (value == facet.text) is facet.holds
    node = _LANGUAGES[facet.kind](facet.text)
    return names.is_in(node, value) is facet.holds
