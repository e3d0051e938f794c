"""References by name, made references by place.

`$id` gives a subschema a URI of its own, `$anchor` names a place in it, and `$ref` may lead to
another document altogether (JSON Schema Core 2020-12, sections 8.2 and 9). All of that is
rewritten once: documents from the registry move under `$defs` of the root, every `$ref` becomes
`#/...`, and identifiers go. What is left means the same by itself. Documents that use none of
this are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urldefrag, urljoin

from . import dynamic, pointers, source
from .pointers import escape, subschemas
from .source import Node, Schema

_NAMES = "$id $anchor $dynamicAnchor $dynamicRef $recursiveRef".split()
_REFERENCES = "$ref $dynamicRef $recursiveRef".split()


def are_needed(text: str, registry: Any) -> bool:
    """May the schema with this text hold anything to rewrite?"""
    return registry is not None or any(f'"{name}"' in text for name in _NAMES)


@dataclass(slots=True)
class _Bundle:
    root: Node
    retrieve: Callable[[str], Any] | None
    places: dict[str, str] = field(default_factory=dict[str, str])  # URI -> pointer
    references: list[tuple[Node, str, str]] = field(default_factory=list[tuple[Node, str, str]])
    homes: dict[int, str] = field(default_factory=dict[int, str])  # node -> its resource
    anchors: dict[str, dict[str, Node]] = field(default_factory=dict[str, dict[str, Node]])

    def enter(self, schema: Any, base: str, pointer: str) -> None:
        """Learn the names under `schema`, and take them out; remember its references."""
        if not isinstance(schema, dict):
            return
        own = schema.get("$id")
        if isinstance(own, str):
            del schema["$id"]
            if own.startswith("#"):  # as drafts 6 and 7 wrote anchors
                self.places[base + own] = pointer
            else:
                base = urldefrag(urljoin(base, own)).url
                self.places[base] = pointer
        self.homes[id(schema)] = base
        if schema.get("$recursiveAnchor") is True:
            self.anchors.setdefault(base, {})[""] = schema
        for name in ("$anchor", "$dynamicAnchor"):
            anchor = schema.pop(name, None)
            if isinstance(anchor, str):
                self.places[f"{base}#{anchor}"] = pointer
                if name == "$dynamicAnchor":
                    self.anchors.setdefault(base, {})[anchor] = schema
        for keyword in _REFERENCES:
            reference = schema.get(keyword)
            if isinstance(reference, str):
                whole = base + reference if reference[:1] == "#" else urljoin(base, reference)
                self.references.append((schema, keyword, whole))
        for child, place in subschemas(schema):
            self.enter(child, base, pointer + place)

    def place(self, uri: str) -> str | None:
        """The pointer, as a URI fragment, of what `uri` names; None if nobody knows."""
        document, fragment = urldefrag(uri)
        if document not in self.places and not self.fetch(document):
            return None
        if fragment and not fragment.startswith("/"):
            anchored = self.places.get(f"{document}#{fragment}")
            return None if anchored is None else quote(anchored)
        return quote(self.places[document]) + fragment

    def fetch(self, uri: str) -> bool:
        """Take in the document at `uri`; False if there is none."""
        found = None if self.retrieve is None else self.retrieve(uri)
        if found is None:
            return False
        _, copy = source.read(found)
        self.root.setdefault("$defs", {})[uri] = copy
        self.places[uri] = f"/$defs/{escape(uri)}"
        self.enter(copy, uri, self.places[uri])
        return True


def bundle(root: Schema, registry: Any = None) -> Schema:
    """`root` with every reference rewritten as a pointer into it, in place if that can be.

    References to documents that nobody knows stay as they are, to be refused if they are used.
    """
    if isinstance(root, bool):
        return root
    found = _Bundle(root, None if registry is None else _retriever(registry))
    found.places[""] = ""
    found.enter(root, "", "")
    places = {}
    for node, keyword, uri in found.references:  # grows while documents come in
        places[id(node), keyword] = found.place(uri)
    if any(keyword != "$ref" for _, keyword, _ in found.references):
        return dynamic.specialize(root, _scopes(found, places))
    for node, keyword, uri in found.references:
        place = places[id(node), keyword]
        node[keyword] = uri if place is None else f"#{place}"
    return root


def _scopes(found: _Bundle, places: dict[tuple[int, str], str | None]) -> dynamic.Scopes:
    targets: dict[tuple[int, str], tuple[Schema, str | None] | None] = {}
    for node, keyword, uri in found.references:
        place = places[id(node), keyword]
        targets[id(node), keyword] = None
        with suppress(LookupError):
            schema: Any = pointers.resolve(found.root, place) if place is not None else None
            if isinstance(schema, dict | bool):
                targets[id(node), keyword] = schema, _anchor(found, keyword, uri, schema)
    return dynamic.Scopes(found.homes, found.anchors, targets)


def _anchor(found: _Bundle, keyword: str, uri: str, schema: Any) -> str | None:
    """The dynamic anchor that a reference names: one that its first target has, or none."""
    if keyword == "$ref":
        return None
    name = "" if keyword == "$recursiveRef" else urldefrag(uri).fragment
    if keyword == "$dynamicRef" and not name:
        return None
    own = found.anchors.get(found.homes.get(id(schema), ""), {})
    return name if own.get(name) is schema else None


def _retriever(registry: Any) -> Callable[[str], Any]:
    def retrieve(uri: str) -> Any:
        try:
            return registry.get_or_retrieve(uri).value.contents
        except LookupError:
            return None

    return retrieve
