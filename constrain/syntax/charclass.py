"""Character classes of Python's `re` on text: `\\d \\s \\w`, and what `IGNORECASE` adds to a set.

The tables come from the running interpreter's own Unicode data and are built at first use.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache

import numpy as np

from .regex_ast import MAX_CODE_POINT, Ranges, invert, normalize

ASCII_CLASSES: dict[str, Ranges] = {
    "d": ((0x30, 0x39),),
    "s": ((0x09, 0x0D), (0x20, 0x20)),
    "w": ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A)),
}

NOT_NEWLINE: Ranges = invert(((0x0A, 0x0A),))

_CASED_PLANES = 0x20000  # no code point above the first two planes has upper and lower case


@cache
def category(letter: str, ascii_only: bool = False) -> Ranges:
    r"""Return the code points of `\d`, `\s`, `\w` or their negations `\D`, `\S`, `\W`.

    Law: equal to what `re` matches on text, with or without its ASCII flag. The first Unicode
    `\w` takes some 25 ms.

    >>> category("S", ascii_only=True)[:2]
    ((0, 8), (14, 31))
    """
    if letter.isupper():
        return invert(category(letter.lower(), ascii_only))
    if ascii_only:
        return ASCII_CLASSES[letter]
    found = re.finditer(f"\\{letter}+", _all_code_points())
    return normalize((match.start(), match.end() - 1) for match in found)


ODD: Ranges = ((0x85, 0x85), (0xFEFF, 0xFEFF))
"""White space in one of the dialects only."""


@cache
def beyond_ascii() -> tuple[Ranges, Ranges, Ranges]:
    r"""The code points beyond ASCII, but for surrogates and `ODD`: of `\w`, of `\s`, the rest."""
    ascii_: Ranges = ((0, 0x7F),)
    surrogates: Ranges = ((0xD800, 0xDFFF),)
    words = subtract(category("w"), (*ascii_, *surrogates))
    spaces = subtract(category("s"), normalize([*ascii_, *ODD]))
    return words, spaces, invert(normalize([*ascii_, *surrogates, *ODD, *words, *spaces]))


def subtract(ranges: Ranges, others: Ranges) -> Ranges:
    """The members of `ranges` that are not in `others`.

    >>> subtract(((1, 9),), ((3, 4),))
    ((1, 2), (5, 9))
    """
    return invert(normalize([*invert(ranges), *others]))


@lru_cache(maxsize=1024)
def kinds_beyond_ascii(ranges: Ranges) -> tuple[int, int]:
    """Which of the classes of `beyond_ascii` lie in `ranges` and which lie outside, as bit sets."""
    inside = outside = 0
    for number, kind in enumerate(beyond_ascii()):
        if not subtract(kind, ranges):
            inside |= 1 << number
        elif not subtract(kind, invert(ranges)):
            outside |= 1 << number
    return inside, outside


def _all_code_points() -> str:
    numbers = np.arange(MAX_CODE_POINT + 1, dtype="<u4")
    return numbers.tobytes().decode("utf-32-le", "surrogatepass")


@lru_cache(maxsize=1024)
def ignore_case(ranges: Ranges, ascii_only: bool = False) -> Ranges:
    """Return `ranges` with every code point that `re` takes for one of them when it ignores case.

    >>> ignore_case(((0x6B, 0x6B),))
    ((75, 75), (107, 107), (8490, 8490))
    """
    return _with_variants(ranges, _ascii_variants() if ascii_only else _unicode_variants())


@lru_cache(maxsize=1024)
def fold_case(ranges: Ranges) -> Ranges:
    """Return `ranges` with every code point of the same simple case folding, as ECMA-262 says.

    >>> fold_case(((0x130, 0x131),))  # letters of Turkish, which `re` takes for an i
    ((304, 305),)
    """
    return _with_variants(ranges, _folded_variants())


def _with_variants(ranges: Ranges, variants: Mapping[int, tuple[int, ...]]) -> Ranges:
    cased = list(variants)
    added: list[tuple[int, int]] = []
    for lo, hi in ranges:
        for i in range(bisect_left(cased, lo), bisect_left(cased, hi + 1)):
            added += [(other, other) for other in variants[cased[i]]]
    return normalize([*ranges, *added]) if added else ranges


@cache
def _ascii_variants() -> dict[int, tuple[int, ...]]:
    letters = [*range(0x41, 0x5B), *range(0x61, 0x7B)]
    return {letter: (letter ^ 0x20,) for letter in letters}


@cache
def _unicode_variants() -> dict[int, tuple[int, ...]]:
    """Map each cased code point, in order, to the others that match it when case is ignored.

    Two match if their simple lower cases are equal, or are lower cases of one upper case.
    """
    by_upper: dict[str, list[int]] = {}
    for code_point in range(_CASED_PLANES):
        char = chr(code_point)
        lower, upper = char.lower(), char.upper()
        if lower != char or upper != char:
            # U+0130 alone has a longer lower case; its simple one is the first character.
            by_upper.setdefault(lower[0].upper(), []).append(code_point)
    return _by_member(by_upper.values())


@cache
def _folded_variants() -> dict[int, tuple[int, ...]]:
    """The same for equal simple case foldings. (Where the full one is longer, the simple one is
    the lower case, if that is one character.)"""
    by_fold: dict[str, list[int]] = {}
    for code_point in range(_CASED_PLANES):
        char = chr(code_point)
        forms = (form for form in (char.casefold(), char.lower(), char) if len(form) == 1)
        by_fold.setdefault(next(forms), []).append(code_point)
    return _by_member(group for group in by_fold.values() if len(group) > 1)


def _by_member(groups: Iterable[list[int]]) -> dict[int, tuple[int, ...]]:
    return {
        member: tuple(other for other in group if other != member)
        for member, group in sorted((m, g) for g in groups for m in g)
    }
