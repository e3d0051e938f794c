"""Code points by Unicode property: `\\p{Lu}`, `\\p{Script=Greek}`, `\\p{Alphabetic}`.

Read from a table of one Unicode version (its first line says which), so that a pattern means
the same under every Python. Names are compared without regard to case, spaces, hyphens and
underscores (Unicode Technical Standard 18, section 1.2).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from .regex_ast import MAX_CODE_POINT, Ranges, invert, normalize

_GROUPS: Mapping[str, str] = {
    **dict.fromkeys(("LC", "L&", "CASEDLETTER"), "Lu Ll Lt"),
    **dict.fromkeys(("L", "LETTER"), "Lu Ll Lt Lm Lo"),
    **dict.fromkeys(("M", "MARK", "COMBININGMARK"), "Mn Mc Me"),
    **dict.fromkeys(("N", "NUMBER"), "Nd Nl No"),
    **dict.fromkeys(("P", "PUNCTUATION", "PUNCT"), "Pc Pd Ps Pe Pi Pf Po"),
    **dict.fromkeys(("S", "SYMBOL"), "Sm Sc Sk So"),
    **dict.fromkeys(("Z", "SEPARATOR"), "Zs Zl Zp"),
    **dict.fromkeys(("C", "OTHER"), "Cc Cf Cs Co Cn"),
}
"""General categories that are made of others."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(("GC", "GENERALCATEGORY"), ("gc",)),
    **dict.fromkeys(("SC", "SCRIPT"), ("sc",)),
    **dict.fromkeys(("SCX", "SCRIPTEXTENSIONS"), ("scx", "sc")),
}
"""What may stand before "=", and where its values are looked up."""

_ANY: Ranges = ((0, MAX_CODE_POINT),)


@cache
def code_points(name: str) -> Ranges | None:
    """Return the code points with the property that the text between braces names, if any.

    A lone name is a general category, else a script, else a binary property.

    >>> code_points("Greek") == code_points("sc=Grek") == code_points("Script: greek")
    True
    >>> code_points("ASCII_Hex_Digit")
    ((48, 57), (65, 70), (97, 102))
    """
    kind, separator, value = re.sub(r"[\s_-]", "", name).upper().replace(":", "=").rpartition("=")
    if not separator:
        return _lone(value)
    if kind in _KINDS:
        return _named(value, *_KINDS[kind])
    truth = {"Y": 1, "YES": 1, "T": 1, "TRUE": 1, "N": 0, "NO": 0, "F": 0, "FALSE": 0}.get(value)
    members = _binary(kind)
    return None if truth is None or members is None else members if truth else invert(members)


def _lone(name: str) -> Ranges | None:
    found = _named(name, "gc")
    found = _named(name, "sc") if found is None else found
    return _binary(name) if found is None else found


def _named(name: str, *kinds: str) -> Ranges | None:
    if kinds == ("gc",) and name in _GROUPS:
        parts = (_ranges("gc", part.upper()) for part in _GROUPS[name].split())
        return normalize(pair for part in parts if part for pair in part)
    for kind in kinds:
        found = _ranges(kind, name)
        if found is not None:
            return found
    return None


def _binary(name: str) -> Ranges | None:
    match name:
        case "ANY":
            return normalize(_ANY)
        case "ASCII":
            return ((0, 0x7F),)
        case "ASSIGNED":
            return invert(_ranges("gc", "CN") or ())
        case "ASCIIHEXDIGIT" | "AHEX":
            return ((0x30, 0x39), (0x41, 0x46), (0x61, 0x66))
        case _:
            return _ranges("is", name)


@cache
def _lines() -> Mapping[tuple[str, str], str]:
    """(kind, name) -> ranges as written."""
    text = (files("constrain.syntax") / "data" / "unicode_properties.txt").read_text("ascii")
    lines: dict[tuple[str, str], str] = {}
    for line in text.splitlines():
        if not line.startswith("#"):
            names, _, ranges = line.partition("=")
            kind, *aliases = names.split()
            lines.update(((kind, alias), ranges) for alias in aliases)
    return lines


@cache
def _ranges(kind: str, name: str) -> Ranges | None:
    written = _lines().get((kind, name))
    if written is None:
        return None
    pairs: list[tuple[int, int]] = []
    end = 0
    for word in written.split():
        gap, _, count = word.partition(".")
        start = end + int(gap, 36)
        end = start + int(count or "1", 36)
        pairs.append((start, end - 1))
    return normalize(pairs)
