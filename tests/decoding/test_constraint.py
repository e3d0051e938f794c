"""States are values, refusals leave them alone, and forced tokens are really forced."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import mistral_common
import numpy as np
import pytest
from brute_force import allowed
from hypothesis import given, settings, strategies as st
from mistral_common.tokens.tokenizers.tekken import Tekkenizer
from strategies_cfg import grammars
from test_grammar_masks import completion

import constrain
from constrain.decoding import Constraint, State
from constrain.errors import EmptyLanguage, SpecError, TokenRejected
from constrain.syntax.grammar import Grammar

BYTES = [bytes([b]) for b in range(256)]
WORDS = [b'{"', b'":', b'",', b'"}', b"true", b"na", b'":"', b"am", b"12", b'"k']
EOS = 256 + len(WORDS)
PADDING = EOS + 1
VOCABULARY = constrain.Vocabulary([*BYTES, *WORDS, None, None], [EOS])


def compiled(schema: object, whitespace: str = "compact") -> Constraint:
    return constrain.compile(constrain.json_schema(schema, whitespace=whitespace), VOCABULARY)


# ---------------------------------------------------------------- bad input


def refuse(constraint: Constraint, state: State, token: int, reason: str) -> None:
    """`token` is refused for this reason, and `state` is what it was."""
    before = allowed(constraint, state)
    with pytest.raises(TokenRejected, match=reason) as caught:
        constraint.advance(state, token)
    assert caught.value.token == token
    assert caught.value.state == state
    assert allowed(constraint, state) == before


@pytest.mark.parametrize("token", [-1, -(10**9), PADDING + 1, 10**9, 1 << 70])
def test_an_id_outside_the_vocabulary_is_refused(token: int):
    c = compiled(True)
    refuse(c, c.init(), token, "outside the vocabulary")


def test_a_token_that_does_not_fit_is_refused_with_what_was_expected():
    c = compiled({"const": True})
    refuse(c, c.advance(c.init(), ord("t")), ord("x"), 'byte 0 does not fit; expected "rue"')


def test_a_token_without_text_is_refused():
    c = compiled(True)
    refuse(c, c.init(), PADDING, "has no text")


def test_an_end_token_is_refused_before_the_end():
    c = compiled({"const": 12})
    refuse(c, c.init(), EOS, 'may not end here; expected "12"')


def test_after_the_end_everything_is_refused():
    c = compiled({"const": 12})
    end = c.advance(c.advance_bytes(c.init(), b"12"), EOS)
    assert c.is_terminal(end)
    assert c.accepts(end)
    assert not c.mask(end).any()
    assert c.expected(end) == c.forced(end) == []
    for token in (EOS, ord("1"), -1):
        refuse(c, end, token, "already ended")
    with pytest.raises(TokenRejected, match="already ended"):
        c.advance_bytes(end, b"1")
    assert c.advance_bytes(end, b"") == end


@pytest.mark.parametrize("kind", [np.int64, np.uint8, np.int32, np.uint32])
def test_numpy_integers_are_token_ids(kind: Callable[[int], int]):
    c = compiled({"const": 12})
    state = c.advance(c.init(), kind(ord("1")))
    assert state == c.advance(c.init(), ord("1"))
    assert all(type(token) is int for token in c.init()[0].next)
    with pytest.raises(TokenRejected):
        c.advance(state, kind(ord("1")))


def test_a_bool_is_the_integer_that_python_says_it_is():
    c = constrain.compile(constrain.literal(b"\x01"), VOCABULARY)
    assert c.advance(c.init(), True) == c.advance(c.init(), 1)
    with pytest.raises(TokenRejected):
        c.advance(c.init(), False)


@pytest.mark.parametrize("token", [None, "1", 1.5, b"1"])
def test_what_is_no_integer_is_a_type_error(token: object):
    c = compiled(True)
    with pytest.raises(TypeError):
        c.advance(c.init(), token)  # pyright: ignore[reportArgumentType]
    assert allowed(c, c.init())


def test_refused_bytes_leave_the_state_alone():
    c = compiled({"const": 123})
    state = c.advance_bytes(c.init(), b"1")
    with pytest.raises(TokenRejected, match='byte 1 does not fit; expected "3"'):
        c.advance_bytes(state, b"24")
    assert c.advance_bytes(state, b"23") == c.advance_bytes(c.init(), b"123")


# ---------------------------------------------------------------- forced


def forced_by_trying(c: Constraint, state: State) -> bytes:
    """The forced bytes, from masks over single bytes."""
    found = b""
    while not c.accepts(state):
        possible = [t for t in allowed(c, state) if len(c.vocabulary.tokens[t] or b"") == 1]
        if len(possible) != 1:
            break
        found += c.vocabulary.tokens[possible[0]] or b""
        state = c.advance(state, possible[0])
    return found


def longest_match(tokens: Sequence[bytes | None]) -> Callable[[str], list[int]]:
    """A tokenizer of the simplest kind."""
    ids = {token: i for i, token in enumerate(tokens) if token is not None}

    def encode(text: str) -> list[int]:
        data, out = text.encode(), []
        while data:
            n = next(n for n in range(len(data), 0, -1) if data[:n] in ids)
            out.append(ids[data[:n]])
            data = data[n:]
        return out

    return encode


@given(
    grammars(),
    st.lists(st.text("ab", min_size=2, max_size=4).map(str.encode), unique=True, max_size=6),
    st.booleans(),
)
@settings(max_examples=100)
def test_forced_tokens_are_forced(grammar: Grammar, words: list[bytes], with_encode: bool):
    tokens = [b"a", b"b", *words, None]
    tokenize = longest_match(tokens)
    encode = tokenize if with_encode else None
    eos = len(tokens) - 1
    vocabulary = constrain.Vocabulary(tokens, [eos], encode)
    try:
        c = constrain.compile(grammar, vocabulary)
    except EmptyLanguage:
        return
    state = c.init()
    for _ in range(6):
        data = c.forced_bytes(state)
        assert data == forced_by_trying(c, state)
        ids = c.forced(state)
        mask = allowed(c, state)
        if len(mask) == 1:
            assert ids[:1] == list(mask)
        after = state
        for token in ids:
            after = c.advance(after, token)
        if not c.is_terminal(after):
            rest = tokenize(
                (b"".join(tokens[i] or b"" for i in ids) + completion(c, after)).decode()
            )
            assert rest[: len(ids)] == ids
        choices = sorted(mask - {eos})
        if not choices:
            break
        state = c.advance(state, choices[len(choices) // 2])


def texts_of(c: Constraint, ids: list[int]) -> list[bytes | None]:
    return [c.vocabulary.tokens[i] for i in ids]


def test_forced_goes_to_the_end_of_the_text():
    c = compiled(
        {
            "type": "object",
            "properties": {"name": {"const": True}},
            "required": ["name"],
            "additionalProperties": False,
        }
    )
    ids = c.forced(c.init())
    assert texts_of(c, ids) == [b'{"', b"na", b"m", b"e", b'":', b"true", b"}", None]


def test_a_token_that_may_reach_further_is_left_out():
    c = compiled(
        {
            "properties": {"k": {"type": ["string", "null"]}},
            "required": ["k"],
            "additionalProperties": False,
            "type": "object",
        }
    )
    assert c.forced_bytes(c.init()) == b'{"k":'
    assert texts_of(c, c.forced(c.init())) == [b'{"', b"k"]  # then '":' or '":"'


def test_forced_bytes_may_stop_within_a_character():
    c = constrain.compile(constrain.regex("x(é|è)"), VOCABULARY)
    assert c.forced_bytes(c.init()) == b"x\xc3"
    assert c.forced(c.init()) == [ord("x"), 0xC3]
    encode = longest_match(VOCABULARY.tokens)
    vocabulary = constrain.Vocabulary(VOCABULARY.tokens, [EOS], encode)
    c = constrain.compile(constrain.regex("x(é|è)"), vocabulary)
    assert c.forced(c.init())[:1] == [ord("x")]
    within = c.advance_bytes(c.init(), b"x\xc3")
    assert c.forced(within) == []


def test_an_encoder_that_spells_something_else_is_not_believed():
    vocabulary = constrain.Vocabulary(VOCABULARY.tokens, [EOS], lambda text: [ord("z")])
    c = constrain.compile(constrain.literal("true!"), vocabulary)
    assert c.forced(c.init()) == []


def test_forced_tokens_are_those_of_a_real_tokenizer():
    """Walk along canonical tokens of documents; at each state the forced ones are the next."""
    data = Path(mistral_common.__file__).parent / "data"
    tekken = Tekkenizer.from_file(str(data / "tekken_240911.json"))
    special = tekken.num_special_tokens
    pieces = [tekken.id_to_byte_piece(i) for i in range(special, tekken.n_words)]
    vocabulary = constrain.Vocabulary(
        [*[None] * special, *pieces],
        [tekken.eos_id],
        lambda text: tekken.encode(text, False, False),
    )
    schema = {
        "type": "object",
        "properties": {
            "customer_name": {"type": "string"},
            "status": {"enum": ["shipped", "pending", "cancelled by customer"]},
            "größe": {"type": "number"},
        },
        "required": ["customer_name", "status", "größe"],
        "additionalProperties": False,
    }
    document = {"customer_name": "Bob Müller", "status": "cancelled by customer", "größe": 1.5}
    n_forced = 0
    for whitespace, separators in (("compact", (",", ":")), ("any", (", ", ": "))):
        grammar = constrain.json_schema(schema, whitespace=whitespace)
        c = constrain.compile(grammar, vocabulary)
        text = json.dumps(document, ensure_ascii=False, separators=separators)
        ids = [*tekken.encode(text, False, False), tekken.eos_id]
        state = c.init()
        for i, token in enumerate(ids):
            found = c.forced(state)
            assert found == ids[i : i + len(found)]
            n_forced += len(found) > 0
            state = c.advance(state, token)
    assert n_forced > 10


# ---------------------------------------------------------------- dump and load

LISTS = """
start: item
item: "[" (item ("," item)*)? "]" | NAME
NAME: /[a-z]+/
%ignore " "
"""


def walk(c: Constraint, seed: int, steps: int) -> list[State]:
    rng = random.Random(seed)
    states = [c.init()]
    for _ in range(steps):
        choices = sorted(allowed(c, states[-1]))
        if not choices:
            break
        states.append(c.advance(states[-1], rng.choice(choices)))
    return states


@pytest.mark.parametrize("seed", range(5))
def test_a_dumped_state_loads_as_the_same(seed: int):
    c = constrain.compile(constrain.cfg(LISTS), VOCABULARY)
    other = constrain.compile(constrain.cfg(LISTS), VOCABULARY)
    for state in walk(c, seed, 60):
        data = c.dump(state)
        assert c.load(data) == state
        loaded = other.load(data)
        assert (other.mask(loaded) == c.mask(state)).all()
        assert other.is_terminal(loaded) == c.is_terminal(state)
        assert c.load(other.dump(loaded)) == state


def test_a_state_goes_to_another_process():
    c = compiled({"enum": ["alpha", "beta"]})
    data = c.dump(c.advance_bytes(c.init(), b'"be'))
    program = (
        "import constrain\n"
        "v = constrain.Vocabulary([*(bytes([b]) for b in range(256)), None], [256])\n"
        "g = constrain.json_schema({'enum': ['alpha', 'beta']}, whitespace='compact')\n"
        "c = constrain.compile(g, v)\n"
        f"print(c.expected(c.load({data!r})))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "['\\'ta\"\\'']\n", done.stderr


def test_data_that_is_no_state_of_this_grammar_is_refused():
    c = compiled({"const": 1})
    data = c.dump(c.init())
    with pytest.raises(SpecError, match="another grammar"):
        compiled({"const": 2}).load(data)
    for wrong in (b"", b"abc", data[:20]):
        with pytest.raises(SpecError, match="bytes of a dumped state"):
            c.load(wrong)
    with pytest.raises(SpecError, match="damaged"):
        c.load(data + b"x")
