"""Masks for vocabularies that lack single bytes, against a search over token sequences."""

from __future__ import annotations

import pytest
from brute_force import check_masks
from hypothesis import given, settings, strategies as st
from strategies import regex_nodes

import constrain
from constrain.automata import dfa
from constrain.automata.alphabet import UTF8, alphabet, missing_bytes
from constrain.automata.normal_form import normal_form
from constrain.automata.regex_to_dfa import from_node
from constrain.automata.resolve import resolve
from constrain.errors import EmptyLanguage, SpecError, TokenRejected, Unsupported
from constrain.syntax.grammar import (
    Call,
    Expr,
    Grammar,
    Literal,
    Regular,
    Repeat,
    Sequence,
    choice as any_of,
)
from constrain.syntax.regex_ast import NOTHING, Node

PIECES = [b"a", b"b", b"\xc3", b"\xa9", b"ab", b"ba", b"aa", b"bb", b"\xc3\xa9", b"\xa9a", b"aab"]


def vocabularies() -> st.SearchStrategy[constrain.Vocabulary]:
    some = st.lists(st.sampled_from(PIECES), min_size=1, max_size=5, unique=True)
    return some.map(lambda tokens: constrain.Vocabulary([None, *tokens], [0]))


def finishable(machine: dfa.DFA, tokens: list[bytes]) -> set[int]:
    """The states from which whole tokens lead to acceptance."""
    good = {state for state in range(machine.n_states) if machine.accepting[state]}
    while True:
        more = {
            state
            for state in range(machine.n_states)
            if any(dfa.advance(machine, state, token) in good for token in tokens)
        }
        if more <= good:
            return good
        good |= more


@given(regex_nodes(), vocabularies())
@settings(max_examples=200)
def test_masks_allow_what_tokens_can_finish(node: Node, vocabulary: constrain.Vocabulary):
    if resolve(node) == NOTHING:
        return
    machine = dfa.trim(from_node(node))
    good = finishable(machine, [t for t in vocabulary.tokens if t is not None])
    grammar = Grammar(("test", node), {"start": Regular(node)})
    if machine.start not in good:
        with pytest.raises(EmptyLanguage, match="tokens spell no text"):
            constrain.compile(grammar, vocabulary)
        return
    check_masks(
        constrain.compile(grammar, vocabulary),
        lambda text: dfa.advance(machine, machine.start, text) in good,
        lambda text: dfa.accepts(machine, text),
        depth=3,
    )


def vocabulary(*tokens: bytes) -> constrain.Vocabulary:
    return constrain.Vocabulary([None, *tokens], [0])


def bits(constraint: constrain.Constraint, state: constrain.State) -> int:
    return int(constraint.mask(state)[0])


def test_a_token_that_leads_nowhere_is_refused():
    constraint = constrain.compile(constrain.regex("ab?c|ad"), vocabulary(b"a", b"ab", b"d"))
    start = constraint.init()
    assert bits(constraint, start) == 0b0010
    with pytest.raises(TokenRejected):
        constraint.advance(start, 2)
    with pytest.raises(TokenRejected):
        constraint.advance_bytes(start, b"ab")
    assert constraint.matches("abc")


def test_what_must_come_is_spelled_with_the_tokens_there_are():
    constraint = constrain.compile(constrain.regex("abc"), vocabulary(b"a", b"ab", b"bc"))
    assert constraint.forced(constraint.init()) == [1, 3, 0]


def test_assume_leaves_masks_to_bytes():
    tokens = vocabulary(b"a", b"ab", b"d")
    constraint = constrain.compile(constrain.regex("ab?c|ad"), tokens, spelling="assume")
    assert bits(constraint, constraint.init()) == 0b0110


def test_a_word_list_is_regular_too():
    constraint = constrain.compile(constrain.choice(["yes", "no"]), vocabulary(b"ye", b"no", b"n"))
    assert bits(constraint, constraint.init()) == 0b0100


def nested() -> Grammar:
    inside: Expr = any_of((Literal(b"x"), Sequence((Literal(b"("), Call("start"), Literal(b")")))))
    return Grammar("nested", {"start": inside})


def test_a_recursive_grammar_is_refused_by_name_of_the_bytes():
    with pytest.raises(Unsupported, match=r'no token is \'\)\', \'x\' alone; spelling="assume"'):
        constrain.compile(nested(), vocabulary(b"(", b"x)"))
    constrain.compile(nested(), vocabulary(b"(", b"x)"), spelling="assume")
    constrain.compile(nested(), vocabulary(b"(", b"x", b")"))


def test_json_needs_the_bytes_of_json():
    json_bytes = {*b"\t\n\r", *range(0x20, 0x100)} - {0xC0, 0xC1, *range(0xF5, 0x100)}
    schema = constrain.json_schema({"type": "object"})
    for grammar in (constrain.json(), schema):
        assert alphabet(normal_form(grammar)) == json_bytes
        constrain.compile(grammar, vocabulary(*(bytes([b]) for b in json_bytes)))
        with pytest.raises(Unsupported, match=r"no token is '\\t' alone"):
            constrain.compile(grammar, vocabulary(*(bytes([b]) for b in json_bytes - {9})))


def test_a_lazy_grammar_stays_lazy_where_all_of_utf8_is_there():
    class Lazy(dict[object, Expr]):
        def __missing__(self, name: object) -> Expr:
            raise AssertionError(f"{name} was asked for")

    lazy = Grammar("lazy", Lazy(start=Sequence((Literal(b"x"), Call("later")))), ready=True)
    every = [bytes([b]) for b in range(256)]
    constrain.compile(lazy, vocabulary(*(every[b] for b in UTF8)))
    with pytest.raises(AssertionError, match="later was asked for"):
        constrain.compile(lazy, vocabulary(*(every[b] for b in UTF8 if b != 9)))


def test_a_schema_needs_only_its_own_bytes():
    grammar = constrain.json_schema({"enum": ["ab"]})
    assert missing_bytes(normal_form(grammar), frozenset(b'"ab \t\r\n')) == set()


def test_a_repeated_rule_is_not_recursive():
    rules: dict[object, Expr] = {
        "start": Repeat(Call("item"), 1, None),
        "item": any_of((Literal(b"ab"), Literal(b"c"))),
    }
    constraint = constrain.compile(Grammar("items", rules), vocabulary(b"a", b"bc", b"abab"))
    assert bits(constraint, constraint.init()) == 0b1010


def test_what_spelling_can_be():
    with pytest.raises(SpecError, match='"check" or "assume", not \'guess\''):
        constrain.compile(constrain.regex("a"), vocabulary(b"a"), spelling="guess")  # type: ignore[arg-type]
