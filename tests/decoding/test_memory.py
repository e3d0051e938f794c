"""Forgetting: states outlive sweeps, and memory does not grow with the text."""

from __future__ import annotations

import random
import resource
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import constrain
from constrain.automata.normal_form import normal_form
from constrain.decoding import Constraint, State
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import Grammar
from constrain.tokens import arena, layout as at
from constrain.tokens.engine import Engine
from constrain.tokens.storage import tables

WORDS = [b'{"', b'":', b'",', b"],", b"true", b'":{"', b"}}", b"x ", b" (", b"# ", b"if ", b"=1"]
EOS = 256 + len(WORDS)
VOCABULARY = constrain.Vocabulary([*(bytes([b]) for b in range(256)), *WORDS, None], [EOS])

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3, "maxLength": 40},
        "n": {"type": "integer", "minimum": 3, "maximum": 30_000},
        "more": {"$ref": "#"},
        "list": {"type": "array", "items": {"$ref": "#"}, "maxItems": 7},
        "id": {"type": "string", "pattern": r"^[a-z]{3,60}-\d+$"},
    },
    "required": ["n"],
}
PROGRAM = r"""
start: statement+
statement: "if" sum block | NAME "=" sum ";"
block: "{" statement* "}"
sum: NUMBER | NAME | "(" sum ")" | sum "+" sum
NAME: /[a-z]+/
NUMBER: /[0-9]+(\.[0-9]+)?/
%ignore /[ \n]+/
%ignore /#[^\n]*\n/
"""
TANGLE = """
start: e
e: e "+" e | e e | "(" e ")" | /[ab]{1,3}/
"""
GRAMMARS = {
    "json": constrain.json(),
    "schema": constrain.json_schema(SCHEMA),
    "contextual": constrain.cfg(PROGRAM),
    "ambiguous": constrain.cfg(TANGLE, lexer="scannerless"),
}


def compiled(grammar: Grammar, max_configs: int, max_bytes: int = 1 << 29) -> Constraint:
    running = Engine(normal_form(grammar), tables(VOCABULARY), VOCABULARY.n_words, max_bytes)
    return Constraint(grammar, VOCABULARY, running, max_configs)


def sweeps_of(constraint: Constraint) -> list[int]:
    """A list that gets an entry for each sweep from now on."""
    running = constraint._engine
    forget, seen = running.forget, list[int]()

    def counted(roots: Iterable[int]) -> object:
        seen.append(running.n_configs)
        return forget(roots)

    running.forget = counted  # pyright: ignore
    return seen


def choices(constraint: Constraint, state: State) -> list[int]:
    bits = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
    return np.flatnonzero(bits).tolist()


def next_token(rng: random.Random, ids: list[int], length: int) -> int:
    """Any of `ids`; texts that are long already are ended where they may be, and closed."""
    if length > 200:
        closing = [i for i in ids if i == EOS or (i < 256 and chr(i) in '")]};')]
        ids = closing or ids
    return rng.choice(ids)


@pytest.mark.parametrize("name", GRAMMARS)
def test_states_outlive_sweeps(name: str):
    small, large = compiled(GRAMMARS[name], 40), compiled(GRAMMARS[name], 1 << 30)
    rng = random.Random(name)
    s, t = small.init(), large.init()
    kept: list[tuple[State, State]] = []
    sweeps = sweeps_of(small)
    length = 0
    for i in range(6_000):
        ids = choices(small, s)
        assert ids == choices(large, t)
        if i % 300 == 0:
            kept.append((s, t))
        token = next_token(rng, ids, length)
        s, t, length = small.advance(s, token), large.advance(t, token), length + 1
        if small.is_terminal(s):
            s, t, length = small.init(), large.init(), 0
    assert sweeps
    assert small._engine.n_configs < large._engine.n_configs
    for s, t in kept:
        assert choices(small, s) == choices(large, t)
        assert small.accepts(s) == large.accepts(t)
        assert small.expected(s) == large.expected(t)
        assert large.load(small.dump(s)) == t
        for token in choices(small, s)[:3]:
            if token != EOS:
                after = small.advance(s, token), large.advance(t, token)
                assert choices(small, after[0]) == choices(large, after[1])


def test_equal_states_stay_equal_over_a_sweep():
    c = compiled(GRAMMARS["contextual"], 1 << 30)
    before = c.advance_bytes(c.init(), b"if (a")
    mask = c.mask(before).copy()
    c.forget()
    assert c.advance_bytes(c.init(), b"if ( b") == before
    assert c.advance_bytes(c.init(), b"if (a ") != before  # behind the name, not within it
    assert (c.mask(before) == mask).all()
    assert c.init() == c.init()


def test_a_long_text_is_swept_while_it_is_read():
    c = compiled(constrain.regex("(a|b)*a(a|b){10}"), 300)
    sweeps = sweeps_of(c)
    rng = random.Random(0)
    text = bytes(rng.choice(b"ab") for _ in range(200_000)) + b"a" * 11
    assert c.matches(text)
    assert len(sweeps) > 1
    fault = c.explain_text(text + b"x")
    assert fault is not None
    assert fault.offset == len(text)


def test_threads_share_a_constraint_that_sweeps():
    grammar = GRAMMARS["ambiguous"]
    c, judge = compiled(grammar, 40), compiled(grammar, 1 << 30)
    sweeps = sweeps_of(c)

    def walk(seed: int) -> list[tuple[bytes, list[int]]]:
        rng = random.Random(seed)
        state, text, seen = c.init(), b"", list[tuple[bytes, list[int]]]()
        for _ in range(300):
            ids = choices(c, state)
            seen.append((text, ids))
            token = rng.choice([i for i in ids if i != EOS])
            state, text = c.advance(state, token), text + (VOCABULARY.tokens[token] or b"")
        return seen

    with ThreadPoolExecutor(4) as pool:
        walks = list(pool.map(walk, range(8)))
    assert sweeps
    for text, ids in (place for places in walks for place in places[::20]):
        assert choices(judge, judge.advance_bytes(judge.init(), text)) == ids


def test_sweeps_where_masks_look_ahead():
    """A comment that swallows what must follow; and a vocabulary without some bytes."""
    swallowing = constrain.cfg('start: "if" NAME ";"\nNAME: /[a-z]+/\n%ignore " "\n%ignore /#.*/')
    few = constrain.Vocabulary([b"i", b"f", b"f ", b"ab", b"x;", b" ", b"#", b";", None], [8])
    for grammar, vocabulary in (
        (swallowing, VOCABULARY),
        (swallowing, few),
        (constrain.regex("(if ?)*(ab|cd)#{2,30};"), few),
    ):
        c = constrain.compile(grammar, vocabulary, spelling="check")
        judge = constrain.compile(grammar, vocabulary, spelling="check")
        rng = random.Random(0)
        s, t = c.init(), judge.init()
        for i in range(300):
            ids = choices(c, s)
            assert ids == choices(judge, t)
            assert c.forced(s) == judge.forced(t)
            assert ids if not c.is_terminal(s) else not ids
            if i % 7 == 0:
                c.forget()
            if not ids:
                s, t = c.init(), judge.init()
                continue
            token = rng.choice(ids)
            s, t = c.advance(s, token), judge.advance(t, token)


def test_a_mask_in_use_is_not_written_over():
    c = compiled(GRAMMARS["json"], 1 << 30)
    mask = c.mask(c.advance_bytes(c.init(), b"[1"))
    copy = mask.copy()
    for _ in range(3):
        c.forget()
        for text in (b"", b"{", b"[", b'"a', b"tr", b"[[", b"-"):
            c.mask(c.advance_bytes(c.init(), text))
    assert (mask == copy).all()


@pytest.fixture
def small_arenas(monkeypatch: pytest.MonkeyPatch):
    """New arenas begin with room for 1,024 configurations."""
    sizes = {at.CONFIG: 1 << 10, at.WALK: 1 << 12, at.WALK2: 1 << 12, at.EXPANDED: 1 << 13}
    for segment, size in sizes.items():
        monkeypatch.setitem(arena.CAPACITIES, segment, size)
    monkeypatch.setattr(arena, "_idle", [])
    return 4 * len(arena.Arena(1 << 29).words)


def test_a_full_arena_is_swept_before_giving_up(small_arenas: int):
    c = compiled(GRAMMARS["ambiguous"], 1 << 30, small_arenas + small_arenas // 4)
    rng = random.Random(0)
    state, sweeps = c.init(), sweeps_of(c)
    for _ in range(4_000):
        state = c.advance(state, rng.choice(choices(c, state)))
        if c.is_terminal(state):
            state = c.init()
    assert len(sweeps) > 1


def test_too_many_states_in_use_exceed_the_limit(small_arenas: int):
    c = compiled(GRAMMARS["ambiguous"], 1 << 30, small_arenas + small_arenas // 4)
    sweeps = sweeps_of(c)
    states = [c.init()]

    def go_deep() -> None:
        for _ in range(20_000):
            states.append(c.advance(states[-1], ord("(")))

    with pytest.raises(LimitExceeded, match="arena bytes"):
        go_deep()
    assert sweeps
    assert choices(c, states[0]) == choices(c, c.init())
    last = states[-1]
    states.clear()
    after = c.advance_bytes(last, b"((((a")  # there is room again
    assert ord(")") in choices(c, after)


def resident() -> float:
    """Peak of this process's memory, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << 20 if sys.platform == "darwin" else 1 << 10
    )


@pytest.mark.parametrize("name", ["json", "ambiguous"])
def test_memory_is_flat(name: str):
    c = compiled(GRAMMARS[name], 2_000)
    rng = random.Random(0)
    state, length = c.init(), 0
    after_warming = 0.0
    for i in range(200_000):
        if i == 50_000:
            after_warming = resident()
        state = c.advance(state, next_token(rng, choices(c, state), length))
        length += 1
        if c.is_terminal(state):
            state, length = c.init(), 0
    assert resident() - after_warming < 8
    assert len(c._handles) < 10_000
