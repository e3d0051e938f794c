"""The rules that a text stands in."""

from __future__ import annotations

import pytest

import constrain
from constrain.syntax.grammar import Grammar

BYTES = constrain.Vocabulary([*(bytes([b]) for b in range(256)), None], [256])
TEXT = r"""
start: stmt+
stmt: "if" cond "then" stmt "end" | NAME "=" e ";"
cond: "(" e ")"
e: e "+" t | t
t: NAME | "(" e ")"
NAME: /[a-z]+/
%ignore / /
"""
CONTEXTUAL, PLAIN = (constrain.cfg(TEXT, lexer=lexer) for lexer in ("contextual", "scannerless"))


@pytest.mark.parametrize(
    ("grammar", "text", "rules"),
    [
        (CONTEXTUAL, b"if ", "start stmt cond"),
        (CONTEXTUAL, b"if (a", "start stmt cond e t"),
        (CONTEXTUAL, b"if ((b+", "start stmt cond e t e t"),
        (CONTEXTUAL, b"if (a) then x", "start stmt"),
        (PLAIN, b"if ((b+", "start stmt cond e t e"),
        (constrain.json(), b'{"a": [t', "json:text json:object json:array json:boolean"),
        (constrain.regex("ab+"), b"a", ""),
        (constrain.literal("x") + PLAIN, b"xif (", "start stmt cond"),
    ],
)  # fmt: skip
def test_rules_that_are_open(grammar: Grammar, text: bytes, rules: str):
    c = constrain.compile(grammar, BYTES)
    assert c.rules(c.advance_bytes(c.init(), text)) == rules.split()


def test_refusals_name_the_rules():
    c = constrain.compile(CONTEXTUAL, BYTES)
    fault = c.explain_text("if (a) than")
    assert fault is not None
    assert fault.rules == ("start", "stmt")
    assert fault.message.splitlines() == [
        "does not fit",
        "  if (a) than",
        "           ^",
        'expected: "en"',
        "in: start > stmt",
    ]
    rejection = c.explain(c.advance_bytes(c.init(), b"if (a "), ord("="))
    assert rejection is not None
    assert rejection.rules == ("start", "stmt", "cond")
    assert "\nin: start > stmt > cond\n" in rejection.message
    assert c.rules(c.advance(c.advance_bytes(c.init(), b"x=y;"), 256)) == []
