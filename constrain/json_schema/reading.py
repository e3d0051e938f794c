"""From what a user gives to one document in the words of the newest draft."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import drafts, references, source
from .drafts import Draft
from .options import Options
from .source import Schema


@dataclass(frozen=True, slots=True)
class Reading:
    """A schema that refers to nothing outside itself. `text` is what it says, canonically."""

    text: str
    root: Schema
    draft: Draft


def read(schema: Any, registry: Any, chosen: Options) -> Reading:
    """Read a schema and whatever it refers to in `registry`.

    Raises SchemaError for what is no schema, Unsupported for a dialect without assertions.
    """
    text, root = source.read(schema)
    draft = drafts.draft_of(root, chosen.draft)
    drafts.check_dialect(root, registry)
    changed = drafts.modernize(root, text, draft)
    if chosen.formats == "annotate" and '"format"' in text:
        changed = drafts.drop_formats(root)
    if changed or references.are_needed(text, registry):
        root = references.bundle(root, registry)
        text = source.write(root)
    return Reading(text, root, draft)
