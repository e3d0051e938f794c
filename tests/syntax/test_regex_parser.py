"""Patterns mean what `re.fullmatch` says they mean, and wrong ones are refused in place."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given, strategies as st
from oracles import positions
from strategies import patterns, texts

from constrain.errors import LimitExceeded, RegexSyntaxError, SpecError, Unsupported
from constrain.syntax import charclass
from constrain.syntax.anchors import END, START
from constrain.syntax.regex_ast import (
    EPSILON,
    NOTHING,
    Atomic,
    Chars,
    Concat,
    Look,
    Repeat,
    Text,
    Union,
)
from constrain.syntax.regex_parser import parse

A, B = Text(b"a"), Text(b"b")


@pytest.mark.parametrize(
    ("pattern", "node"),
    [
        ("", EPSILON),
        ("abc", Text(b"abc")),
        ("é", Text("é".encode())),
        ("ab*", Concat((A, Repeat(B, 0, None)))),
        ("(?:ab)*", Repeat(Text(b"ab"), 0, None)),
        ("a|b", Union((A, B))),
        ("(a)(?:b)(?P<name>c)", Text(b"abc")),
        ("a{2}", Repeat(A, 2, 2)),
        ("a{2,}", Repeat(A, 2, None)),
        ("a{,2}", Repeat(A, 0, 2)),
        ("a{1000000,2000000}", Repeat(A, 1_000_000, 2_000_000)),
        ("a{,}", Repeat(A, 0, None)),
        ("a{0}", EPSILON),
        ("a{1}", A),
        ("a{}", Text(b"a{}")),
        ("a{2", Text(b"a{2")),
        ("a{b}", Text(b"a{b}")),
        ("a{2,b}", Text(b"a{2,b}")),
        ("}]", Text(b"}]")),
        ("[b]", Chars(((98, 98),))),
        ("[]-a]", Chars(((93, 97),))),
        ("[^]]", Chars(((0, 92), (94, 0xD7FF), (0xE000, 0x10FFFF)))),
        ("[a-]", Chars(((45, 45), (97, 97)))),
        (r"[\b]", Chars(((8, 8),))),
        (r"[\]\-]", Chars(((45, 45), (93, 93)))),
        ("[(-+]", Chars(((40, 43),))),
        (r"\x41\u0042\U00000043\N{LATIN SMALL LETTER D}\105\0\.", Text(b"ABCdE\0.")),
        (r"\a\f\n\r\t\v\\", Text(b"\a\f\n\r\t\v\\")),
        (r"\ud800", NOTHING),
        (r"\ud800?", EPSILON),
        (r"a\ud800|b", B),
        (r"\A", START),
        (r"\Z", END),
        ("(?=a)", Look(A, behind=False, negative=False)),
        ("(?<!a)", Look(A, behind=True, negative=True)),
        ("(?!)", NOTHING),
        ("(?=)", EPSILON),
        ("a(?#not b)c", Text(b"ac")),
        (r"(?#\))a", A),
        ("(?x) a # b \n c [ ]", Concat((Text(b"ac"), Chars(((32, 32),))))),
        ("(?x: a b) ", Text(b"ab ")),
        ("(?i)1", Text(b"1")),
        ("(?i:a)a", Concat((Chars(((65, 65), (97, 97))), A))),
        ("(?i)a(?-i:a)", Concat((Chars(((65, 65), (97, 97))), A))),
    ],
)
def test_trees(pattern: str, node: object):
    assert parse(pattern).node == node


@pytest.mark.parametrize(
    ("pattern", "node"),
    [
        ("(?>a|b)", parse("a|b").node),
        ("(?>ab|cd){2}+", parse("(?:ab|cd){2}").node),
        ("a*+b", parse("a*b").node),
        ("a*?+", None),
        ("(?>a*?)", EPSILON),
        ("(?>a{2,}?)b", Concat((Repeat(A, 2, 2), B))),
        ("a*+a", NOTHING),
        ("(?>a|ab)", Atomic(Union((A, Text(b"ab"))))),
        ("(?>a*?|b)", Atomic(Union((Repeat(A, 0, None, lazy=True), B)))),
        ("(?>(?>a|b)|ab)", Atomic(Union((parse("a|b").node, Text(b"ab"))))),
    ],
)
def test_order_is_kept_where_it_counts(pattern: str, node: object):
    if node is None:
        with pytest.raises(RegexSyntaxError, match="repeated already"):
            parse(pattern)
    else:
        assert parse(pattern).node == node


def test_flags_argument():
    assert parse("k", "ia").node == Chars(((75, 75), (107, 107)))
    assert parse(".", "s").node == Chars(((0, 0xD7FF), (0xE000, 0x10FFFF)))
    assert parse(" a ", "x").node == A
    assert parse(r"\d", "a").node == Chars(charclass.ASCII_CLASSES["d"])
    assert parse("(?a:.)(?u:[\\d])", "a").node.items[1] == parse(r"\d").node
    for flags in ("q", "au"):
        with pytest.raises(ValueError, match="flags are letters"):
            parse("a", flags)


@pytest.mark.parametrize("pattern", ["a*?", "a+?", "a??", "a{2,}?", "(?:a{2}?)*", "x|(y+?)"])
def test_lazy_quantifiers_are_seen(pattern: str):
    assert parse(pattern).lazy
    assert parse(pattern).node == parse(pattern.replace("?)", ")").removesuffix("?")).node


def test_without_lazy_quantifier():
    assert not parse(r"a?b*c+d{2}[?][*?]\*?(?:x)").lazy


@given(patterns(anchors=True, looks=True), st.sampled_from(["", "i", "m", "s", "a", "x", "im"]))
def test_every_pattern_of_the_strategy_can_be_parsed(pattern: str, flags: str):
    parse(pattern, flags)


@given(
    patterns(anchors=True, looks=True),
    st.sampled_from(["", "i", "m", "s", "a", "ims"]),
    st.lists(texts("abéÉB\n ", max_size=5), max_size=4),
)
def test_trees_mean_what_re_says(pattern: str, flags: str, samples: list[str]):
    expected = re.compile(pattern, _re_flags(flags))
    node = parse(pattern, flags).node
    for text in samples:
        assert positions.matches(node, text) == bool(expected.fullmatch(text)), text


PIECES = [
    *r"a b é k ſ 0 - # { } {2} {,1} {} {1,2 * + ? . | ( ) ) ) [ ] [^ [a-z] [\d-] ^ $".split(),
    *r"(?: (?i: (?-i: (?x: (?s: (?m: (?a: (?i-s: (?a-u: (?ii) (?au) (?i) (?x) (?ims) (?z)".split(),
    *r"(?= (?! (?<= (?<! (?P<n> (?P (?#c) \b \A \Z \w \W \d \s \n \x41 \101 \0 \e \400".split(),
    *r"\. \] \8 \x4 \N{DASH} \N{DIGIT ONE}".split(),
    " ",
    "\n",
]


@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join), texts("abkK é\n#-", 4))
def test_rubble_is_refused_exactly_where_re_refuses_it(pattern: str, text: str):
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of sets that may change their meaning
            expected = re.compile(pattern)
    except re.error as error:
        if "look-behind" not in str(error):  # ours may have any width
            with pytest.raises((RegexSyntaxError, Unsupported)):  # whichever comes first
                parse(pattern)
    else:
        assert positions.matches(parse(pattern).node, text) == bool(expected.fullmatch(text))


def _re_flags(letters: str) -> int:
    return sum(getattr(re, letter.upper()) for letter in letters)


def test_not_a_boundary_in_an_empty_text():
    """`re` says no before Python 3.14."""
    assert positions.matches(parse(r"\B").node, "")
    assert positions.matches(parse(r"a\Bb\b-\B").node, "ab-")


@pytest.mark.parametrize(
    ("pattern", "span", "message"),
    [
        ("id-(a|b", (3, 4), "group is never closed"),
        ("((a)", (0, 1), "group is never closed"),
        ("a)b", (1, 2), "no group is open here"),
        ("x*+*", (3, 4), "repeated already"),
        ("*a", (0, 1), "nothing to repeat"),
        ("a|*", (2, 3), "nothing to repeat"),
        ("({2})", (1, 4), "nothing to repeat"),
        ("^*", (1, 2), "anchor cannot be repeated"),
        (r"\b+", (2, 3), "anchor cannot be repeated"),
        ("a**", (2, 3), "repeated already"),
        ("a{2}{3}", (4, 7), "repeated already"),
        ("a???", (3, 4), "repeated already"),
        ("a{3,2}", (1, 6), "the most is smaller than the least"),
        ("x[z-a]", (2, 5), "wrong order"),
        (r"x[\d-z]", (2, 6), "between two characters"),
        (r"[a-\w]", (1, 5), "between two characters"),
        ("x[ab", (1, 2), "set is never closed"),
        ("[]", (0, 1), "set is never closed"),
        ("[^]", (0, 1), "set is never closed"),
        ("a\\", (1, 2), "ends in a backslash"),
        (r"a\q", (1, 3), "no meaning"),
        (r"[\q]", (1, 3), "no meaning"),
        (r"a\p{Nope}", (1, 9), 'no Unicode property is called "Nope"'),
        (r"[\p{sc=Lu}]", (1, 10), "no Unicode property"),
        (r"\p{Lu", (0, 2), "property name is missing"),
        (r"\x4", (0, 3), "too short: it takes 2"),
        (r"\u12", (0, 4), "too short: it takes 4"),
        (r"\U00110000", (0, 10), "beyond the last code point"),
        (r"\400", (0, 4), r"beyond \\377"),
        (r"\N{NO SUCH}", (0, 11), "no character has this name"),
        (r"\Na", (0, 2), "name is missing"),
        (r"\1", (0, 2), "no group 1"),
        (r"(a\1)", (2, 4), "group 1 is still open"),
        (r"(a)\2", (3, 5), "no group 2"),
        ("(?P=n)", (0, 6), "no group n"),
        ("(?P<n>a)(?P<n>b)", (8, 14), "name n is taken"),
        ("(?P<1>a)", (0, 6), "not an identifier"),
        ("(?P<n", (0, 4), "name is never closed"),
        ("(?<n>a)", (0, 3), "unknown kind"),
        ("(?", (0, 2), "no kind"),
        ("(?#a", (0, 3), "comment is never closed"),
        ("a(?i)", (1, 5), "at the start only"),
        ("(?:(?i)a)", (3, 7), "at the start only"),
        ("(?iz)", (0, 5), "unknown flag z"),
        ("(?i", (0, 3), "colon or a parenthesis"),
        ("(?-i)", (0, 5), "need a group"),
        ("(?i-:a)", (0, 5), "missing after the minus"),
        ("(?au:a)", (0, 5), "exclude each other"),
        ("(?a)(?u)", (4, 8), "exclude each other"),
        ("(?-u:a)", (0, 5), "cannot be removed"),
        ("(?i-i:a)", (0, 6), "both added and removed"),
        ("(?L)", (0, 3), "unknown kind"),
        (r"(a)\1", (3, 5), "backreference"),
        ("(?P<n>a)(?P=n)", (8, 14), "backreference"),
        ("(?(1)a|b)", (0, 3), "conditional"),
        ("(?>a", (0, 1), "group is never closed"),
    ],
)
def test_errors_have_their_place(pattern: str, span: tuple[int, int], message: str):
    with pytest.raises((RegexSyntaxError, Unsupported), match=message) as caught:
        parse(pattern)
    error = caught.value
    assert (error.span if isinstance(error, RegexSyntaxError) else error.where) == span
    assert "^" * (span[1] - span[0]) in str(error)


def test_an_error_in_full():
    with pytest.raises(RegexSyntaxError) as caught:
        parse("id-(a|b")
    assert str(caught.value) == (
        'group is never closed\n  id-(a|b\n     ^ add ")" or escape it as "\\("'
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "(a" * 100_000 + ")" * 100_000,
        "(?:" * 1_000 + "a" + ")*" * 1_000,
        "(?=" * 1_000 + "a" + ")" * 1_000,
        "(a|" * 1_000 + "b" + ")" * 1_000,
        "a{4294967296}",
        "a{" + "9" * 5_000 + "}",
    ],
)
def test_limits(pattern: str):
    with pytest.raises(LimitExceeded):
        parse(pattern)


def test_deep_or_large_patterns_that_are_fine():
    assert parse("(" * 100_000 + "a" + ")" * 100_000).node == A
    for pattern in ("(a*)*", "(a|a)*b", ".{0,5000}x.{0,5000}", "(a?" * 60 + ")?" * 60):
        parse(pattern)
    parse("a*b+" * 1_000)
    parse("|".join(["ab", "c*d", "(e|f)?"] * 1_000))
    assert parse("a{" + "0" * 5_000 + "2}").node == Repeat(A, 2, 2)


# ------------------------------------------------------------------ ECMA-262


@pytest.mark.parametrize(
    ("pattern", "found", "not_found"),
    [
        (r"\d\w\s", ["1_ ", "0a\u00a0", "9Z\ufeff"], ["٣a ", "1é ", "1a\x85"]),
        (r"[\s]\S[^\S]", [" a\u2028", "\u3000é "], ["aa ", "  a"]),
        (r"[^\s\d]", ["a"], ["1", "\u00a0"]),
        (".", ["\x85", "a"], ["\n", "\r", "\u2028", "\u2029"]),
        ("[^]", ["\n", "a"], ["", "aa"]),
        ("a|[]", ["a"], ["[]", ""]),
        ("a$", ["a"], ["a\n"]),
        (r"(?<year>\d{4})(?P<more>x?)", ["2024", "1999x"], ["year"]),
        (r"\u{1F600}\uD83D\uDE00\u0041", ["😀😀A"], ["😀A"]),
        (r"[\u{1F600}-\uD83D\uDE02]", ["😁"], ["😃"]),
        (r"\cA\0\x41\/\-\_", ["\x01\x00A/-_"], ["cA0A/-_"]),
        (r"[\0-\x02\b]", ["\x01", "\b"], ["0", "b"]),
        (r"[\]\[.$]", ["]", "[", ".", "$"], ["a"]),
        (r"\p{Script=Greek}\P{Lu}[\p{Nd}_]", ["αa٣", "Ωß_"], ["aa1", "αA1"]),
        ("(?i)[k]ı", ["kı", "\u212aı"], ["ki", "kI"]),
        (r"\bé\b", [], ["é"]),
        (r"\ba\B|b(?=$)", ["b"], ["a"]),
        ("a{b}]", ["a{b}]"], ["ab"]),
    ],
)
def test_ecma(pattern: str, found: list[str], not_found: list[str]):
    node = parse(pattern, dialect="ecma").node
    assert [text for text in found if not positions.matches(node, text)] == []
    assert [text for text in not_found if positions.matches(node, text)] == []


@pytest.mark.parametrize(
    ("pattern", "span", "message"),
    [
        (r"\A", (0, 2), "no meaning"),
        (r"a\Z", (1, 3), "no meaning"),
        (r"[\a]", (1, 3), "no meaning"),
        (r"\01", (0, 2), "no meaning"),
        (r"\u12", (0, 2), "not a code point"),
        (r"\u{110000}", (0, 10), "beyond the last"),
        (r"\p{Nope}", (0, 8), "no Unicode property"),
        (r"(?<a>x)\k<a>", (7, 12), "backreference"),
        (r"(a)\1", (3, 5), "backreference"),
        ("a{,3}", (1, 5), "no least"),
        ("a++", (2, 3), "repeated already"),
        ("(?>a)", (0, 3), "unknown kind"),
        ("(?#a)", (0, 3), "unknown kind"),
        ("(?x:a)", (0, 3), "unknown kind"),
        ("(?ix:a)", (0, 5), "unknown flag x"),
    ],
)
def test_ecma_faults(pattern: str, span: tuple[int, int], message: str):
    with pytest.raises((RegexSyntaxError, Unsupported), match=message) as caught:
        parse(pattern, dialect="ecma")
    error = caught.value
    assert (error.span if isinstance(error, RegexSyntaxError) else error.where) == span


def test_dialects_are_two():
    with pytest.raises(SpecError, match='"python" and "ecma"'):
        parse("a", dialect="perl")
    with pytest.raises(ValueError, match="flags are letters"):
        parse("a", "x", dialect="ecma")
