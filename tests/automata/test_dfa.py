"""Byte automata accept what their trees say, and their algebra is that of the languages."""

from __future__ import annotations

import operator

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from oracles import derivatives
from strategies import ALPHABET, regex_nodes, texts

from constrain.automata import dfa
from constrain.automata.dfa import DFA
from constrain.automata.regex_to_dfa import from_node
from constrain.errors import LimitExceeded, Unsupported
from constrain.syntax.anchors import START
from constrain.syntax.regex_ast import ANY_CHAR, NOTHING, Complement, Concat, Node, Repeat, Text
from constrain.syntax.regex_parser import parse

trees = regex_nodes(algebra=True)


def build(pattern: str) -> DFA:
    return from_node(parse(pattern).node)


def short_texts(length: int) -> list[str]:
    words = [""]
    for word in words:
        if len(word) < length:
            words += [word + char for char in ALPHABET]
    return words


def members(automaton: DFA, length: int = 3) -> set[str]:
    return {text for text in short_texts(length) if dfa.accepts(automaton, text.encode())}


@settings(max_examples=300)
@given(trees, texts())
def test_automata_agree_with_derivatives(node: Node, text: str):
    automaton = from_node(node)
    expected = derivatives.matches(node, text)
    assert dfa.accepts(automaton, text.encode()) == expected
    assert dfa.accepts(dfa.minimize(automaton), text.encode()) == expected


@given(trees, st.binary(max_size=4))
def test_no_broken_text_is_accepted(node: Node, data: bytes):
    if dfa.accepts(from_node(node), data):
        data.decode()


def test_any_bytes_can_be_spelled_out():
    automaton = from_node(Concat((Text(b"\xff\x80"), Repeat(Text(b"\x00"), 1, None))))
    assert dfa.accepts(automaton, b"\xff\x80\x00")
    assert not dfa.accepts(automaton, b"\xff\x80")


@given(trees, texts(), texts())
def test_advance_in_steps(node: Node, first: str, second: str):
    automaton = from_node(node)
    middle = dfa.advance(automaton, automaton.start, first.encode())
    whole = dfa.advance(automaton, automaton.start, (first + second).encode())
    assert dfa.advance(automaton, middle, second.encode()) == whole
    assert dfa.advance(automaton, dfa.DEAD, second.encode()) == dfa.DEAD


@given(trees, trees)
def test_product(a: Node, b: Node):
    x, y = from_node(a), from_node(b)
    assert members(dfa.product(x, y, operator.and_)) == members(x) & members(y)
    assert members(dfa.product(x, y, operator.or_)) == members(x) | members(y)
    assert members(dfa.product(x, y, operator.xor)) == members(x) ^ members(y)
    assert members(dfa.product(x, y, operator.gt)) == members(x) - members(y)


@given(trees)
def test_complement(node: Node):
    automaton = from_node(node)
    assert members(dfa.complement(automaton)) == set(short_texts(3)) - members(automaton)
    twice = dfa.complement(dfa.complement(automaton))
    assert dfa.same_language(twice, automaton)


@given(trees, trees)
def test_minimal_automata_are_equal_as_arrays_if_the_languages_are(a: Node, b: Node):
    x, y = dfa.minimize(from_node(a)), dfa.minimize(from_node(b))
    different = dfa.product(x, y, operator.xor)
    assert (x.key == y.key) == dfa.is_empty(different)
    assert dfa.same_language(from_node(a), from_node(b)) == (x.key == y.key)


@given(trees)
def test_minimal_automata_have_no_two_states_alike(node: Node):
    automaton = dfa.minimize(from_node(node))
    told_apart = {(state, bool(final)) for state, final in enumerate(automaton.accepting)}
    signature = {state: int(final) for state, final in told_apart}
    for _ in range(automaton.n_states):  # Moore's refinement, one round for each state
        rows = automaton.table.tolist()
        found = [(signature[s], *(signature[t] for t in row)) for s, row in enumerate(rows)]
        numbers = {row: i for i, row in enumerate(dict.fromkeys(found))}
        signature = {state: numbers[row] for state, row in enumerate(found)}
    assert len(set(signature.values())) == automaton.n_states
    columns = {column.tobytes() for column in automaton.table.T}
    assert len(columns) == automaton.table.shape[1] == automaton.classes.max() + 1


@given(trees)
def test_trim_keeps_the_language_and_only_useful_states(node: Node):
    automaton = dfa.product(from_node(node), dfa.utf8(), operator.and_)
    trimmed = dfa.trim(automaton)
    assert members(trimmed) == members(automaton)
    live = set(range(1, trimmed.n_states))
    assert dfa.accessible(trimmed) - {dfa.DEAD} == live == dfa.coaccessible(trimmed)
    assert dfa.is_empty(automaton) == (trimmed.start == dfa.DEAD) == (not live)


@given(trees)
def test_shortest(node: Node):
    found = dfa.shortest(from_node(node))
    if found is None:
        assert dfa.is_empty(from_node(node))
        return
    assert derivatives.matches(node, found.decode())
    assert all(len(text.encode()) >= len(found) for text in members(from_node(node)))


def test_shortest_is_first_in_byte_order():
    assert dfa.shortest(build("b|a|ca*")) == b"a"
    assert dfa.shortest(build("(?s).")) == b"\x00"
    assert dfa.shortest(from_node(NOTHING)) is None


@pytest.mark.parametrize(
    ("pattern", "n_states"),
    [("abc", 5), ("(a|b)*", 2), ("(a|b)*a(a|b){6}", 129), ("a{0,500}", 502), ("(a|a)*b|a*b", 3)],
)
def test_sizes_of_minimal_automata(pattern: str, n_states: int):
    assert dfa.minimize(build(pattern)).n_states == n_states


def test_the_empty_language():
    for node in (NOTHING, Concat((Text(b"a"), NOTHING)), Complement(Repeat(ANY_CHAR, 0, None))):
        automaton = dfa.minimize(from_node(node))
        assert automaton.table.tolist() == [[0]]
        assert not dfa.accepts(automaton, b"")


def test_all_texts():
    everything = dfa.utf8()
    assert dfa.same_language(from_node(Repeat(ANY_CHAR, 0, None)), everything)
    assert dfa.accepts(everything, "aé€😀\0".encode())
    for broken in (b"\x80", b"\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xff"):
        assert not dfa.accepts(everything, broken)


def test_arrays():
    automaton = dfa.minimize(build("[a-c]é"))
    assert automaton.table.dtype == np.int32
    assert automaton.classes.dtype == np.uint8
    assert automaton.classes.shape == (256,)
    assert not automaton.table[dfa.DEAD].any()


@pytest.mark.parametrize("pattern", ["(a|b)*a(a|b){20}", ".{0,5000}x.{0,5000}", "a{1000000}"])
def test_budget(pattern: str):
    with pytest.raises(LimitExceeded, match="states exceeded"):
        build(pattern)


def test_budget_of_products():
    a, b = build("(a{7})*"), build("(a{11})*")
    assert dfa.product(a, b, operator.and_, max_states=100).n_states == 78
    with pytest.raises(LimitExceeded, match="deterministic states exceeded: reached 51"):
        dfa.product(a, b, operator.and_, max_states=50)


def test_looks_are_refused():
    with pytest.raises(Unsupported, match="look"):
        from_node(START)
