"""Older drafts of JSON Schema, rewritten in the words of draft 2020-12.

Which draft a document follows is said by its `$schema`, or by the option `draft`. What differs:

- up to draft 7, keywords beside `$ref` are ignored;
- up to draft 2019-09, `items` may be a list, and `additionalItems` goes with it;
- in draft 4, `exclusiveMinimum` is a flag of `minimum`, `$id` is `id`, and `2.0` is no integer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from constrain.errors import Unsupported

from .keywords import CHECKS
from .pointers import subschemas
from .source import Node, Schema


@dataclass(frozen=True, slots=True)
class Draft:
    """How a draft differs from the newest."""

    name: str
    ref_alone: bool = False  # is all that stands beside $ref ignored?
    items_list: bool = False  # is `items` with a list what prefixItems is now?
    exclusive_flags: bool = False
    id_keyword: str = "$id"
    zero_fractions: bool = True  # is 2.0 an integer?
    contains_evaluates: bool = True  # are items that `contains` counts evaluated?


NEWEST = Draft("2020-12")

DRAFTS: Mapping[str, Draft] = {
    draft.name: draft
    for draft in (
        NEWEST,
        Draft("2019-09", items_list=True, contains_evaluates=False),
        Draft("7", ref_alone=True, items_list=True),
        Draft("6", ref_alone=True, items_list=True),
        Draft("4", True, True, True, "id", zero_fractions=False),
    )
}

_URIS: Mapping[str, Draft] = {
    "json-schema.org/draft/2019-09/schema": DRAFTS["2019-09"],
    "json-schema.org/draft-07/schema": DRAFTS["7"],
    "json-schema.org/draft-06/schema": DRAFTS["6"],
    "json-schema.org/draft-04/schema": DRAFTS["4"],
}

_TRACES = ('"$ref"', '"items":[', '"exclusiveM', '"id"', '"dependencies"', '"$recursive')
"""Every difference but the last shows in the text of a schema as one of these."""


def draft_of(root: Schema, name: str | None) -> Draft:
    """The draft with this name; without a name the one that `root` says, or the newest."""
    if name is not None:
        return DRAFTS[name]
    uri = root.get("$schema") if isinstance(root, dict) else None
    if not isinstance(uri, str):
        return NEWEST
    return _URIS.get(uri.rstrip("#").partition("://")[2], NEWEST)


def check_dialect(root: Schema, registry: Any) -> None:
    """Raise Unsupported if `$schema` names a meta-schema, in the registry, without assertions."""
    uri = root.get("$schema") if isinstance(root, dict) else None
    if registry is None or not isinstance(uri, str) or "json-schema.org" in uri:
        return
    try:
        dialect = registry.get_or_retrieve(uri).value.contents
    except LookupError:
        return
    words = dialect.get("$vocabulary") if isinstance(dialect, dict) else None
    if words is not None and not any(word.endswith("/validation") for word in words):
        note = "keywords of validation would say nothing; leave them out instead"
        raise Unsupported("a meta-schema without validation", "/$schema", note=note)


def modernize(root: Schema, text: str, draft: Draft) -> bool:
    """Rewrite `root`, whose text is `text`, in place; return whether that may change it."""
    traces = ('"dependencies"',) if draft is NEWEST else _TRACES
    if not any(trace in text for trace in traces):
        return False
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            _modernize_node(node, draft)
            stack.extend(child for child, _ in subschemas(node))
    return True


def _modernize_node(node: Node, draft: Draft) -> None:
    if draft.ref_alone and isinstance(node.get("$ref"), str):
        for keyword in [keyword for keyword in node if keyword in CHECKS and keyword != "$ref"]:
            del node[keyword]
    _split_dependencies(node)
    if draft.items_list and isinstance(node.get("items"), list):
        node["prefixItems"] = node.pop("items")
        if "additionalItems" in node:
            node["items"] = node.pop("additionalItems")
    if draft.exclusive_flags:
        for name in ("Minimum", "Maximum"):
            _modernize_bound(node, name.lower(), f"exclusive{name}")
    if draft.id_keyword != "$id" and isinstance(node.get(draft.id_keyword), str):
        node["$id"] = node.pop(draft.id_keyword)


def drop_formats(root: Schema) -> bool:
    """Take `format` out of every subschema, in place."""
    stack: list[Any] = [root]
    while stack:
        node = stack.pop()
        if isinstance(node, dict):
            node.pop("format", None)
            stack.extend(child for child, _ in subschemas(node))
    return True


def _split_dependencies(node: Node) -> None:
    """A name goes with a list of names, or with a schema; today these are two keywords."""
    dependencies = node.get("dependencies")
    if not isinstance(dependencies, dict):
        return
    del node["dependencies"]
    for name, said in dependencies.items():
        if isinstance(said, str):
            said = [said]
        keyword = "dependentRequired" if isinstance(said, list) else "dependentSchemas"
        node.setdefault(keyword, {})[name] = said


def _modernize_bound(node: Node, inclusive: str, exclusive: str) -> None:
    flag = node.get(exclusive)
    if isinstance(flag, bool):
        del node[exclusive]
        if flag and inclusive in node:
            node[exclusive] = node.pop(inclusive)
