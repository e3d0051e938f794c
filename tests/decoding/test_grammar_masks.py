"""Every mask of random context-free grammars, against their short sentences and CYK."""

from __future__ import annotations

import pytest
from brute_force import allowed, show
from hypothesis import given, reject, settings, strategies as st
from oracles import cyk
from strategies_cfg import grammars

import constrain
from constrain.decoding import Constraint, State
from constrain.errors import EmptyLanguage
from constrain.syntax.grammar import Call, Choice, Grammar, Literal, Repeat, Sequence

LONGEST = 7


def completion(constraint: Constraint, state: State) -> bytes:
    """Some bytes that end the text, found by breadth-first search over the masks."""
    todo = [(state, b"")]
    seen = {state}
    for here, text in todo:
        if constraint.accepts(here):
            return text
        if len(seen) > 20_000:  # so ambiguous that the search does not end: no verdict
            reject()
        for token in sorted(allowed(constraint, here)):
            if len(constraint.vocabulary.tokens[token] or b"") != 1:
                continue  # single bytes can spell everything here
            after = constraint.advance(here, token)
            if after not in seen:
                seen.add(after)
                todo.append((after, text + (constraint.vocabulary.tokens[token] or b"")))
    raise AssertionError(f"dead end after {text!r}")


def check_grammar(grammar: Grammar, vocabulary: constrain.Vocabulary) -> None:
    try:
        constraint = constrain.compile(grammar, vocabulary)
    except EmptyLanguage:
        assert not cyk.language(grammar.rules, Call(grammar.start), LONGEST)
        return
    sentences = cyk.language(grammar.rules, Call(grammar.start), LONGEST)
    prefixes = {s[:i] for s in sentences for i in range(len(s) + 1)}
    todo = [(b"", constraint.init())]
    for text, state in todo:
        assert constraint.accepts(state) == (text in sentences), text
        got = allowed(constraint, state)
        for i, token in enumerate(vocabulary.tokens):
            if token is None or len(text + token) > LONGEST - 2:
                continue
            assert i in got or text + token not in prefixes, (text, show(vocabulary, {i}))
            if i in got and text + token not in prefixes:
                after = constraint.advance(state, i)
                assert cyk.matches(grammar, text + token + completion(constraint, after))
            if i in got and len(text + token) <= 4 and len(todo) < 60:
                todo.append((text + token, constraint.advance(state, i)))


@given(grammars(), st.lists(st.text("ab", min_size=2, max_size=3).map(str.encode), max_size=4))
@settings(max_examples=150)
def test_masks_follow_from_the_sentences(grammar: Grammar, words: list[bytes]):
    check_grammar(grammar, constrain.Vocabulary([b"a", b"b", *words, None], [2 + len(words)]))


A, B = Literal(b"a"), Literal(b"b")

FOUND = {
    # the stack below a frame met the same stack with more on top, and was lost in their union
    "a frame joined with a deeper one": {
        "start": Sequence((Call("A"), A)),
        "A": Repeat(Sequence((Call("A"), B)), 0, None),
    },
    # what can never be finished was kept where it stood in the grammar from the start
    "nothing, at least once": {
        "start": Choice((B, Sequence((A, Call("B"))))),
        "B": Repeat(Choice(()), 1, None),
    },
}
"""Bugs of the past."""


@pytest.mark.parametrize("name", FOUND)
def test_bugs_of_the_past(name: str):
    grammar = Grammar(("found", name), FOUND[name])
    check_grammar(grammar, constrain.Vocabulary([b"a", b"b", b"ba", None], [3]))
