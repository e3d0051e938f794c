"""Eager tables against the lazy engine, state by state."""

from __future__ import annotations

import numpy as np
import pytest

import constrain
from constrain.errors import EmptyLanguage, LimitExceeded, SpecError, TokenRejected, Unsupported

EOS = 0
TOKENS = [None, *(bytes([b]) for b in range(256)), b"ab", b"ba", b'{"', b'":', b"12", b"ab", None]
VOCABULARY = constrain.Vocabulary(TOKENS, [EOS, 5])
SCHEMA = {"type": "object", "properties": {"a": {"enum": ["ab", 12]}, "b": {"type": "boolean"}}}
GRAMMARS = {
    "regex": constrain.regex(r"(ab|\d{2})*é?"),
    "choice": constrain.choice(["ab", "abba", "b"]),
    "schema": constrain.json_schema({**SCHEMA, "additionalProperties": False}),
}


@pytest.mark.parametrize("name", GRAMMARS)
def test_every_state_allows_what_the_engine_allows(name):
    lazy = constrain.compile(GRAMMARS[name], VOCABULARY)
    eager = constrain.compile(GRAMMARS[name], VOCABULARY, tables="eager")
    found = {eager.init(): lazy.init()}
    todo = [eager.init()]
    while todo and len(found) < 150:
        state = todo.pop(0)
        assert np.array_equal(eager.mask(state), lazy.mask(found[state]))
        assert eager.accepts(state) == lazy.accepts(found[state])
        assert eager.is_terminal(state) == lazy.is_terminal(found[state])
        bits = np.unpackbits(eager.mask(state).view(np.uint8), bitorder="little")
        for token in np.flatnonzero(bits).tolist():
            after = eager.advance(state, token)
            if after not in found:
                found[after] = lazy.advance(found[state], token)
                todo.append(after)
    assert len(found) > 5


def test_what_may_not_come_is_rejected():
    eager = constrain.compile(constrain.regex("ab"), VOCABULARY, tables="eager")
    with pytest.raises(TokenRejected, match="token 1 may not come"):
        eager.advance(eager.init(), 1)
    with pytest.raises(TokenRejected, match="outside the vocabulary"):
        eager.advance(eager.init(), len(TOKENS))
    end = eager.advance(eager.advance(eager.init(), TOKENS.index(b"ab")), EOS)
    with pytest.raises(TokenRejected, match="already ended"):
        eager.advance(end, EOS)


def test_only_what_tokens_can_finish():
    tokens = constrain.Vocabulary([None, b"aa", b"b", b"a"], [EOS])
    eager = constrain.compile(constrain.regex("a{2}b|ac"), tokens, tables="eager")
    assert eager.mask(eager.init()).tolist() == [0b1010]
    after = eager.advance(eager.init(), 3)
    assert eager.mask(after).tolist() == [0b1000]
    with pytest.raises(EmptyLanguage):
        constrain.compile(constrain.regex("ac"), tokens, tables="eager")


def test_what_has_no_eager_tables():
    with pytest.raises(Unsupported, match="recursive"):
        constrain.compile(constrain.json(), VOCABULARY, tables="eager")
    with pytest.raises(LimitExceeded, match="eager table"):
        constrain.compile(constrain.regex("a{300}"), VOCABULARY, tables="eager", max_bytes=1 << 12)
    with pytest.raises(SpecError, match="lazy"):
        constrain.compile(constrain.regex("a"), VOCABULARY, tables="whole")
