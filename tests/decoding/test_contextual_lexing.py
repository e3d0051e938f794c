"""Grammars with a contextual lexer, against Lark's LALR parser with its contextual lexer."""

from __future__ import annotations

import itertools

import lark
import pytest
from brute_force import allowed, show
from test_grammar_masks import completion

import constrain

# name: grammar, letters of the texts, longest text
GRAMMARS = {
    "calculator": (
        r"""
        start: sum
        sum: sum "+" atom | atom
        atom: NUMBER | "(" sum ")"
        NUMBER: /[0-9]+(\.[0-9]+)?/
        WS: /[ ]+/
        %ignore WS
        """,
        "1.+( )",
        5,
    ),
    "keyword or name": (
        r"""
        start: "if" NAME | NAME "=" NAME
        NAME: /[a-z]+/
        %ignore " "
        """,
        "ifx =",
        5,
    ),
    "names next to each other": (
        r"""
        start: NAME+
        NAME: /[ab]+/
        %ignore " "
        """,
        "ab c",
        4,
    ),
    "range or fraction": (
        r"""
        start: NUMBER ".." NUMBER | NUMBER
        NUMBER: /[0-9]+(\.[0-9]+)?/
        """,
        "12.",
        6,
    ),
    "falls back over several bytes": (
        r"""
        start: (A | B | C)+
        A: "a"
        B: "b"
        C: "abcc"
        """,
        "abc",
        7,
    ),
    "shortest match": (
        r"""
        start: COMMENT STRING? COMMENT?
        COMMENT: /\/\*.*?\*\//
        STRING: "\"" /.*?/ /(?<!\\)(\\\\)*?/ "\""
        """,
        '/*"\\',
        7,
    ),
    "ignored comments": (
        r"""
        start: "x" "y"
        %ignore /#[^\n]*\n/
        %ignore " "
        """,
        "xy# \n",
        5,
    ),
    "context decides": (
        r"""
        start: "a" WORD | "b" NUMBER
        WORD: /[0-9a-c]+/
        NUMBER: /[0-9]+/
        """,
        "abc1",
        5,
    ),
    "recursion on both sides": (
        r"""
        start: list
        list: "[" [items] "]"
        items: list | items "," list
        %ignore " "
        """,
        "[], ",
        6,
    ),
}


def lark_accepts(parser: lark.Lark, text: str) -> bool:
    try:
        parser.parse(text)
    except lark.exceptions.LarkError:
        return False
    return True


@pytest.mark.parametrize("name", GRAMMARS)
def test_agrees_with_lark(name: str):
    grammar, letters, longest = GRAMMARS[name]
    parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    words = [*letters, *map("".join, itertools.product(letters, repeat=2))]
    vocabulary = constrain.Vocabulary([*(w.encode() for w in words), None], [len(words)])
    constraint = constrain.compile(constrain.cfg(grammar), vocabulary, spelling="assume")
    texts = ["".join(t) for n in range(longest + 1) for t in itertools.product(letters, repeat=n)]
    members = {text for text in texts if lark_accepts(parser, text)}
    for text in texts:
        assert constraint.matches(text) == (text in members), text
    prefixes = {text[:i] for text in members for i in range(len(text) + 1)}
    todo = [("", constraint.init())]
    for text, state in todo[:200]:
        got = allowed(constraint, state)
        for i, word in enumerate(words):
            after = text + word
            if len(after) > longest:
                continue
            assert i in got or after not in prefixes, (text, show(vocabulary, {i}))
            if i in got:
                state_after = constraint.advance(state, i)
                if after not in prefixes:
                    rest = completion(constraint, state_after).decode()
                    assert lark_accepts(parser, after + rest), (after, rest)
                todo.append((after, state_after))
