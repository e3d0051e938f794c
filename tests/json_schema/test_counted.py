"""Strings that are counted beside an automaton: against the same language in one piece."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, strategies as st

from constrain import Vocabulary, compile
from constrain.errors import LimitExceeded
from constrain.json_schema import grammar, names, patterns, strings
from constrain.json_schema.counted import Counted

BYTES = Vocabulary([*(bytes((b,)) for b in range(256)), None], eos_token_ids=[256])
PATTERNS = ["^a*b?$", "a", "^(ab|é)*$", '^[^a]+"?$', "^(?=.*b)[ab]*$"]


def is_found(pattern: str, text: str) -> bool:
    return re.search(pattern.replace("$", r"\Z"), text) is not None


@pytest.mark.parametrize("pattern", PATTERNS)
@given(
    lo=st.integers(0, 4), width=st.none() | st.integers(0, 3), text=st.text('abé"😀\n', max_size=6)
)
def test_from_every_live_pair_a_string_can_be_finished(
    pattern: str, lo: int, width: int | None, text: str
):
    hi = None if width is None else lo + width
    found = Counted(names.automaton(patterns.content(pattern)), lo, hi)
    place: tuple[int, int] | None = (found.dfa.start, 0)
    if found.is_empty:
        place = None
    for byte in text.encode():
        place = None if place is None else found.after(*place, byte)
    member = is_found(pattern, text) and lo <= len(text) and (hi is None or len(text) <= hi)
    ended = place is not None and bool(found.dfa.accepting[place[0]]) and place[1] >= lo
    assert ended == member


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize(("lo", "hi"), [(0, 3), (2, 4), (3, None)])
def test_texts(pattern: str, lo: int, hi: int | None, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(strings, "_LARGE", -1)
    monkeypatch.setattr(strings, "_BROAD", 256)
    strings.form.cache_clear()
    schema = {"type": "string", "pattern": pattern, "minLength": lo}
    found = compile(grammar(schema if hi is None else {**schema, "maxLength": hi}), BYTES)
    for text in ("", "a", "ab", "aab", "aaab", "aaaab", "éé", 'b"', 'bb"', "éab", "b\nb"):
        member = is_found(pattern, text) and lo <= len(text) and (hi is None or len(text) <= hi)
        assert found.matches(json.dumps(text, ensure_ascii=False)) == member, text
    strings.form.cache_clear()


def test_where_most_characters_may_come_it_is_refused():
    with pytest.raises(LimitExceeded, match="beside a length"):
        grammar({"type": "string", "pattern": "^.*[^ ].*$", "maxLength": 5_000})


def test_long_strings_are_cheap():
    found = compile(grammar({"type": "string", "format": "email", "maxLength": 10_000}), BYTES)
    assert found.matches('"a@example.com"')
    assert not found.matches('"a"')
