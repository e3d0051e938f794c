"""How schemas are read and JSON is written: one frozen value."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from constrain.errors import SpecError

from .drafts import DRAFTS

_SPACE_LIMITS = {"any": 256, "compact": 0}
_ORDERS = ("schema", "any")
_FORMATS = ("assert", "annotate")


@dataclass(frozen=True, slots=True)
class Options:
    """How schemas are read and JSON is written.

    whitespace: "any" or "compact".
    draft: "2020-12", "2019-09", "7", "6" or "4"; None: what `$schema` says, or the newest.
    property_order: "schema" (declared properties in their order, then required ones that are not
        declared, then others) or "any".
    formats: "assert", or "annotate": then `format` says nothing.
    on_unsupported: "error", or a function that is told the pointer of a keyword that cannot be
        honoured and what it is; then the schema is taken without that keyword.
    """

    whitespace: str = "any"
    draft: str | None = None
    property_order: str = "schema"
    formats: str = "assert"
    on_unsupported: Literal["error"] | Callable[[str, str], None] = field(
        default="error", compare=False
    )

    def __post_init__(self) -> None:
        _check("whitespace", self.whitespace, _SPACE_LIMITS)
        _check("property_order", self.property_order, _ORDERS)
        _check("formats", self.formats, _FORMATS)
        if self.draft is not None:
            _check("draft", self.draft, DRAFTS)

    @property
    def space_limit(self) -> int | None:
        """The most bytes of white space in one place."""
        return _SPACE_LIMITS[self.whitespace]


def _check(option: str, value: str, known: Iterable[str]) -> None:
    if value not in known:
        names = ", ".join(f'"{name}"' for name in known)
        raise SpecError(f"{option} is one of {names}, not {value!r}")
