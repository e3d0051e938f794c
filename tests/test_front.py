"""The front doors: what each makes of a spec, and what it says about a wrong one."""

from __future__ import annotations

import pytest

import constrain

BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [None], eos_token_ids=[256])


def fits(grammar: constrain.Grammar, *texts: str | bytes) -> list[bool]:
    constraint = constrain.compile(grammar, BYTES)
    return [constraint.matches(text) for text in texts]


def test_regex():
    assert fits(constrain.regex("a|bc*"), "a", "bcc", "", "ac") == [True, True, False, False]


def test_literal():
    assert fits(constrain.literal("né"), "né", "n", "née") == [True, False, False]
    assert fits(constrain.literal(b"\xff"), b"\xff", b"") == [True, False]
    assert fits(constrain.literal(""), "", "x") == [True, False]


def test_choice():
    grammar = constrain.choice(["yes", "no", "", "yes!"])
    assert fits(grammar, "yes", "no", "", "yes!", "ye", "yesno") == [True] * 4 + [False] * 2


def test_json():
    assert fits(constrain.json(), ' {"a": [1]}\n', "[1,]") == [True, False]


def test_json_schema_takes_texts_and_values():
    for schema in ('{"type": "integer"}', {"type": "integer"}):
        assert fits(constrain.json_schema(schema), "12", '"12"') == [True, False]
    assert fits(constrain.json_schema(True), "null") == [True]


def test_cfg():
    text = 'begin: "(" begin ")" | "x"'
    assert fits(constrain.cfg(text, start="begin"), "((x))", "((x)") == [True, False]


def test_the_lexer_of_a_cfg_may_be_chosen():
    text = 'start: A ["ab"]\nA: /a+/'
    assert fits(constrain.cfg(text), "aab") == [False]  # A takes every a
    assert fits(constrain.cfg(text, lexer="scannerless"), "aab") == [True]


def test_equal_specs_give_equal_grammars():
    assert constrain.choice(["b", "a", "b"]) == constrain.choice(["a", "b"])
    assert constrain.regex("ab") != constrain.literal("ab")
    assert len({constrain.regex("a"), constrain.regex("a"), constrain.regex("b")}) == 2


def test_one_text_is_not_a_list_of_texts():
    with pytest.raises(constrain.SpecError, match=r"try choice\(\['yes'\]\)"):
        constrain.choice("yes")


def test_a_choice_of_nothing_is_empty():
    with pytest.raises(constrain.EmptyLanguage, match="no texts"):
        constrain.choice([])


def test_lone_surrogates_have_no_bytes():
    with pytest.raises(constrain.SpecError, match="lone surrogate"):
        constrain.literal("a\ud800")


def test_other_grammar_syntaxes():
    assert constrain.cfg('root ::= "x"', syntax="gbnf").start == "root"
    with pytest.raises(constrain.SpecError, match=r'unknown grammar syntax "yacc".*"lark"'):
        constrain.cfg("", syntax="yacc")
