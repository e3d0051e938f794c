"""The functional protocol: states as tuples, rows gathered, weights exact by enumeration."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

import constrain
from constrain.decoding.processing import (
    Chain,
    Context,
    GrammarProcessor,
    PerRow,
    Stateless,
    join,
    log_mass,
    log_prob,
    log_sum,
    take,
)
from constrain.errors import SpecError, VocabularyMismatch

LIBRARIES = {"numpy": np, "torch": torch}
EOS = 0
VOCABULARY = constrain.Vocabulary([None, b"a", b"b", b"ab", None], [EOS])
SMALL = constrain.compile(constrain.regex("a(b|ab)?|bb"), VOCABULARY)
OTHER = constrain.compile(constrain.regex("b+"), VOCABULARY)


def context(rows, prompt_length=0, xp=np) -> Context:
    return Context(xp.asarray(rows).reshape(len(rows), -1), prompt_length)


class Enforced:
    """Forces one token after another, each row its own counter: a state with a row axis."""

    role = "constraint"

    def __init__(self, first: int):
        self.first = first

    def init(self, context):
        return np.full(context.rows, self.first)

    def process(self, state, logits, context):
        out = np.full_like(logits, -np.inf)
        rows = np.arange(context.rows)
        out[rows, state] = logits[rows, state]
        return state + 1, out


@pytest.mark.parametrize("rows", [1, 2])
def test_enforced_tokens_in_a_batch(rows):
    chain = Chain([Enforced(78), Stateless(lambda logits, context: logits / 2)])
    ids = np.zeros((rows, 3), int)
    state = chain.init(Context(ids, 3))
    assert isinstance(state, tuple)
    assert len(state) == 2
    rng = np.random.default_rng(0)
    for expected in (78, 79, 80):
        now = Context(ids, 3)
        state, logits = chain.process(state, rng.normal(size=(rows, 100)), now)
        chosen = logits.argmax(axis=1)
        assert chosen.tolist() == [expected] * rows
        ids = np.concatenate([ids, chosen[:, None]], axis=1)


def test_contexts_are_frozen_and_the_same_at_init_and_process():
    seen = []

    class Spy:
        role = "target"

        def init(self, context):
            seen.append((context.rows, context.length, context.prompt_length))
            return ()

        def process(self, state, logits, context):
            seen.append((context.rows, context.length, context.prompt_length))
            return state, logits

    chain, now = Chain([Spy()]), context([[1, 2], [3, 4]], 1)
    chain.process(chain.init(now), np.zeros((2, 5)), now)
    assert seen == [(2, 2, 1), (2, 2, 1)]
    assert now.generated.tolist() == [[2], [4]]
    with pytest.raises(AttributeError):
        now.prompt_length = 2


class Nested(NamedTuple):
    table: float
    rows: PerRow
    more: dict


@given(st.lists(st.integers(0, 2), max_size=4), st.data())
@pytest.mark.parametrize("library", LIBRARIES)
def test_gathering_rows(library, first, data):
    xp = LIBRARIES[library]
    state = (7, Nested(1.5, PerRow("abc"), {"x": xp.asarray([[1], [2], [3]])}), None, ())
    chosen = take(state, first)
    assert chosen[0] == 7
    assert chosen[1].table == 1.5
    assert chosen[1].rows == tuple("abc"[i] for i in first)
    assert chosen[1].more["x"].reshape(-1).tolist() == [i + 1 for i in first]
    if first:
        then = data.draw(st.lists(st.integers(0, len(first) - 1), max_size=4))
        assert str(take(chosen, then)) == str(take(state, [first[i] for i in then]))
        assert str(take(state, xp.asarray(first))) == str(chosen)
    both = join([state, chosen])
    assert str(take(both, [3 + i for i in range(len(first))])) == str(chosen)
    assert str(take(both, range(3))) == str(state)


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_grammar_masks_rows_by_their_own_constraint(library):
    xp = LIBRARIES[library]
    processor = GrammarProcessor([SMALL, OTHER])
    now = context([[1], [1], [1], [1]], 1, xp)
    state = processor.init(now)
    logits = xp.ones((4, 6))
    _, out = processor.process(state, logits, now)
    allowed = [np.flatnonzero(np.isfinite(np.asarray(row))).tolist() for row in out]
    assert allowed == [[1, 2, 3], [1, 2, 3], [2], [2]]
    assert np.asarray(logits).tolist() == [[1.0] * 6] * 4
    later = context([[1, 1], [1, 2], [1, 2], [1, 1]], 1, xp)
    after, out = processor.process(state, logits, later)
    allowed = [np.flatnonzero(np.isfinite(np.asarray(row))).tolist() for row in out]
    assert allowed == [[0, 1, 2, 3], [2], [0, 2], []]
    assert [place.state is None for place in after.places] == [False, False, False, True]
    assert state.length == 1


def test_several_tokens_on_and_any_order_of_rows():
    chain = Chain([GrammarProcessor(SMALL)])
    now = context([[], []])
    start = chain.init(now)
    far = context([[1, 1, 2, 0], [2, 2, 0, 4]])
    once, direct = chain.process(start, np.zeros((2, 5)), far)
    state = start
    for length in (1, 2, 3, 4):
        part = Context(far.token_ids[:, :length], 0)
        state, stepwise = chain.process(state, np.zeros((2, 5)), part)
    assert state == once
    assert np.array_equal(direct, stepwise)
    swapped = chain.take(once, [1, 0])
    assert swapped[0].places == once[0].places[::-1]
    with pytest.raises(SpecError, match="has read 4 columns"):
        chain.process(once, np.zeros((2, 5)), now)


def test_rows_that_have_ended_weigh_nothing_and_dead_ones_everything():
    chain = Chain([GrammarProcessor(SMALL)])
    now = context([[1, 0], [2, 1]])
    logits = np.arange(10.0).reshape(2, 5)
    step = chain.step(chain.init(now), logits, now)
    assert step.logits[0].tolist() == logits[0].tolist()
    assert step.log_mass.tolist() == [0.0, -math.inf]
    assert step.log_weight(np.array([4, 4])).tolist() == [0.0, -math.inf]


def test_logits_narrower_than_the_vocabulary():
    chain, now = Chain([GrammarProcessor(SMALL)]), context([[]])
    with pytest.raises(VocabularyMismatch, match=r"4 logits.*5 ids"):
        chain.process(chain.init(now), np.zeros((1, 4)), now)
    with pytest.raises(SpecError, match="one per prompt, got 3"):
        GrammarProcessor([SMALL, OTHER]).init(context([[], [], []]))
    wide = constrain.compile(constrain.regex("a"), constrain.Vocabulary([None, b"a"], [0]))
    with pytest.raises(VocabularyMismatch, match=r"\[2, 5\]"):
        GrammarProcessor([SMALL, wide])
    with pytest.raises(SpecError, match="got none"):
        GrammarProcessor([])


# Weights, by enumeration of every text of a small language.


def model_logits(prefix) -> np.ndarray:
    return np.random.default_rng([1, *prefix]).normal(size=(1, 5)) * 2


def texts(chain, longest=6):
    """(tokens, log p, log q, log weight) of every text that a chain may draw."""
    open_ = [((), chain.init(context([[]])), 0.0, 0.0, 0.0)]
    while open_:
        tokens, state, p, q, weight = open_.pop()
        if tokens[-1:] == (EOS,):
            yield tokens, p, q, weight
            continue
        assert len(tokens) < longest
        now = context([list(tokens)])
        logits = model_logits(tokens)
        step = chain.step(state, logits, now)
        for token in np.flatnonzero(np.isfinite(step.logits[0])).tolist():
            one = np.array([token])
            open_.append(
                (
                    (*tokens, token),
                    step.state,
                    p + log_prob(logits, one)[0],
                    q + log_prob(step.logits, one)[0],
                    weight + step.log_weight(one)[0],
                )
            )


CHAINS = {
    "constraint": [],
    "hotter proposal": [Stateless(lambda logits, context: logits / 3, "proposal")],
    "uniform proposal": [
        Stateless(lambda x, context: np.where(np.isfinite(x), 0.0, x), "proposal"),
    ],
}


@pytest.mark.parametrize("name", CHAINS)
def test_what_is_drawn_times_its_weight_is_the_models_probability(name):
    found = list(texts(Chain([*CHAINS[name], GrammarProcessor(SMALL)])))
    assert len(found) == 6  # a, a+b, ab, a+a+b, a+ab, b+b
    for _, p, q, weight in found:
        assert q + weight == pytest.approx(p, abs=1e-9)
    assert sum(math.exp(q) for _, _, q, _ in found) == pytest.approx(1)


def test_a_target_redefines_the_model():
    colder = Stateless(lambda logits, context: logits / 0.5)
    for tokens, _, q, weight in texts(Chain([GrammarProcessor(SMALL), colder])):
        steps = [
            log_prob(model_logits(tokens[:i]) * 2, np.array([t])) for i, t in enumerate(tokens)
        ]
        assert q + weight == pytest.approx(float(sum(steps)[0]), abs=1e-9)


def test_roles_set_the_order():
    def note(name, role, truncates=False):
        return Stateless(lambda logits, context: (ran.append(name), logits)[1], role, truncates)

    ran: list[str] = []
    chain = Chain([note("top-k", "proposal", True), note("g", "constraint"), note("t", "target")])
    now = context([[]])
    chain.process(chain.init(now), np.zeros((1, 5)), now)
    assert ran == ["t", "g", "top-k"]
    early = [note("top-k", "target", True), GrammarProcessor(SMALL)]
    with pytest.raises(SpecError, match="truncate_first"):
        Chain(early)
    assert len(Chain(early, truncate_first=True).processors) == 2
    with pytest.raises(SpecError, match="expected a processor"):
        Chain([3])


class CountsB:
    """Potential exp(number of b tokens), 0 for a text with three."""

    role = "critic"

    def init(self, context):
        return 0

    def score(self, state, context):
        count = (np.asarray(context.generated) == 2).sum(axis=1).astype(float)
        return state + 1, np.where(count >= 3, -np.inf, count)


def test_critics_weigh_differences():
    chain = Chain([CountsB(), GrammarProcessor(OTHER)])
    ids, gains = np.zeros((2, 0), int), []
    state = chain.init(Context(ids, 0))
    for new in ([2, 1], [2, 2], [1, 2], [2, 2], [1, 1]):
        ids = np.concatenate([ids, np.array(new)[:, None]], axis=1)
        state, gain = chain.judge(state, Context(ids, 0))
        gains.append(gain.tolist())
    assert gains == [[1, 0], [1, 1], [0, 1], [-math.inf, -math.inf], [-math.inf, -math.inf]]


# Log-space sums.

rows_of_logits = st.lists(
    st.lists(st.one_of(st.floats(-50, 50), st.just(-math.inf)), min_size=3, max_size=3),
    min_size=1,
    max_size=3,
)


@settings(max_examples=50)
@given(rows_of_logits, rows_of_logits)
@pytest.mark.parametrize("library", LIBRARIES)
def test_log_masses(library, before, banned):
    xp = LIBRARIES[library]
    banned = (banned * 3)[: len(before)]
    after = [
        [x if math.isfinite(b) else -math.inf for x, b in zip(xs, bs, strict=True)]
        for xs, bs in zip(before, banned, strict=True)
    ]
    arrays = [xp.asarray(rows, dtype=xp.float64) for rows in (before, after)]
    ours = log_mass(*arrays).tolist()
    for x, y, mass in zip(before, after, ours, strict=True):
        left = math.fsum(map(math.exp, y))
        if left:
            assert mass == pytest.approx(math.log(left / math.fsum(map(math.exp, x))), abs=1e-12)
        else:
            assert mass == -math.inf
    assert log_sum(xp.asarray([[-math.inf]])).tolist() == [-math.inf]
