"""Which lexers are proved never to get stuck."""

from __future__ import annotations

import pytest

import constrain
from constrain.automata.lexing import lexer, never_stuck
from constrain.automata.normal_form import normal_form
from constrain.errors import LimitExceeded
from constrain.resources import library_names, library_text
from constrain.syntax import regex_parser
from constrain.syntax.grammar import Terminal

PROVED = {
    "calculator": r"""
        ?start: sum | NAME "=" sum
        ?sum: product | sum "+" product | sum "-" product
        ?product: atom | product "*" atom | product "/" atom
        ?atom: NUMBER | "-" atom | NAME | "(" sum ")"
        %import common.CNAME -> NAME
        %import common.NUMBER
        %import common.WS_INLINE
        %ignore WS_INLINE
        """,
    "JSON with Lark's own terminals": r"""
        ?start: object | array | ESCAPED_STRING | SIGNED_NUMBER | "true" | "false" | "null"
        array: "[" [start ("," start)*] "]"
        object: "{" [pair ("," pair)*] "}"
        pair: ESCAPED_STRING ":" start
        %import common.ESCAPED_STRING
        %import common.SIGNED_NUMBER
        %import common.WS
        %ignore WS
        """,
    "keywords and names": r"""
        start: ("if" NAME "then" NAME ["else" NAME] ";")+
        NAME: /[a-z_][a-z0-9_]*/
        COMMENT: /#[^\n]*/
        %ignore COMMENT
        %ignore /[ \n]+/
        """,
    "lazy comments": r"""
        start: "x" "y"
        COMMENT: /\/\*.*?\*\//s
        %ignore COMMENT
        """,
    "a fraction after dots": r"""
        start: NUMBER ".." NUMBER
        NUMBER: /[0-9]+(\.[0-9]+)?/
        """,
    "ends in vain matches": r"""
        start: (A | B | C)+
        A: "a"
        B: "b"
        C: "abcc"
        """,
    "the same text in other contexts": r"""
        start: "let" NAME "=" VALUE
        NAME: /[a-z]+/
        VALUE: /[a-z0-9]+/
        %ignore " "
        """,
    "separated by ignored text only": r"""
        start: NAME+
        NAME: /[a-z]+/
        %ignore " "
        """,
}

NOT_PROVED = {
    "swallowed by what stands before": 'start: A B\nA: /a+/\nB: "a"',
    "swallowed now and then": 'start: A (B | C)\nA: /a+/\nB: "a"\nC: "c"',
    "loses every tie": 'start: A | B "c"\nA: "x"\nB: /[x]/',
    "swallowed by what is ignored": 'start: "a" "b"\n%ignore /b/',
    "waited for and ignored": 'start: "a" B\nB: "b"\n%ignore B',
}


@pytest.mark.parametrize("name", PROVED)
def test_these_are_never_stuck(name: str):
    assert never_stuck(normal_form(constrain.cfg(PROVED[name])))


@pytest.mark.parametrize("name", [n for n in library_names() if library_text(n)[0] == ".lark"])
def test_the_library_is_never_stuck(name: str):
    assert never_stuck(normal_form(constrain.library(name)))


@pytest.mark.parametrize("name", NOT_PROVED)
def test_these_may_be_stuck(name: str):
    assert not never_stuck(normal_form(constrain.cfg(NOT_PROVED[name])))


def terminal(name: str, pattern: str, rank: int) -> Terminal:
    parsed = regex_parser.parse(pattern)
    return Terminal(name, parsed.node, parsed.lazy, rank)


def test_a_lexer_stops_lazy_terminals_and_ranks_the_others():
    terminals = [terminal("LAZY", "a.*?b", 2), terminal("A", "ab?", 0), terminal("B", "a|c", 1)]
    machine = lexer(terminals, [{"LAZY", "A", "B"}, {"LAZY", "B"}])
    classes = machine.classes

    def read(state: int, text: bytes) -> tuple[str | None, set[str], int]:
        for byte in text:
            state = machine.moves[state].get(classes[byte], 0)
        return machine.winner[state], set(machine.alive[state]), machine.context[state]

    assert read(1, b"a") == ("A", {"LAZY", "A"}, 0)
    assert read(1, b"ab") == ("A", set(), 0)
    assert read(1, b"acb") == ("LAZY", set(), 0)
    assert read(2, b"a") == ("B", {"LAZY"}, 1)
    assert read(2, b"ab") == ("LAZY", set(), 1)
    assert read(2, b"c") == ("B", set(), 1)
    assert read(2, b"aba") == (None, set(), -1)


def test_a_lexer_has_a_budget():
    with pytest.raises(LimitExceeded, match="lexer states"):
        lexer([terminal("A", "[ab]{30}", 0)], [{"A"}], max_states=20)
