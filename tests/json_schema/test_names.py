"""Sets of names: membership, and the automaton of all names but some."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from constrain.automata.dfa import accepts, same_language
from constrain.json_schema import names, patterns
from constrain.json_schema.names import Names

texts = st.frozensets(st.text("abé😀", max_size=3), max_size=4)


@given(texts, st.text("abé😀", max_size=4))
def test_all_names_but_some(some: frozenset[str], text: str):
    found = names.outside(some)
    slow = names.automaton(names.language(Names(some, outside=True)))
    assert same_language(found, slow)
    assert accepts(found, text.encode()) == (text not in some)


@given(texts, texts, st.booleans(), st.booleans(), st.text("abé", max_size=3))
def test_unions(a: frozenset[str], b: frozenset[str], x: bool, y: bool, text: str):
    one, other = Names(a, outside=x), Names(b, outside=y)
    both = names.union([one, other])
    assert (text in both) == (text in one or text in other)
    assert (text in one.inverse()) == (text not in one)


@pytest.mark.parametrize("pattern", ["a|b", "^a", "b$", "^(a|b)*$", "a|^b"])
@given(text=st.text("abc", max_size=4))
def test_patterns_in_either_form(pattern: str, text: str):
    assert names.is_in(patterns.names(pattern), text) == names.is_in(
        patterns.content(pattern), text
    )
