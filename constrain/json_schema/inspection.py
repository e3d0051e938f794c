"""What is worth knowing about a schema before it is used. Takes milliseconds; raises nothing that
the schema itself is to blame for, but reports it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from constrain.errors import ConstrainError

from . import formats, pointers
from .keywords import CHECKS
from .options import Options
from .reading import Reading, read
from .source import Node, Schema
from .survey import Survey, surveyed

MAX_WARNINGS = 50

_ANNOTATIONS = frozenset(
    "$schema $id id $comment $defs definitions title description default examples deprecated"
    " readOnly writeOnly $anchor $dynamicAnchor $recursiveAnchor $vocabulary".split()
)


@dataclass(frozen=True, slots=True)
class Warning:
    """Something at `where` (a JSON pointer) that may not be meant."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where or '#'}: {self.text}"


@dataclass(frozen=True, slots=True)
class SchemaReport:
    """All that `inspect` found. `str()` of it is for reading.

    enforced: keywords that constrain, with how often they stand; ignored: other words that are
    no usual annotations, and formats that nobody knows; problem: why there is no grammar.
    """

    draft: str
    enforced: Mapping[str, int]
    ignored: Mapping[str, int]
    n_schemas: int
    n_rules: int
    n_bytes: int  # of the schema's text
    problem: ConstrainError | None
    warnings: tuple[Warning, ...]

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def inspect(schema: Any, registry: Any = None, **options: Any) -> SchemaReport:
    """Look a schema over; takes what `json_schema` takes.

    Raises SchemaError only for what cannot be read at all.
    """
    chosen = Options(**options)
    found = read(schema, registry, chosen)
    enforced, ignored, n_schemas = _count(found.root, chosen)
    survey, problem = _survey(found, chosen)
    warnings = [*_plain_warnings(found.root, chosen)]
    if survey is not None:
        warnings += _dead_branches(survey)
    return SchemaReport(
        found.draft.name,
        dict(enforced.most_common()),
        dict(ignored.most_common()),
        n_schemas,
        0 if survey is None else len(survey.nodes),
        len(found.text.encode()),
        problem,
        tuple(warnings[:MAX_WARNINGS]),
    )


def _survey(found: Reading, chosen: Options) -> tuple[Survey | None, ConstrainError | None]:
    try:
        return surveyed(found.root, found.draft, chosen), None
    except ConstrainError as error:
        return None, error


def _schemas(root: Schema) -> Iterator[tuple[Node, str]]:
    """Every subschema with its pointer."""
    stack: list[tuple[Any, str]] = [(root, "")]
    while stack:
        schema, place = stack.pop()
        if isinstance(schema, dict):
            yield schema, place
            stack.extend((child, place + way) for child, way in pointers.subschemas(schema))


def _count(root: Schema, chosen: Options) -> tuple[Counter[str], Counter[str], int]:
    enforced: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    n = 0
    for node, _ in _schemas(root):
        n += 1
        for keyword, value in node.items():
            if keyword == "format" and value not in formats.FORMATS:
                ignored[f"format {value!r}"] += 1
            elif keyword in CHECKS:
                enforced[keyword] += 1
            elif keyword not in _ANNOTATIONS:
                ignored[keyword] += 1
    return enforced, ignored, n


def _plain_warnings(root: Schema, chosen: Options) -> Iterator[Warning]:
    """What can be seen in one schema alone."""
    if chosen.space_limit:
        text = f"white space may go on for {chosen.space_limit} bytes in one place"
        yield Warning("", f'{text}; whitespace="compact" allows none')
    for node, place in _schemas(root):
        if node.get("format") in formats.INSIDE:
            yield Warning(place, f"format {node['format']!r} allows a part of its strings only")
        yield from _forbidden(node, place)


def _forbidden(node: Node, place: str) -> Iterator[Warning]:
    """Names that are required where no such name is allowed."""
    if node.get("additionalProperties") is not False or "patternProperties" in node:
        return
    required = node.get("required")
    for name in required if isinstance(required, list) else ():
        if name not in node.get("properties", {}):
            yield Warning(place, f'"{name}" is required, but additionalProperties forbids it')


def _dead_branches(survey: Survey) -> Iterator[Warning]:
    """Schemas of the user's own that nothing satisfies."""
    for node in survey.nodes:
        if not survey.is_alive(node):
            place = pointers.locate(survey.root, node)
            if place:
                yield Warning(place, "nothing satisfies this schema")


def _lines(report: SchemaReport) -> Iterator[str]:
    yield f"draft {report.draft}, {report.n_schemas} schemas, {report.n_bytes} bytes"
    yield f"{report.n_rules} rules; more are made as text reaches them"
    for title, words in (("enforced", report.enforced), ("ignored", report.ignored)):
        listed = ", ".join(f"{word} ({n})" if n > 1 else word for word, n in words.items())
        yield f"{title}: {listed or 'nothing'}"
    if report.problem is not None:
        yield f"no grammar: {report.problem}"
    yield from (f"warning: {warning}" for warning in report.warnings)
