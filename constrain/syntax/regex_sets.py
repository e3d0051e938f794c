"""Sets of characters in regular expressions: `[...]`, `\\d`, `\\p{...}`.

Readers take a text and an offset, and return what stands there with the offset behind it. They
raise `Fault`, whose span is relative to that text.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .regex_ast import Chars, Ranges, invert, normalize
from .regex_dialects import Dialect, Flags
from .regex_escapes import Fault
from .unicode_properties import code_points

CATEGORIES = frozenset("dswDSW")

_PROPERTY = re.compile(r"\\[pP](?:\{(\^?)([^{}]*)\}|([A-Za-z]))")


def read_category(
    text: str, start: int, dialect: Dialect, flags: Flags
) -> tuple[Ranges, int] | None:
    r"""Read an escape that stands for a class of characters, such as `\d` or `\p{Lu}`, if it does.

    Classes are without regard to case where the flags say so.
    """
    letter = text[start + 1 : start + 2]
    if letter in CATEGORIES:
        return dialect.category(letter, flags), start + 2
    return _read_property(text, start, dialect, flags) if letter in ("p", "P") else None


def _read_property(text: str, start: int, dialect: Dialect, flags: Flags) -> tuple[Ranges, int]:
    match = _PROPERTY.match(text, start)
    if not match:
        raise Fault("property name is missing", (start, start + 2), r"as in \p{Lu}")
    name = match[2] or match[3] or ""
    ranges = code_points(name)
    if ranges is None:
        note = "known are general categories, scripts and binary properties"
        raise Fault(f'no Unicode property is called "{name}"', match.span(), note)
    if "i" in flags:
        ranges = dialect.ignore_case(ranges, flags)
    negated = (match[0][1] == "P") != (match[1] == "^")
    return invert(ranges) if negated else ranges, match.end()


def find_set(text: str, start: int, dialect: Dialect) -> int:
    """Return the offset behind the set that opens at `start`."""
    match = dialect.classes.match(text, start)
    if match:
        return match.end()
    raise Fault("set is never closed", (start, start + 1), r'add "]" or escape this as "\["')


@lru_cache(maxsize=1024)
def read_set(source: str, dialect: Dialect, flags: Flags) -> Chars:
    """Return what a set, given with its brackets, matches.

    >>> from constrain.syntax.regex_dialects import PYTHON
    >>> read_set("[^b-]", PYTHON, frozenset("a")).ranges[:2]
    ((0, 44), (46, 97))
    """
    negated = source[1] == "^"
    characters: list[tuple[int, int]] = []
    classes: list[tuple[int, int]] = []
    pos, last = 1 + negated, len(source) - 1
    while pos < last:
        start = pos
        low, pos = _read_member(source, pos, dialect, flags)
        if source[pos] == "-" and pos + 1 < last:
            high, pos = _read_member(source, pos + 1, dialect, flags)
            characters.append(_range(low, high, source, (start, pos)))
        elif isinstance(low, int):
            characters.append((low, low))
        else:
            classes += low
    ranges: Ranges = normalize(characters)
    if "i" in flags:
        ranges = dialect.ignore_case(ranges, flags)
    if classes:
        ranges = normalize([*ranges, *classes])
    return Chars(invert(ranges) if negated else ranges)


def _read_member(source: str, pos: int, dialect: Dialect, flags: Flags) -> tuple[int | Ranges, int]:
    r"""Read a code point, or a class such as `\d`."""
    if source[pos] != "\\":
        return ord(source[pos]), pos + 1
    if source[pos + 1] == "b":
        return 0x08, pos + 2
    found = read_category(source, pos, dialect, flags)
    return dialect.character(source, pos) if found is None else found


def _range(
    low: int | Ranges, high: int | Ranges, source: str, span: tuple[int, int]
) -> tuple[int, int]:
    if not (isinstance(low, int) and isinstance(high, int)):
        note = r'escape the hyphen as "\-"'
        raise Fault("a range runs between two characters, not classes", span, note)
    if high < low:
        raise Fault(f"range {source[slice(*span)]} is in the wrong order", span, "swap its ends")
    return low, high
