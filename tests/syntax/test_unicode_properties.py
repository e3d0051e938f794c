"""Unicode properties: categories against Python's own data, the rest against well-known facts."""

from __future__ import annotations

import unicodedata

import pytest

from constrain.syntax import charclass
from constrain.syntax.regex_ast import SURROGATES, Ranges, invert
from constrain.syntax.regex_parser import parse
from constrain.syntax.unicode_properties import code_points

ASSIGNED = [
    (code_point, category)
    for code_point in range(0x110000)
    if not SURROGATES[0] <= code_point <= SURROGATES[1]
    and (category := unicodedata.category(chr(code_point))) != "Cn"
]


def members(name: str) -> set[int]:
    return {c for lo, hi in known(name) for c in range(lo, hi + 1)}


def known(name: str) -> Ranges:
    ranges = code_points(name)
    assert ranges is not None, name
    return ranges


@pytest.mark.parametrize("name", ["L", "Lu", "Lt", "Mn", "N", "Nd", "P", "Sc", "Z", "Zs", "Co"])
def test_categories(name: str):
    """The category of an assigned code point all but never changes between versions."""
    found = members(name)
    differing = [c for c, category in ASSIGNED if (c in found) != category.startswith(name)]
    assert len(differing) < 10


def test_categories_cover_everything_once():
    parts = [known(name) for name in "LMNPSZC"]
    assert sum(hi - lo + 1 for ranges in parts for lo, hi in ranges) == 0x110000 - 0x800


@pytest.mark.parametrize(
    ("name", "inside", "outside"),
    [
        ("Greek", "αΩ", "aя"),
        ("Script=Han", "語", "ひ、"),
        ("scx=Hira", "ひ、", "語"),
        ("sc=Latin", "aé", "1α"),
        ("Cyrl", "Я", "R"),
        ("Alphabetic", "aé語", "1 "),
        ("White_Space", " \u3000", "a\u200b"),
        ("Emoji_Presentation", "😀", "a1"),
        ("Extended_Pictographic", "😀©", "1"),
        ("XID_Start", "aé", "1_"),
        ("uppercase", "AÉ", "a"),
        ("LC", "aAǅ", "ª語"),
        ("Ideographic=no", "a", "語"),
        ("Any", "a\U0010ffff", ""),
        ("ASCII", "a\x7f", "\x80"),
        ("Assigned", "a", "\u0378"),
        ("hex digit", "fＦ", "g"),
    ],
)
def test_facts(name: str, inside: str, outside: str):
    found = members(name)
    assert set(map(ord, inside)) <= found
    assert found.isdisjoint(map(ord, outside))


def test_names_are_compared_loosely():
    assert known("Old_Italic") == known("olditalic") == known("sc : old-italic")
    assert known("gc=Uppercase_Letter") == known("Lu")


@pytest.mark.parametrize("name", ["", "Nope", "sc=Lu", "gc=Greek", "Alphabetic=maybe", "foo=bar"])
def test_unknown_names(name: str):
    assert code_points(name) is None


def test_in_patterns():
    greek, digits = known("Greek"), known("Nd")
    assert parse(r"\p{Greek}").node.ranges == greek
    assert parse(r"\P{Greek}").node.ranges == parse(r"\p{^Greek}").node.ranges == invert(greek)
    assert parse(r"\pL").node.ranges == known("L")
    assert set(parse(r"[\p{Nd}_]").node.ranges) == {*digits, (0x5F, 0x5F)}
    cased = charclass.ignore_case(known("Lu"))
    assert parse(r"(?i)\p{Lu}").node.ranges == parse(r"(?i)[\p{Lu}]").node.ranges == cased
