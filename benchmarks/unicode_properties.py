"""Write the table of Unicode properties that `\\p{...}` is read from.

Run as `python benchmarks/unicode_properties.py`, with the package `regex` (any release that
supports the Unicode version wanted). Every property is asked for every code point.
"""

from __future__ import annotations

import itertools
from importlib.metadata import metadata
from pathlib import Path
from re import search

import numpy as np
import regex

TABLE = Path(__file__).parents[1] / "constrain" / "syntax" / "data" / "unicode_properties.txt"

BINARY = """
Alphabetic Bidi_Control Bidi_Mirrored Case_Ignorable Cased Changes_When_Casefolded
Changes_When_Casemapped Changes_When_Lowercased Changes_When_Titlecased Changes_When_Uppercased
Dash Default_Ignorable_Code_Point Deprecated Diacritic Emoji Emoji_Component Emoji_Modifier
Emoji_Modifier_Base Emoji_Presentation Extended_Pictographic Extender Grapheme_Base
Grapheme_Extend Hex_Digit ID_Continue ID_Start Ideographic IDS_Binary_Operator
IDS_Trinary_Operator Join_Control Logical_Order_Exception Lowercase Math
Noncharacter_Code_Point Pattern_Syntax Pattern_White_Space Quotation_Mark Radical
Regional_Indicator Sentence_Terminal Soft_Dotted Terminal_Punctuation Unified_Ideograph
Uppercase Variation_Selector White_Space XID_Continue XID_Start
""".split()
"""What ECMA-262 lists, without those that take one line of code."""

HEAD = """\
# Code points by Unicode property, Unicode {version}.
# Made by benchmarks/unicode_properties.py.
# One property a line: its kind (gc: general category, sc: script, scx: script extensions that
# differ from it, is: binary), its names, and after "=" its ranges: how many code points are
# left out, then (unless it is one) how many are in; numbers in base 36.
"""

ALL = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")


def main() -> None:
    found = search(r"Unicode (\d+\.\d+\.\d+)", str(metadata("regex").get_payload()))
    assert found
    properties = regex._regex.get_properties()
    lines = [line for names in values(properties, "GC") if (line := category(names))]
    lines += [line for names in values(properties, "SC") for line in scripts(names)]
    aliases: dict[int, list[str]] = {}
    for name, (number, _) in properties.items():
        aliases.setdefault(number, []).append(name)
    for name in BINARY:
        names = aliases[properties[name.upper().replace("_", "")][0]]
        lines.append(f"is {' '.join(names)} = {ranges(f'{{{name}}}')}")
    TABLE.write_text(HEAD.format(version=found[1]) + "\n".join(lines) + "\n", "ascii")


def values(properties: dict[str, tuple[int, dict[str, int]]], name: str) -> list[list[str]]:
    """The values of a property, each with all of its names."""
    numbers = properties[name][1].items()
    by_number = sorted((number, alias) for alias, number in numbers)
    groups = itertools.groupby(by_number, key=lambda item: item[0])
    return [[alias for _, alias in group] for _, group in groups]


def category(names: list[str]) -> str:
    """A line for a general category that is not made of others."""
    short = [name for name in names if len(name) == 2 and name != "LC" and name.isalpha()]
    return f"gc {' '.join(names)} = {ranges(f'{{gc={short[0]}}}')}" if short else ""


def scripts(names: list[str]) -> list[str]:
    script, extended = ranges(f"{{sc={names[0]}}}"), ranges(f"{{scx={names[0]}}}")
    lines = [f"sc {' '.join(names)} = {script}"] if script else []
    return lines + ([f"scx {' '.join(names)} = {extended}"] if extended != script else [])


def ranges(name: str) -> str:
    """The code points with a property, as numbers of those left out and in."""
    last, words = 0, list[str]()
    for match in regex.finditer(rf"\p{name}+", ALL):
        start, stop = match.span()
        count = "" if stop - start == 1 else f".{np.base_repr(stop - start, 36).lower()}"
        words.append(np.base_repr(start - last, 36).lower() + count)
        last = stop
    return " ".join(words)


if __name__ == "__main__":
    main()
