"""Classes of characters agree with `re` on every code point there is."""

from __future__ import annotations

import re

import pytest

from constrain.syntax import charclass
from constrain.syntax.regex_ast import SURROGATES, Ranges, normalize

CODE_POINTS = [chr(c) for c in range(0x110000) if not SURROGATES[0] <= c <= SURROGATES[1]]


def matched(pattern: str, flags: int) -> Ranges:
    """The code points that `re` matches, tried one by one."""
    fullmatch = re.compile(pattern, flags).fullmatch
    return normalize((ord(c), ord(c)) for c in CODE_POINTS if fullmatch(c))


@pytest.mark.parametrize("letter", "dsW")
def test_categories(letter: str):
    assert charclass.category(letter) == matched(rf"\{letter}", 0)
    assert charclass.category(letter, ascii_only=True) == matched(rf"\{letter}", re.ASCII)


# None to four variants, titlecase, a longer lower case, a code point beyond the first plane.
@pytest.mark.parametrize("char", "1akſßΣǅİ\u0345\ufb05\U00010400")
def test_ignoring_case(char: str):
    ranges = ((ord(char), ord(char)),)
    assert charclass.ignore_case(ranges) == matched(re.escape(char), re.IGNORECASE)
    only_ascii = matched(re.escape(char), re.IGNORECASE | re.ASCII)
    assert charclass.ignore_case(ranges, ascii_only=True) == only_ascii


def test_ignoring_case_in_a_range():
    assert charclass.ignore_case(((0x41, 0x4B),)) == matched("[A-K]", re.IGNORECASE)
    assert charclass.ignore_case(((0x100, 0x3FF),)) == matched("[Ā-Ͽ]", re.IGNORECASE)


@pytest.mark.parametrize("letter", "dsw")
def test_categories_do_not_tell_case_apart(letter: str):
    """`re` asks a class about the lower case; it may as well ask about the character itself."""
    changed = [char for char in CODE_POINTS if char.lower() != char]
    belongs = re.compile(rf"\{letter}").match
    assert [char for char in changed if bool(belongs(char)) != bool(belongs(char.lower()))] == []


@pytest.mark.parametrize(
    ("char", "same"),
    [
        ("k", "Kk\u212a"),
        ("ß", "ßẞ"),
        ("σ", "Σσς"),
        ("ſ", "Ssſ"),
        ("İ", "İ"),
        ("ı", "ı"),
        ("ᾳ", "ᾳᾼ"),
    ],
)
def test_simple_case_folding(char: str, same: str):
    """The code points that Unicode's CaseFolding.txt (statuses C and S) folds alike."""
    assert charclass.fold_case(((ord(char), ord(char)),)) == normalize(
        (ord(c), ord(c)) for c in same
    )
