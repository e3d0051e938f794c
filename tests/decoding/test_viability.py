"""Masks where the longest match could lead into dead ends, against lexing by definition."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from brute_force import allowed, show
from hypothesis import given, settings, strategies as st
from oracles import contextual
from strategies import regex_nodes
from test_grammar_masks import completion

import constrain
from constrain.automata.resolve import resolve
from constrain.decoding.viability import Viability
from constrain.errors import EmptyLanguage, LimitExceeded, TokenRejected
from constrain.syntax.grammar import Expr, Grammar, Lexeme, Terminal, choice, repeat, sequence
from constrain.syntax.regex_analysis import is_nullable
from constrain.syntax.regex_ast import NOTHING, Node

LONGEST = 7
TEXTS = ["".join(t) for n in range(LONGEST + 1) for t in itertools.product("ab", repeat=n)]
NAMES = ["A", "B", "C", "D"]


def is_terminal(node: Node) -> bool:
    return not is_nullable(node) and resolve(node) != NOTHING


def bodies(names: list[str]) -> st.SearchStrategy[Expr]:
    leaves = st.sampled_from(names).map(Lexeme)

    def extend(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
        counts = st.sampled_from([(0, None), (1, None), (0, 1), (2, 2)])
        some = st.lists(inner, min_size=2, max_size=3)
        repeats = st.builds(lambda item, count: repeat(item, *count), inner, counts)
        return some.map(sequence) | some.map(choice) | repeats

    return st.recursive(leaves, extend, max_leaves=5)


@st.composite
def lexical_grammars(draw: st.DrawFn) -> Grammar:
    """One regular rule over terminals over a and b, some of them lazy, perhaps one ignored."""
    nodes = regex_nodes("ab", max_leaves=4).filter(is_terminal)
    names = NAMES[: draw(st.integers(2, 4))]
    terminals = {
        name: Terminal(name, draw(nodes), draw(st.booleans()), rank)
        for rank, name in enumerate(draw(st.permutations(names)))
    }
    ignore = tuple(draw(st.sets(st.sampled_from(names), max_size=1)))
    wanted = [name for name in names if name not in ignore or draw(st.booleans())]
    body = draw(bodies(wanted or names))
    key = (tuple(terminals.values()), ignore, body)
    return Grammar(key, {"start": body}, "start", terminals, ignore)


def vocabulary(words: list[str]) -> constrain.Vocabulary:
    return constrain.Vocabulary([b"a", b"b", *map(str.encode, words), None], [2 + len(words)])


def check(grammar: Grammar, vocabulary: constrain.Vocabulary) -> None:
    members = {text for text in TEXTS if contextual.accepts(grammar, text)}
    prefixes = {text[:i] for text in members for i in range(len(text) + 1)}
    try:
        constraint = constrain.compile(grammar, vocabulary)
    except (EmptyLanguage, LimitExceeded):  # the latter if what leads nowhere has no bounds
        assert not members
        return
    for text in TEXTS:
        assert constraint.matches(text) == (text in members), text
    todo = [("", constraint.init())]
    for text, state in todo:
        assert constraint.accepts(state) == (text in members), text
        got = allowed(constraint, state)
        for i, token in enumerate(vocabulary.tokens[:-1]):
            assert token is not None
            longer = text + token.decode()
            if len(longer) > LONGEST:
                continue
            assert i in got or longer not in prefixes, (text, show(vocabulary, {i}))
            if i not in got:
                with pytest.raises(TokenRejected):
                    constraint.advance(state, i)
                continue
            after = constraint.advance(state, i)
            if longer not in prefixes:
                rest = completion(constraint, after).decode()
                assert contextual.accepts(grammar, longer + rest), (longer, rest)
            if len(longer) <= 4 and len(todo) < 40:
                todo.append((longer, after))


@given(lexical_grammars(), st.lists(st.text("ab", min_size=2, max_size=3), max_size=3))
@settings(max_examples=120)
def test_masks_follow_from_the_definition(grammar: Grammar, words: list[str]):
    check(grammar, vocabulary(words))


STUCK = {  # grammar, tokens, text: tokens that may come, in places where the tables allow more
    "swallowed now and then": (
        'start: A (B | C)\nA: /a+/\nB: "a"\nC: "c"',
        {"": {"a", "ac"}, "a": {"a", "c", "ac"}, "aac": {"<eos>"}},
    ),
    "loses every tie": (
        'start: A | B "c"\nA: "a"\nB: /[a]/',
        {"": {"a"}, "a": {"<eos>"}},
    ),
    "swallowed by what is ignored": (
        'start: "a" | "a" "b" "c"\n%ignore /bc*/',
        {"": {"a", "b", "bc"}, "b": {"a", "b", "c", "bc"}, "a": {"b", "bc", "<eos>"}, "ab": {"c"}},
    ),
    "recursive": (
        'start: "b" start "c" | "a" | "c" A "a"\nA: /a+/',
        {"": {"a", "b"}, "bb": {"a", "b", "ac"}, "bba": {"c"}, "bbac": {"c"}},
    ),
}


def names(constraint: constrain.Constraint, state: constrain.State) -> set[str]:
    found = {constraint.vocabulary.tokens[i] for i in allowed(constraint, state)}
    return {"<eos>" if token is None else token.decode() for token in found}


@pytest.mark.parametrize("name", STUCK)
def test_dead_ends_are_refused(name: str):
    text, places = STUCK[name]
    grammar = constrain.cfg(text)
    vocabulary = constrain.Vocabulary([b"a", b"b", b"c", b"ac", b"bc", None], [5])
    constraint = constrain.compile(grammar, vocabulary)
    for begin, tokens in places.items():
        state = constraint.advance_bytes(constraint.init(), begin.encode())
        assert names(constraint, state) == tokens, begin
        constraint.forget()
        assert names(constraint, state) == tokens, begin


def test_a_grammar_whose_terminals_never_fit_is_empty():
    with pytest.raises(EmptyLanguage, match="matched as long as can be"):
        constrain.compile(constrain.cfg('start: A B\nA: /a+/\nB: "a"'), vocabulary([]))


def test_a_search_has_a_budget():
    viable = Viability(lambda n: [n + 1], lambda n: n == 50, lambda n: 0, most=20)
    assert viable(40)
    with pytest.raises(LimitExceeded, match="configurations searched ahead"):
        viable(10)


@given(st.lists(st.lists(st.integers(0, 9), max_size=3), min_size=10, max_size=10), st.data())
def test_viability_of_random_graphs(graph: list[list[int]], data: Any):
    """Whatever is asked first, each node is judged by what it reaches."""
    goals = data.draw(st.sets(st.integers(0, 9), max_size=2))
    good = set(goals)
    for _ in graph:
        good |= {n for n, targets in enumerate(graph) if good.intersection(targets)}
    viable = Viability(lambda n: graph[n], goals.__contains__, lambda n: n % 3)
    for node in data.draw(st.permutations(range(10))):
        assert viable(node) == (node in good)
