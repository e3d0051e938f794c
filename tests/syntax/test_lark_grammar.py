"""Lark grammars: the corpus, Lark's own parsers, structure, ranks, errors."""

from __future__ import annotations

import pickle
import re
import tomllib
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import lark
import pytest
from hypothesis import assume, given, settings, strategies as st
from lark.exceptions import LarkError
from lark.lexer import PatternStr
from lark.load_grammar import load_grammar
from oracles import cyk
from oracles.cyk import fits, words

import constrain
from constrain.errors import GrammarSyntaxError, LimitExceeded, SpecError, Unsupported
from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import (
    EMPTY,
    Call,
    Choice,
    Expr,
    Grammar,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Words,
)
from constrain.syntax.lark_grammar import parse
from constrain.syntax.regex_analysis import width

BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [None], [256])
CORPUS = tomllib.loads((Path(__file__).parents[1] / "corpus" / "lark.toml").read_text("utf-8"))


def facts(lexer: str) -> list[Any]:
    entries = [entry for entry in CORPUS["grammar"] if entry["lexer"] == lexer]
    return [pytest.param(entry, id=entry["name"]) for entry in entries]


def accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except LarkError:
        return False
    return True


# ------------------------------------------------------------------ the corpus


@pytest.mark.parametrize("entry", facts("scannerless"))
def test_corpus_without_a_lexer(entry: dict[str, Any]):
    grammar = parse(entry["text"], lexer="scannerless")
    for text in entry["accepts"]:
        assert cyk.matches(grammar, text), text
    for text in entry["rejects"]:
        assert not cyk.matches(grammar, text), text


@pytest.mark.parametrize("entry", facts("scannerless"))
def test_corpus_agrees_with_larks_earley_parser(entry: dict[str, Any]):
    parser = lark.Lark(entry["text"], parser="earley", lexer="dynamic_complete")
    found = {text: accepts(parser, text) for text in (*entry["accepts"], *entry["rejects"])}
    agrees = found == {text: text in entry["accepts"] for text in found}
    assert agrees == entry.get("lark", True), found


@pytest.mark.parametrize("entry", facts("contextual"))
def test_corpus_agrees_with_larks_contextual_lexer(entry: dict[str, Any]):
    parser = lark.Lark(entry["text"], parser="lalr", lexer="contextual")
    for text in entry["accepts"]:
        assert accepts(parser, text), text
    for text in entry["rejects"]:
        assert not accepts(parser, text), text


@pytest.mark.parametrize("entry", facts("contextual"))
def test_corpus_for_a_lexer_reads(entry: dict[str, Any]):
    grammar = parse(entry["text"])
    used = {leaf.terminal for leaf in leaves(grammar) if isinstance(leaf, Lexeme)}
    assert used | set(grammar.ignore) == set(grammar.terminals)
    assert not any(isinstance(leaf, Regular | Literal) for leaf in leaves(grammar))


def leaves(grammar: Grammar) -> Iterator[Expr]:
    stack = list(grammar.rules.values())
    while stack:
        expr = stack.pop()
        inner = getattr(expr, "items", None) or getattr(expr, "item", None)
        if isinstance(expr, Sequence | Choice | Repeat):
            stack.extend(inner if isinstance(inner, tuple) else [inner] if inner else [])
        else:
            yield expr


@pytest.mark.parametrize(
    ("entry", "lexer"),
    [(entry, lexer) for entry in CORPUS["extended"] for lexer in entry["lexers"]],
    ids=lambda value: value if isinstance(value, str) else value["name"],
)
def test_what_lark_does_not_know(entry: dict[str, Any], lexer: str):
    grammar = constrain.cfg(entry["text"], lexer=lexer, imports=entry.get("imports"))
    constraint = constrain.compile(grammar, BYTES)
    assert [text for text in entry["accepts"] if not constraint.matches(text)] == []
    assert [text for text in entry["rejects"] if constraint.matches(text)] == []


# ------------------------------------------------------------------ random rules


def rule_texts() -> st.SearchStrategy[str]:
    """Right-hand sides over "a", "b" and the rules start, x and y, with every operator."""
    atoms = st.sampled_from(['"a"', '"b"', '"ab"', "/a+/", "/[ab]/", "x", "y", "start"])

    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        grouped = inner.map(lambda text: f"({text})")
        signs = st.sampled_from(["?", "*", "+", "~2", "~0..1", "~1..2", "~0"])
        return st.one_of(
            st.tuples(inner, inner).map(" ".join),
            st.tuples(inner, inner).map(" | ".join).map(lambda text: f"({text})"),
            inner.map(lambda text: f"[{text}]"),
            st.tuples(grouped, signs).map("".join),
        )

    return st.recursive(atoms, extend, max_leaves=4)


@settings(max_examples=60, deadline=None)
@given(rule_texts(), rule_texts(), rule_texts(), st.booleans())
def test_random_rules_agree_with_larks_earley_parser(one: str, two: str, three: str, ignore: bool):
    text = f'start: {one}\nx: {two} | "b"\ny: {three} -> z\n |\n'
    text += '%ignore " "\n' if ignore else ""
    try:
        parser = lark.Lark(text, parser="earley", lexer="dynamic_complete")
    except LarkError:
        assume(False)
        return
    grammar = parse(text, lexer="scannerless")
    alphabet = b"ab " if ignore else b"ab"
    longest = 3 if ignore else 4
    mine = cyk.language(grammar.rules, Call(grammar.start), longest, alphabet)
    theirs = {w for w in words(longest, alphabet) if accepts(parser, w.decode())}
    assert mine == theirs


# ------------------------------------------------------------------ structure

A, B = Lexeme("A"), Lexeme("B")


@pytest.mark.parametrize(
    ("right", "expected"),
    [
        ("A B", Sequence((A, B))),
        ("A | B", Choice((A, B))),
        ("A | (B | A)", Choice((A, B))),
        ("A (B A) B", Sequence((A, B, A, B))),
        ("A?", Repeat(A, 0, 1)),
        ("A*", Repeat(A, 0, None)),
        ("(A B)+", Repeat(Sequence((A, B)), 1, None)),
        ("A~3", Repeat(A, 3, 3)),
        ("A~0..70000", Repeat(A, 0, 70000)),
        ("A~0", EMPTY),
        ("[A | B]", Repeat(Choice((A, B)), 0, 1)),
        ("A -> alias | B", Choice((A, B))),
        ("", EMPTY),
        ('"a" B', Sequence((A, B))),
        ('"("', Lexeme("LPAR")),
        ('"hello"', Lexeme("HELLO")),
        ("/x+/", Lexeme("__ANON_0")),
        ("start A | B", Choice((Sequence((Call("start"), A)), B))),
    ],
)
def test_rules_become_expressions(right: str, expected: Expr):
    grammar = parse(f'start: {right}\nA: "a"\nB: "b"')
    assert grammar.rules == {"start": expected}
    assert grammar.start == "start"


def test_without_a_lexer_terminals_stand_in_the_rules():
    grammar = parse('start: "a" B x\nB: /b+/\nx: "é"i', lexer="scannerless")
    b = Regular(regex.Repeat(regex.Text(b"b"), 1, None))
    assert grammar.rules["start"] == Sequence((Literal(b"a"), b, Call("x")))
    assert grammar.rules["x"] == Regular(regex.Chars(((0xC9, 0xC9), (0xE9, 0xE9))))
    assert grammar.terminals == {}
    assert grammar.ignore == ()


def test_many_strings_are_one_terminal():
    words = [f"w{i}" for i in range(100)]
    text = "start: " + " | ".join(f'"{w}"' for w in words) + ' | W "w1" | x\nW: "w7"\nx: "y" "w9"'
    grammar = parse(text)
    (joined,) = (t for t in grammar.terminals.values() if isinstance(t.node, regex.Union))
    texts = {item.data.decode() for item in joined.node.items}
    assert texts == {*words} - {"w1", "w7", "w9"}  # those that stand in other places too
    parser = lark.Lark(text, parser="lalr", lexer="contextual")
    constraint = constrain.compile(grammar, BYTES)
    for sample in [*words, "w7w1", "yw9", "w1w1", "w", "w100", "y", "w9w9", ""]:
        assert constraint.matches(sample) == accepts(parser, sample), sample
    without = parse(text + '\n%ignore " "', lexer="scannerless")
    (many,) = (leaf for leaf in leaves(without) if isinstance(leaf, Words))
    assert len(many.words) == 100
    assert parse(text + ' | "W1"i').terminals.keys() >= {"W2", "W3"}


def test_ignored_terminals_are_woven_in():
    grammar = parse('start: "a" "b"\n%ignore " "\n%ignore /#/', lexer="scannerless")
    gap = Regular(regex.Repeat(regex.Union((regex.Text(b" "), regex.Text(b"#"))), 0, None))
    assert grammar.rules["start"] == Sequence((Literal(b"a"), gap, Literal(b"b"), gap))
    assert grammar.rules[grammar.start] == Sequence((gap, Call("start")))


def test_ignored_terminals_that_look_around_stay_apart():
    grammar = parse('start: "a"\n%ignore /#(?!#)/', lexer="scannerless")
    gap = grammar.rules["start"].items[1]
    assert isinstance(gap, Repeat)
    assert cyk.matches(grammar, "##a#")


def test_what_is_not_used_is_dropped():
    text = 'start: A\nA: B "a"\nB: "b"\nC: "c"\nunused: C\n%ignore D\nD: "d"'
    grammar = parse(text)
    assert set(grammar.rules) == {"start"}
    assert set(grammar.terminals) == {"A", "D"}
    assert grammar.ignore == ("D",)
    assert set(parse(text, start="unused").terminals) == {"C", "D"}


def test_grammars_are_values():
    text = 'start: "a" x*\nx: NUMBER\n%import common.NUMBER\n%ignore " "'
    for lexer in ("contextual", "scannerless"):
        grammar = parse(text, lexer=lexer)
        assert grammar == parse(text, lexer=lexer)
        assert hash(grammar) == hash(parse(text, lexer=lexer))
        copied = pickle.loads(pickle.dumps(grammar))
        assert copied == grammar
        assert dict(copied.rules) == dict(grammar.rules)
        assert dict(copied.terminals) == dict(grammar.terminals)
    assert parse(text) != parse(text, lexer="scannerless")
    assert parse(text) != parse(text, start="x")
    assert parse(text) != parse(text + " ")


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("%import python.test\nstart: test", "start"),
        ("%import lark.start -> grammar\nbegin: grammar", "begin"),
        ("%import unicode.WS\n%import common.WORD\nstart: WS WORD", "start"),
    ],
)
def test_larks_own_grammars_can_be_imported(text: str, start: str):
    for lexer in ("contextual", "scannerless"):
        grammar = parse(text, start, lexer)
        called = {leaf.rule for leaf in leaves(grammar) if isinstance(leaf, Call)}
        assert called <= set(grammar.rules)


# ------------------------------------------------------------------ terminals


def common_terminals() -> list[lark.lexer.TerminalDef]:
    """All of Lark's common terminals, but those that Lark itself refuses as empty."""
    text = (files("lark") / "grammars" / "common.lark").read_text("utf-8")
    grammar, _ = load_grammar(text, "common", [], False)
    terminals, _, _ = grammar.compile([], "*")
    return [terminal for terminal in terminals if terminal.pattern.min_width]


COMMON = common_terminals()

SAMPLES = (
    *("", " ", "\t \n", "\r\n", "\f", "7", "42", "+7", "-7", "1.5", ".5", "5.", "1e9", "-1.5E+3"),
    *("f", "F", "g", "abc", "aBc_1", "_x", "1x", '"a"', '"a\\"b"', '"\\\\"', '"', '"a"b"', "\\"),
    *("# x", "// y", "/* z */", "/* a */ b */", "/**/", "-- q", "--\n", "a b", "é", "x" * 40),
)


def test_all_common_terminals_are_here():
    assert {"INT", "NUMBER", "ESCAPED_STRING", "CNAME", "WS", "C_COMMENT"} < {
        t.name for t in COMMON
    }
    assert len(COMMON) == 25


@pytest.mark.parametrize("terminal", COMMON, ids=lambda terminal: terminal.name)
def test_every_common_terminal(terminal: lark.lexer.TerminalDef):
    text = f"%import common.{terminal.name} -> T\nstart: T"
    found = parse(text).terminals["T"]
    pattern = re.compile(terminal.pattern.to_regexp())
    for sample in SAMPLES:
        assert fits(found.node, sample.encode()) == bool(pattern.fullmatch(sample)), sample
    assert found.lazy == ("*?" in terminal.pattern.value)
    low, high = width(found.node)
    assert low == terminal.pattern.min_width
    assert high == (terminal.pattern.max_width if terminal.pattern.max_width < 2**32 - 1 else None)


def test_laziness_is_per_terminal():
    grammar = parse('start: A B C\nA: /<.*?>/\nB: "[" /.+?/ "]"\nC: /.+/')
    assert {name: t.lazy for name, t in grammar.terminals.items()} == {
        "A": True,
        "B": True,
        "C": False,
    }


RANKED = """
start: (A | B | C | D | E | F | G | "if" | "iff" | "in"i | NAME | NUMBER | "==" | "=" | HIGH | LOW)*
A: "a" | "b"
B: /[ab]/
C: /[0-9]/
D: /[0-9]{2}/
E.3: /x[0-9]?/
F: /(?:if)/
G: "a" "b"
HIGH.1: "zz"
LOW.-1: "zzz"
NAME: /[a-z]+/
NUMBER: /[0-9]+/
%ignore /[ ]+/
"""


def test_ranks_are_larks_order_with_strings_first():
    parser = lark.Lark(RANKED, parser="lalr", lexer="basic", strict=False)
    theirs = parser._build_lexer().terminals
    theirs.sort(key=lambda t: (-t.priority, not isinstance(t.pattern, PatternStr)))  # stable
    mine = sorted(parse(RANKED).terminals.values(), key=lambda t: t.rank)
    assert [t.name for t in mine] == [t.name for t in theirs]
    assert [t.rank for t in mine] == list(range(len(mine)))


def lex(grammar: Grammar, text: str) -> list[str]:
    """Names of the longest lexemes, ties by rank: the obvious lexer."""
    names: list[str] = []
    data = text.encode()
    while data:
        ends = [
            (-end, t.rank, t.name)
            for t in grammar.terminals.values()
            for end in range(1, len(data) + 1)
            if fits(t.node, data[:end])
        ]
        end, _, name = min(ends)
        data = data[-end:]
        names += [] if name in grammar.ignore else [name]
    return names


@given(st.lists(st.sampled_from(["if", "iff", "ab", "a", "=", "7", "42", "IN", "zz ", " "])))
@settings(max_examples=100, deadline=None)
def test_longest_match_and_rank_lex_as_lark_does(parts: list[str]):
    text = "".join(parts)
    source = 'start: (NAME | NUMBER | "if" | "in"i | "=" | "==" | Z)*\n'
    source += "NAME: /[a-z]+/\nNUMBER: /[0-9]+/\nZ.1: /zz+/\n%ignore / +/"
    assume("zz" not in text or all(p != "zz " or i == 0 for i, p in enumerate(parts)))
    expected = [token.type for token in lark.Lark(source, lexer="basic", parser="lalr").lex(text)]
    assert lex(parse(source), text) == expected


# ------------------------------------------------------------------ errors

SYNTAX_ERRORS: list[tuple[str, str, str]] = [
    ('start: "a', "never closed", '"'),
    ('start "a"', "is missing behind start", '"a"'),
    ("start: foo", "rule foo is used but not defined", "foo"),
    ("start: x\nx: FOO", "terminal FOO is used but not defined", "FOO"),
    ('start: "a" // foo\n | "foo" foo', "rule foo is used but not defined", "foo"),
    ('start: "a"\nstart: "b"', "defined twice", "start"),
    ('start: "a")', r"unexpected '\)'", ")"),
    ('start: "a"\n  foo', "is missing behind foo", "\n"),
    ("start: /a(b/", "group is never closed", "("),
    ('start: A\nA: "x" | /[a/ | "y"', "set is never closed", "["),
    ("start: /a/l", "flags l", "l"),
    ('start: ""', "takes some text", '""'),
    ('start: "\\x0"', "mean no text", '"\\x0"'),
    ('start: "ab".."c"', "from one character", '"ab".."c"'),
    ('start: "a".."z"i', "has no flags", '"z"i'),
    ('start: "z".."a"', "range is empty", '"z".."a"'),
    ('start: "a"~3..1', "repetition is impossible", "3..1"),
    ('start: A\nA: "a"~-1', "repetition is impossible", "-1"),
    ('start: x A\nA: "a"*\nx: "x"', "terminal A can match the empty text", "A"),
    ("start: /a*/", "can match the empty text", "/a*/"),
    ("start: A\nA: B\nB: A", "recursion in terminal", "A"),
    ("start: A\nA: start", "start is a rule", "start"),
    ('%ignore FOO\nstart: "a"', "is no terminal", "FOO"),
    ('start: t{"a"}', "t is used but not defined", 't{"a"}'),
    ('t{x}: x\nstart: t{"a", "b"}', "takes 1 arguments, not 2", 't{"a", "b"}'),
    ("t{x}: x\nstart: t", "template t needs its arguments", "t"),
    ("%import nowhere.X\nstart: X", 'no grammar "nowhere"', "nowhere.X"),
    ('%import .other.x\nstart: "a"', 'no grammar ".other"', ".other.x"),
    ('start: (A\nb: "c"', "group is never closed", "("),
    ("start: A & B", "terminals only", "A & B"),
    ("start: ~A", "terminals only", "~"),
    ('start: "a"{3,1}', "repetition is impossible", "{3,1}"),
    ("start: <[x]>", "no token id", "x"),
    ("A: <x>\nstart: A", "a token stands in rules only", "<x>"),
    ('start: %json {"a": }', "no JSON", "}"),
    ("A: %regex {}\nstart: A", "no %regex", "%regex {}"),
    ("start: /a\nb/", "over lines", "/a\nb/"),
    ('start: "a" -> "b"', "unexpected", '"b"'),
    ('A: "a" -> b\nstart: A', "alias stands in rules only", "-> b"),
    ("%foo", "there is no %foo", "%foo"),
    ('start: x\nx[lazy]: "a" <t>', "no part of a terminal", "<t>"),
    ('start: x\nx[suffix=<t>]: "a"', "stands in rules only", "<t>"),
    ('start: x\nx[lazy]: "a" y\ny: "b"', "terminals only", "y"),
    ("start: x\nx[suffix=3]: /a/", "no value of suffix", "suffix=3"),
    ("start: x\nx[lazy]: /a*/", "can match the empty text", "x"),
    ("%import common", "nothing is imported", "common"),
    ("%import common.INT -> number\nstart: number", "no name for a terminal", "common.INT"),
    ("t{x, x}: x\nstart: t{A, A}\nA: /a/", "stands there twice", "t"),
    ("%import common.NOPE\nstart: NOPE", "there is no NOPE in common", "common.NOPE"),
    ('%extend foo: "a"\nstart: "a"', "not there to be extended", "foo"),
]


@pytest.mark.parametrize(("text", "message", "marked"), SYNTAX_ERRORS)
def test_wrong_grammars_are_refused_with_their_place(text: str, message: str, marked: str):
    with pytest.raises(GrammarSyntaxError, match=message) as caught:
        parse(text)
    span = caught.value.span
    assert caught.value.text == text
    assert span is not None
    assert (text + "\n")[slice(*span)] == marked


def test_the_place_of_a_second_definition_is_shown():
    with pytest.raises(GrammarSyntaxError) as caught:
        parse('start: x\nx: "a"\nx: "b"')
    assert caught.value.span == (16, 17)


def test_a_missing_start_names_the_rules():
    with pytest.raises(GrammarSyntaxError, match='no rule "start"'):
        parse('begin: "a"')
    with pytest.raises(GrammarSyntaxError, match='no rule "A"'):
        parse('start: A\nA: "a"', start="A")


@pytest.mark.parametrize(
    ("text", "feature", "marked"),
    [
        ("%declare X\nstart: X", "%declare X", "X"),
        ('%declare X\n%ignore X\nstart: "a"', "%declare X", "X"),
        (r"start: /(a)\1/", "backreference", r"\1"),
        ("start: @other", "a grammar by name", "@other"),
        ('start: %json {"type": "null"}', "%json in a grammar with", '%json {"type": "null"}'),
        ("start: x\nx[max_tokens=3]: /a/", "max_tokens", "max_tokens=3"),
        ('start: x\nx[stop="b"]: /a/', "stop, with a lexer", 'stop="b"'),
        ("start: x\nx[capture]: /a/", "capture", "capture"),
    ],
)
def test_what_cannot_be_honoured_is_refused_with_its_place(text: str, feature: str, marked: str):
    with pytest.raises(Unsupported, match=feature) as caught:
        parse(text)
    assert text[slice(*caught.value.where)] == marked


def test_what_is_declared_and_not_used_does_not_matter():
    assert parse('%declare X\nstart: "a"\nx: X').rules == {"start": Lexeme("A")}


def test_imports_by_a_function():
    asked: list[str] = []

    def resolve(path: str) -> str | None:
        asked.append(path)
        return {"a": "x: Y\n%import .b.Y", "b": 'Y: "y"'}.get(path)

    grammar = parse("%import a.x -> start", imports=resolve)
    assert asked == ["a", "b"]
    assert set(grammar.terminals) == {"a__Y"}


def test_imports_in_a_circle_are_refused():
    imports = {".a": "%import .b.y\nx: y", ".b": "%import .a.x\ny: x"}
    with pytest.raises(GrammarSyntaxError, match=r"\.a goes in a circle, in \.b") as caught:
        parse("%import .a.x -> start", imports=imports)
    assert caught.value.text == imports[".b"]


def test_faults_in_imported_texts_have_their_place_there():
    imports = {".a": 'x: "b" /(/'}
    with pytest.raises(GrammarSyntaxError, match=r"never closed, in \.a") as caught:
        parse("%import .a.x -> start", imports=imports)
    assert caught.value.text == imports[".a"]
    assert caught.value.span == (8, 9)


def test_unknown_lexers_are_refused():
    with pytest.raises(SpecError, match='"contextual" and "scannerless"'):
        parse('start: "a"', lexer="basic")


@pytest.mark.parametrize(
    "text",
    [
        "start: " + "(" * 3000 + '"a"' + ")" * 3000,
        'A0: "a"\n' + "".join(f"A{i}: A{i - 1} A{i - 1}\n" for i in range(1, 60)) + "start: A59",
        "".join(f"A{i}: A{i - 1} A{i - 2}\n" for i in range(60, 1, -1))
        + 'A0: "a"\nA1: "b"\nstart: A60',
        "t{x}: x t{u{x}}\nu{x}: x\nstart: t{" + '"a"}',
    ],
    ids=["nesting", "doubling terminals", "growing terminals", "endless templates"],
)
def test_explosions_meet_a_limit(text: str):
    with pytest.raises(LimitExceeded):
        parse(text)


def test_long_grammars_are_no_matter():
    rules = "".join(f'r{i}: "a{i}" r{i + 1} | "b"\n' for i in range(500))
    grammar = parse(f'start: r0\n{rules}r500: "c"')
    assert len(grammar.rules) == 502
    assert len(grammar.terminals) == 502
