"""Special tokens in grammars: masks are those of a twin in which they are characters."""

from __future__ import annotations

import random

import numpy as np
import pytest

import constrain
from constrain.errors import Unsupported, VocabularyMismatch

TEXTS = [bytes([b]) for b in range(256)] + [b"ab", b"<think>", b"think", b"k>"]
NAMES = {"<think>": 260, "</think>": 261, "<|tool|>": 262, "<|end|>": 263}
CHARACTERS = {260: "\x01", 261: "\x02", 262: "\x03"}
EOS, PADDING = 263, 264
SPECIAL = constrain.Vocabulary([*TEXTS, *[None] * 5], [EOS], special_tokens=NAMES)

TWIN = constrain.Vocabulary(
    [
        *(None if t in (b"\x01", b"\x02", b"\x03") or t >= b"\xf5" else t for t in TEXTS),
        *(b"\x01", b"\x02", b"\x03", None, None),
    ],
    [EOS],
)

THINKING = "start: T /[a-z<>]+/ U (V | NAME)* \nNAME: /ab?/ \n%ignore / /"


def with_names(text: str) -> str:
    for letter, name in zip("TUV", ["<think>", "</think>", "<[262]>"], strict=True):
        text = text.replace(f" {letter} ", f" {name} ").replace(f"({letter} ", f"({name} ")
    return text


def with_characters(text: str) -> str:
    return text + '\nT: "\\x01"\nU: "\\x02"\nV: "\\x03"'


@pytest.mark.parametrize("lexer", ["contextual", "scannerless"])
def test_masks_are_those_of_characters(lexer: str):
    named = constrain.compile(constrain.cfg(with_names(THINKING), lexer=lexer), SPECIAL)
    twin = constrain.compile(constrain.cfg(with_characters(THINKING), lexer=lexer), TWIN)
    rng = random.Random(3)
    n_special = 0
    for _ in range(12):
        state, other = named.init(), twin.init()
        for _ in range(12):
            mask = named.mask(state)
            assert np.array_equal(mask, twin.mask(other))
            ids = [i for i in range(EOS) if mask[i >> 5] >> (i & 31) & 1]
            if not ids:
                break
            special = [i for i in ids if i in CHARACTERS]
            token = rng.choice(special if special and rng.random() < 0.5 else ids)
            n_special += token in CHARACTERS
            state, other = named.advance(state, token), twin.advance(other, token)
            assert named.accepts(state) == twin.accepts(other)
    assert n_special > 20


def allowed(constraint: constrain.Constraint, state: object) -> list[int]:
    mask = constraint.mask(state)
    return [i for i in range(len(SPECIAL)) if mask[i >> 5] >> (i & 31) & 1]


def test_in_gbnf_with_negation():
    text = 'root ::= <think> !</think>* </think> "x" <[260,262]>?'
    constraint = constrain.compile(constrain.cfg(text, syntax="gbnf"), SPECIAL)
    state = constraint.init()
    assert allowed(constraint, state) == [260]
    state = constraint.advance(state, 260)
    inside = allowed(constraint, state)
    assert {*range(0x80), 256, 257, 260, 261, 262} <= {*inside}
    assert {0xFF, 0xF5, EOS, PADDING}.isdisjoint(inside)
    for token in (262, 260, 97, 261, 120):
        state = constraint.advance(state, token)
    assert allowed(constraint, state) == [260, 262, EOS]
    assert not constraint.accepts(constraint.init())


def test_declared_terminals_stand_for_tokens():
    text = "%declare TOOL\nstart: TOOL+"
    grammar = constrain.cfg(text, declared={"TOOL": "<|tool|>"})
    constraint = constrain.compile(grammar, SPECIAL)
    assert allowed(constraint, constraint.init()) == [262]
    assert constrain.cfg(text, declared={"TOOL": "<[260]>"}) != grammar
    with pytest.raises(constrain.SpecError, match="does not %declare NO"):
        constrain.cfg(text, declared={"NO": "<|tool|>"})
    with pytest.raises(constrain.SpecError, match="no token id"):
        constrain.cfg(text, declared={"TOOL": "<[x]>"})


def test_tables_built_ahead():
    grammar = constrain.cfg('root ::= (<think> "a" </think>){2}', syntax="gbnf")
    eager = constrain.compile(grammar, SPECIAL, tables="eager")
    lazy = constrain.compile(grammar, SPECIAL)
    state, other = eager.init(), lazy.init()
    for token in (260, 97, 261, 260, 97, 261):
        assert np.array_equal(eager.mask(state), lazy.mask(other))
        state, other = eager.advance(state, token), lazy.advance(other, token)
    assert lazy.accepts(other)


def test_in_parts_of_other_grammars():
    tool = constrain.cfg("root ::= <|tool|>", syntax="gbnf")
    constraint = constrain.compile("a" + (tool | "b"), SPECIAL)
    state = constraint.advance(constraint.init(), 97)
    assert allowed(constraint, state) == [98, 262]


@pytest.mark.parametrize(
    ("token", "message"),
    [
        ("<nope>", "which the vocabulary does not have"),
        ("<[97]>", "ordinary text"),
        ("<[97-262]>", "ordinary text"),
        ("<|end|>", "ends a text"),
        ("<[263]>", "ends a text"),
        ("<[264]>", "beyond the vocabulary"),
        ("<[9999]>", "beyond the vocabulary"),
    ],
)
def test_what_is_no_special_token(token: str, message: str):
    with pytest.raises(Unsupported, match=message):
        constrain.compile(constrain.cfg(f"root ::= {token}", syntax="gbnf"), SPECIAL)


def test_bytes_that_are_no_text_beside_tokens():
    grammar = constrain.cfg("root ::= <think>", syntax="gbnf") + constrain.literal(b"\xff")
    with pytest.raises(Unsupported, match="no UTF-8"):
        constrain.compile(grammar, SPECIAL)


def test_reasons_name_special_tokens():
    constraint = constrain.compile(constrain.cfg("start: <think> /[a-z]+/"), SPECIAL)
    state = constraint.init()
    reason = constraint.explain(state, 97)
    assert reason is not None
    assert "expected: <[260]>" in reason.message
    with pytest.raises(constrain.TokenRejected, match=r"token 261, <\[261\]>"):
        constraint.advance(constraint.advance(state, 260), 261)


def test_special_tokens_are_in_the_vocabulary():
    with pytest.raises(VocabularyMismatch, match=r"special token <x> \(7\)"):
        constrain.Vocabulary([b"a", None], [1], special_tokens={"<x>": 7})
