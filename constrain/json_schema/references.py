"""References by name, made references by place.

`$id` gives a subschema a URI of its own, `$anchor` names a place in it, and `$ref` may lead to
another document altogether (JSON Schema Core 2020-12, sections 8.2 and 9). All of that is
rewritten once: documents from the registry move under `$defs` of the root, every `$ref` becomes
`#/...`, and identifiers go. What is left means the same by itself. Documents that use none of
this are not touched.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urldefrag, urljoin

from . import source
from .pointers import escape, subschemas
from .source import Node, Schema

_NAMES = "$id $anchor $dynamicAnchor".split()


def are_needed(text: str, registry: Any) -> bool:
    """May the schema with this text hold anything to rewrite?"""
    return registry is not None or any(f'"{name}"' in text for name in _NAMES)


@dataclass(slots=True)
class _Bundle:
    root: Node
    retrieve: Callable[[str], Any] | None
    places: dict[str, str] = field(default_factory=dict[str, str])  # URI -> pointer
    references: list[tuple[Node, str]] = field(default_factory=list[tuple[Node, str]])

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
        for name in ("$anchor", "$dynamicAnchor"):
            if isinstance(schema.get(name), str):
                self.places[f"{base}#{schema.pop(name)}"] = pointer
        if isinstance(schema.get("$ref"), str):
            reference: str = schema["$ref"]
            whole = base + reference if reference[:1] == "#" else urljoin(base, reference)
            self.references.append((schema, whole))
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


def bundle(root: Schema, registry: Any = None) -> None:
    """Rewrite every reference in `root` as a pointer into it, in place.

    References to documents that nobody knows stay as they are, to be refused if they are used.
    """
    if isinstance(root, bool):
        return
    found = _Bundle(root, None if registry is None else _retriever(registry))
    found.places[""] = ""
    found.enter(root, "", "")
    for node, uri in found.references:  # grows while documents come in
        place = found.place(uri)
        node["$ref"] = uri if place is None else f"#{place}"


def _retriever(registry: Any) -> Callable[[str], Any]:
    def retrieve(uri: str) -> Any:
        try:
            return registry.get_or_retrieve(uri).value.contents
        except LookupError:
            return None

    return retrieve
