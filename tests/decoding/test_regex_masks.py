"""Every mask of random regular expressions, against eagerly built automata."""

from __future__ import annotations

from brute_force import check_masks
from hypothesis import given, settings, strategies as st
from strategies import regex_nodes

import constrain
from constrain.automata import dfa
from constrain.automata.regex_to_dfa import from_node
from constrain.automata.resolve import resolve
from constrain.syntax.grammar import Grammar, Regular
from constrain.syntax.regex_ast import NOTHING, Node

BYTES = [b"a", b"b", b"\xc3", b"\xa9"]


def vocabularies() -> st.SearchStrategy[constrain.Vocabulary]:
    words = st.text("ab\u00e9", min_size=1, max_size=4).map(str.encode)
    pieces = st.sampled_from([b"\xa9a", b"a\xc3", b"\xa9\xc3", b"bb\xc3\xa9"])
    many = st.lists(words | pieces, max_size=8)
    return many.map(lambda t: constrain.Vocabulary([None, *BYTES, *t, None], [0]))


@given(regex_nodes(), vocabularies())
@settings(max_examples=150)
def test_masks_are_those_of_the_eager_automaton(node: Node, vocabulary: constrain.Vocabulary):
    if resolve(node) == NOTHING:
        return
    machine = dfa.trim(from_node(node))
    grammar = Grammar(("test", node), {"start": Regular(node)})
    check_masks(
        constrain.compile(grammar, vocabulary),
        lambda text: dfa.advance(machine, machine.start, text) != 0,
        lambda text: dfa.accepts(machine, text),
        depth=3,
    )
