"""What is expected, said in the words of the grammar, and where something else stops fitting."""

from __future__ import annotations

import pytest
from brute_force import allowed
from hypothesis import given, settings, strategies as st
from strategies_cfg import grammars

import constrain
from constrain.decoding import Constraint
from constrain.decoding.explain import END_OF_TEXT, MAX_TERMS, MORE, show_class
from constrain.errors import EmptyLanguage, TokenRejected
from constrain.syntax.grammar import Grammar

WORDS = [b"true", b"trx", b"tru", b"name", b"na", b'{"nx', b"\xc3\xa9\xc3"]
EOS = 256 + len(WORDS)
VOCABULARY = constrain.Vocabulary([*(bytes([b]) for b in range(256)), *WORDS, None, None], [EOS])
PADDING = EOS + 1

OBJECT = constrain.json_schema(
    {
        "type": "object",
        "properties": {
            "kind": {"enum": ["alpha", "beta"]},
            "name": {"type": "string", "maxLength": 3},
            "n": {"type": "integer"},
            "x": {"type": "number"},
        },
        "required": ["n"],
        "additionalProperties": False,
    },
    whitespace="compact",
)
OPEN = constrain.json_schema({"properties": {"ab": True}, "type": "object"}, whitespace="compact")
CONDITION = constrain.cfg(
    """
    start: "if" NAME "==" /[0-9]+/ | "x"+ pair
    pair: "(" NAME ")"
    NAME: /[a-z]+/
    %ignore " "
    """
)
SPELLED = constrain.cfg('start: "if" name\nname: /[a-z]+/', lexer="scannerless")
DATE = constrain.regex(r"\d{4}-\d\d(T.*)?")
WORD = constrain.regex(r"größe: (é|è)+")

EXPECTED = [
    (
        constrain.json(),
        b"",
        ["a JSON string", "a number", '"["', '"false"', '"null"', '"true"', '"{"'],
    ),
    (constrain.json(), b"t", ['"rue"']),
    (
        constrain.json(),
        b"[",
        ["a JSON string", "a number", '"["', '"]"', '"false"', '"null"', '"true"', '"{"'],
    ),
    (constrain.json(), b"[1.", ["[0-9]"]),
    (constrain.json(), b'{"a"', ['":"']),
    (constrain.json(), b'"a', ["more of the string", "'\"'"]),
    (constrain.json(), b'"\\u', ["[0-9A-Fa-f]"]),
    (constrain.json(), b'"\xc3', ["the rest of a character"]),
    (OBJECT, b"", ['"{"']),
    (OBJECT, b"{", ["'\"kind\"'", "'\"n\"'", "'\"name\"'"]),
    (OBJECT, b'{"', ["'kind\"'", "'n\"'", "'name\"'"]),
    (OBJECT, b'{"n', ["'\"'", "'ame\"'"]),
    (OBJECT, b'{"name":', ["a JSON string"]),
    (OBJECT, b'{"name":"ab', ["more of the string", "'\"'"]),
    (OBJECT, b'{"name":"abc', ["'\"'"]),
    (OBJECT, b'{"kind":', ["'\"alpha\"'", "'\"beta\"'"]),
    (OBJECT, b'{"n":', ["an integer"]),
    (OBJECT, b'{"n":1,', ["'\"x\"'"]),
    (OBJECT, b'{"n":1,"x":', ["a number"]),
    (OPEN, b"{", ["'\"ab\"'", '"}"', "another name"]),
    (OPEN, b'{"z', ["more of the name", "'\":'"]),
    (CONDITION, b"", ['"if"', '"x"']),
    (CONDITION, b"i", ['"f"']),
    (CONDITION, b"if ", ["NAME"]),
    (CONDITION, b"if a", ['"=="', "[a-z]"]),
    (CONDITION, b"if a ==", ["[0-9]"]),
    (CONDITION, b"if a ==1", ["[0-9]", END_OF_TEXT]),
    (CONDITION, b"xx", ['"("', '"x"']),
    (SPELLED, b"if", ["name"]),
    (SPELLED, b"ifa", ["[a-z]", END_OF_TEXT]),
    (DATE, b"2026", ['"-"']),
    (DATE, b"2026-11", ['"T"', END_OF_TEXT]),
    (DATE, b"2026-11T", ["[^\\n]", END_OF_TEXT]),
    (WORD, b"", ['"größe: "']),
    (WORD, b"gr", ['"öße: "']),
    (WORD, b"gr\xc3", ["the rest of a character"]),
    (constrain.choice(["red", "green", "grey"]), b"gr", ['"een"', '"ey"']),
    (constrain.choice(["a", "ab"]), b"a", ['"b"', END_OF_TEXT]),
    (constrain.literal("ab"), b"ab", [END_OF_TEXT]),
]


@pytest.mark.parametrize(("grammar", "text", "terms"), EXPECTED)
def test_what_is_expected(grammar: Grammar, text: bytes, terms: list[str]):
    c = constrain.compile(grammar, VOCABULARY)
    assert sorted(c.expected(c.advance_bytes(c.init(), text))) == sorted(terms)


def test_a_long_list_is_cut_short():
    c = constrain.compile(constrain.choice([f"w{i}" for i in range(1000)]), VOCABULARY)
    terms = c.expected(c.init())
    assert len(terms) == MAX_TERMS + 1
    assert terms[-1] == MORE


@pytest.mark.parametrize(
    ("members", "shown"),
    [
        (b"a", "[a]"),
        (b"abcx-", "[-a-cx]"),
        (b"]^\\\n", r"[\n\\-\^]"),
        (bytes(range(128)), "[\\x00-\\x7f]"),
        (bytes(range(256)), "any character"),
        (bytes(set(range(256)) - set(b'"\\')), '[^"\\\\]'),
        (b"\x80\xbf", "the rest of a character"),
        (b"a\xc3", "[a] or some non-ASCII characters"),
        (bytes(range(0xC2, 0xF5)), "any non-ASCII character"),
    ],
)
def test_classes(members: bytes, shown: str):
    assert show_class(members) == shown


# ---------------------------------------------------------------- rejections


def constraint() -> Constraint:
    return constrain.compile(constrain.choice(["true", "truth", "nothing"]), VOCABULARY)


def test_a_token_that_may_come_needs_no_explanation():
    c = constraint()
    assert c.explain(c.init(), 256 + WORDS.index(b"true")) is None


def test_a_rejection_tells_where_and_what_else():
    c = constraint()
    token = 256 + WORDS.index(b"trx")
    found = c.explain(c.init(), token)
    assert found is not None
    assert (found.token_id, found.token, found.offset) == (token, b"trx", 2)
    assert found.expected == ('"ue"', '"uth"')
    assert [VOCABULARY.tokens[i] for i in found.nearest] == [b"tru", b"true"]
    assert found.message.splitlines() == [
        f"token {token} does not fit",
        "  trx",
        "    ^",
        'expected: "ue", "uth"',
        f'nearest: "tru" ({256 + WORDS.index(b"tru")}), "true" (256)',
    ]


def test_a_rejection_of_an_end_token():
    c = constraint()
    found = c.explain(c.init(), EOS)
    assert found is not None
    assert (found.token, found.offset) == (None, 0)
    assert found.message.startswith(f"token {EOS}: the text may not end here\nexpected: ")


def test_a_rejection_of_a_token_without_text():
    c = constraint()
    found = c.explain(c.init(), PADDING)
    assert found is not None
    assert found.message.startswith(f"token {PADDING}: it has no text\nexpected: ")


def test_where_nothing_can_be_expected_there_is_no_explanation():
    c = constraint()
    end = c.advance(c.advance_bytes(c.init(), b"true"), EOS)
    for state, token in ((end, EOS), (c.init(), PADDING + 1), (c.init(), -1)):
        with pytest.raises(TokenRejected):
            c.explain(state, token)


def shared(a: bytes, b: bytes) -> int:
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


@given(grammars(), st.lists(st.text("ab", min_size=2, max_size=4).map(str.encode), max_size=6))
@settings(max_examples=60)
def test_rejections_agree_with_masks(grammar: Grammar, words: list[bytes]):
    tokens = [b"a", b"b", *words, None]
    eos = len(tokens) - 1
    try:
        c = constrain.compile(grammar, constrain.Vocabulary(tokens, [eos]))
    except EmptyLanguage:
        return
    state = c.init()
    for _ in range(4):
        mask = allowed(c, state)
        terms = c.expected(state)
        assert bool(terms) == bool(mask)
        assert (END_OF_TEXT in terms) == (eos in mask) == c.accepts(state)
        for token in range(len(tokens)):
            found = c.explain(state, token)
            assert (found is None) == (token in mask)
            if found is None or token == eos:
                continue
            data = tokens[token] or b""
            assert all(
                not rest.startswith(chr(data[found.offset]))
                for rest in (term[1:-1] for term in found.expected if term[0] == '"')
            )
            c.advance_bytes(state, data[: found.offset])
            with pytest.raises(TokenRejected):
                c.advance_bytes(state, data[: found.offset + 1])
            texts = {i: tokens[i] or b"" for i in mask - {eos}}
            most = max((shared(text, data) for text in texts.values()), default=0)
            assert all(shared(texts[i], data) == most for i in found.nearest)
            assert bool(found.nearest) == bool(texts)
        choices = sorted(mask - {eos})
        if not choices:
            break
        state = c.advance(state, choices[0])


# ---------------------------------------------------------------- whole texts


def test_a_text_that_fits_has_no_fault():
    assert constraint().explain_text("truth") is None
    assert constraint().explain_text(b"truth") is None


def test_a_fault_in_bytes_and_characters():
    c = constrain.compile(constrain.regex("größe: [0-9]+"), VOCABULARY)
    fault = c.explain_text("größe: 1x")
    assert fault is not None
    assert (fault.offset, fault.column, fault.too_short) == (10, 8, False)
    assert fault.message.splitlines() == [
        "does not fit",
        "  größe: 1x",
        "          ^",
        "expected: [0-9], the end of the text",
    ]


def test_a_fault_within_a_character():
    c = constrain.compile(constrain.literal("caf\u00e9!"), VOCABULARY)
    fault = c.explain_text("caf\u00e8!")
    assert fault is not None
    assert (fault.offset, fault.column) == (4, 3)
    assert fault.expected == ("the rest of a character",)


def test_a_text_that_is_too_short():
    fault = constraint().explain_text("tr")
    assert fault is not None
    assert fault.too_short
    assert (fault.offset, fault.expected) == (2, ('"ue"', '"uth"'))


def test_a_text_that_goes_on_too_long():
    fault = constraint().explain_text("true\nx")
    assert fault is not None
    assert (fault.offset, fault.too_short, fault.expected) == (4, False, (END_OF_TEXT,))


def test_a_text_that_is_no_text():
    fault = constraint().explain_text(b"t\xff")
    assert fault is not None
    assert (fault.offset, fault.column) == (1, 1)
