"""What Python's regular expressions and ECMA-262's read differently.

ECMA-262 is read as with its flag `u`, as JSON Schema has it, but leniently where that takes
nothing away: an escaped sign stands for itself, a lone brace too, and `(?P<name>...)` and a
leading `(?i)` are understood.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from . import anchors, charclass
from .regex_ast import MAX_CODE_POINT, Chars, Node, Ranges, invert, normalize
from .regex_escapes import CONTROLS, Fault, read_character

Flags = frozenset[str]


@dataclass(frozen=True, eq=False)
class Dialect:
    """`category` takes a letter out of "dswDSW" and the flags in force; `character` reads an
    escape for one code point at an offset; `anchors` are by sign, with "m" behind it for those
    under that flag; `classes` matches a set in brackets; `groups` are the markers behind "(?"."""

    name: str
    flags: Flags
    not_newline: Chars
    anchors: Mapping[str, Node]
    category: Callable[[str, Flags], Ranges]
    ignore_case: Callable[[Ranges, Flags], Ranges]
    character: Callable[[str, int], tuple[int, int]]
    reference: re.Pattern[str]
    classes: re.Pattern[str]
    groups: Flags
    commits: bool  # are there possessive quantifiers?


# ------------------------------------------------------------------ Python


def _python_category(letter: str, flags: Flags) -> Ranges:
    return charclass.category(letter, "a" in flags)


def _python_ignore_case(ranges: Ranges, flags: Flags) -> Ranges:
    return charclass.ignore_case(ranges, "a" in flags)


PYTHON = Dialect(
    name="python",
    flags=frozenset("imsxau"),
    not_newline=Chars(charclass.NOT_NEWLINE),
    anchors={
        "^": anchors.START,
        "$": anchors.END_OR_LAST_NEWLINE,
        "^m": anchors.LINE_START,
        "$m": anchors.LINE_END,
        "\\A": anchors.START,
        "\\Z": anchors.END,
    },
    category=_python_category,
    ignore_case=_python_ignore_case,
    character=read_character,
    reference=re.compile("(?![0-7]{3})[1-9][0-9]?"),
    classes=re.compile(r"\[\^?+(?:\\.|[^\\])(?:\\.|[^\\\]])*\]", re.DOTALL),
    groups=frozenset([":", "=", "!", "<=", "<!", "P<", "P=", "(", ">", "#", *"-aimsux"]),
    commits=True,
)

# ------------------------------------------------------------------ ECMA-262

_LINE_ENDS: Ranges = ((0x0A, 0x0A), (0x0D, 0x0D), (0x2028, 0x2029))
_NOT_LINE_END = Chars(invert(_LINE_ENDS))
_SPACES: Ranges = normalize(
    [(9, 13), (0x2000, 0x200A)]
    + [(ord(c), ord(c)) for c in " \xa0\u1680\u2028\u2029\u202f\u205f\u3000\ufeff"]
)

_ECMA_CLASSES: Mapping[str, Ranges] = {
    "d": charclass.ASCII_CLASSES["d"],
    "s": _SPACES,
    "w": charclass.ASCII_CLASSES["w"],
}


def _ecma_category(letter: str, flags: Flags) -> Ranges:
    if letter.isupper():
        return invert(_ecma_category(letter.lower(), flags))
    ranges = _ECMA_CLASSES[letter]
    return charclass.fold_case(ranges) if "i" in flags else ranges


def _ecma_ignore_case(ranges: Ranges, flags: Flags) -> Ranges:
    return charclass.fold_case(ranges)


_ECMA_UNICODE = re.compile(
    r"\\u(?:[dD](?P<high>[89abAB][0-9a-fA-F]{2})\\u[dD](?P<low>[c-fC-F][0-9a-fA-F]{2})"
    r"|(?P<four>[0-9a-fA-F]{4})|\{(?P<any>[0-9a-fA-F]+)\})"
)


def _ecma_character(text: str, start: int) -> tuple[int, int]:
    r"""Read an escape of ECMA-262 for one code point: `\n`, `\cA`, `\0`, `\x41`, `\u{1F600}`.

    >>> _ecma_character(r"\ud83d\ude00", 0)
    (128512, 12)
    """
    letter, after = text[start + 1 : start + 2], text[start + 2 : start + 3]
    if letter == "u":
        return _ecma_unicode(text, start)
    if letter == "c" and after.isascii() and after.isalpha():
        return ord(after) % 32, start + 3
    if letter == "0" and not (after and after in "0123456789"):
        return 0, start + 2
    known = letter == "x" or (letter in CONTROLS and letter != "a")
    if not known and letter.isascii() and letter.isalnum():
        note = "ECMA-262 does not know it"
        raise Fault(rf"the escape \{letter} has no meaning here", (start, start + 2), note)
    return read_character(text, start)


def _ecma_unicode(text: str, start: int) -> tuple[int, int]:
    match = _ECMA_UNICODE.match(text, start)
    if not match:
        note = r"as in \u0041, \u{1F600} or a pair of surrogates"
        raise Fault("escape is not a code point", (start, start + 2), note)
    if match["low"]:
        return 0x10000 + (int(match["high"], 16) - 0x800 << 10) + (
            int(match["low"], 16) - 0xC00
        ), match.end()
    digits = (match["four"] or match["any"]).lstrip("0") or "0"
    if len(digits) > 6 or int(digits, 16) > MAX_CODE_POINT:
        raise Fault("escape is beyond the last code point, 10FFFF", match.span())
    return int(digits, 16), match.end()


ECMA = Dialect(
    name="ecma",
    flags=frozenset("ims"),
    not_newline=_NOT_LINE_END,
    anchors={
        "^": anchors.START,
        "$": anchors.END,
        "^m": anchors.line_start(_NOT_LINE_END),
        "$m": anchors.line_end(_NOT_LINE_END),
    },
    category=_ecma_category,
    ignore_case=_ecma_ignore_case,
    character=_ecma_character,
    reference=re.compile(r"[1-9][0-9]*|k<"),
    classes=re.compile(r"\[\^?(?:\\.|[^\\\]])*\]", re.DOTALL),
    groups=frozenset([":", "=", "!", "<=", "<!", "P<", "<", *"-ims"]),
    commits=False,
)

DIALECTS: Mapping[str, Dialect] = {"python": PYTHON, "ecma": ECMA}
