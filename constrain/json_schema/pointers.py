"""JSON pointers (RFC 6901): where `$ref` leads, where a node stands, what stands below it.

Nodes carry no pointer. The pointer of a node is only wanted for an error, and is then found by
walking down from the root until the very same object turns up.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from .source import Node

ONE = (
    "additionalProperties items contains not if then else propertyNames unevaluatedItems"
    " unevaluatedProperties contentSchema"
).split()
LISTS = "allOf anyOf oneOf prefixItems".split()
MAPS = "properties patternProperties $defs definitions dependentSchemas dependencies".split()


def escape(token: str) -> str:
    """Return `token` as it stands in a pointer.

    >>> escape("a/b~c")
    'a~1b~0c'
    """
    return token.replace("~", "~0").replace("/", "~1")


def unescape(token: str) -> str:
    """Return what `escape` made `token` of."""
    return token.replace("~1", "/").replace("~0", "~")


def locate(root: Any, node: Any) -> str:
    """Return the pointer of the object `node` below `root`; "" if it is the root itself."""
    stack: list[tuple[str, Any]] = [("", root)]
    while stack:
        pointer, value = stack.pop()
        if value is node:
            return pointer
        if isinstance(value, dict):
            stack.extend((f"{pointer}/{escape(name)}", child) for name, child in value.items())
        elif isinstance(value, list):
            stack.extend((f"{pointer}/{i}", child) for i, child in enumerate(value))
    return ""


def resolve(root: Any, fragment: str) -> Any:
    """Return what the URI fragment `fragment` ("" or "/...") names below `root`.

    Raises LookupError if it leads nowhere.

    >>> resolve({"$defs": {"a/b": [True]}}, "/$defs/a~1b/0")
    True
    """
    value = root
    for token in fragment.split("/")[1:]:
        if "%" in token:
            token = unquote(token)
        token = unescape(token)
        if isinstance(value, list):
            value = value[_index(token)]
        elif isinstance(value, dict):
            value = value[token]
        else:
            raise LookupError(token)
    return value


def _index(token: str) -> int:
    if not token.isascii() or not token.isdigit() or (token[0] == "0" and len(token) > 1):
        raise LookupError(token)
    return int(token)


def subschemas(schema: Node) -> Iterator[tuple[Any, str]]:
    """The subschemas of a schema, with the way to them."""
    for keyword, value in schema.items():
        place = f"/{escape(keyword)}"
        if keyword in ONE:
            yield value, place
        elif keyword in LISTS and isinstance(value, list):
            yield from ((child, f"{place}/{i}") for i, child in enumerate(value))
        elif keyword in MAPS and isinstance(value, dict):
            yield from ((child, f"{place}/{escape(name)}") for name, child in value.items())
