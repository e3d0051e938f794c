"""Handlers over texts that grow in an `LMContext`: each site moves it on exactly once."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
from effect_programs import EOS, LM, VOCABULARY, log_sum, texts, traced

import constrain
from constrain import poutine
from constrain.distributions import LMContext, Token
from constrain.errors import Unsupported

LENGTH = 3


async def growing() -> LMContext:
    context = LMContext(LM)
    for i in range(LENGTH):
        token = await poutine.sample(f"t{i}", context.next_token())
        assert isinstance(token, Token)
        if token == EOS:
            break
    return context


async def staged() -> LMContext:
    """The first token in two steps: whether it is an `a`, then which."""
    context = LMContext(LM)
    is_a = await poutine.sample("is_a", context.mask_dist([0]))
    token = await poutine.sample("t0", context.next_token())
    assert (token == 0) == is_a
    return context


def near(value: float):
    return pytest.approx(value, abs=1e-9)


def written(trace: poutine.Trace) -> tuple[int, ...]:
    """Tokens of the context, which must be those of the sites."""
    tokens = tuple(trace.nodes["_RETURN"].value.tokens)
    assert tokens == tuple(s.value for n, s in trace.nodes.items() if re.fullmatch(r"t\d", n))
    return tokens


def test_trace_and_replay():
    for seed in range(5):
        trace = traced(growing, seed=seed)
        assert trace.log_prob_sum() == near(texts()[written(trace)])
        again = poutine.trace(poutine.replay(growing, trace)).get_trace()
        assert written(again) == written(trace)
        assert again.log_prob_sum() == near(trace.log_prob_sum())


def test_condition_and_scale():
    trace = traced(poutine.scale(poutine.condition(growing, {"t0": Token(LM, 1)}), 2.0), seed=1)
    assert written(trace)[0] == 1
    assert trace.log_prob_sum() == near(2 * texts()[written(trace)])


def test_enumeration_is_the_joint():
    found = {written(t): t.log_prob_sum() for t in poutine.enumerate_traces(growing)}
    assert found == pytest.approx(texts())


def test_stages_of_a_token_are_enumerated():
    row = LM.log_probs(np.array([LM.init()]))[0]
    found = {written(t)[0]: t.log_prob_sum() for t in poutine.enumerate_traces(staged)}
    assert found == pytest.approx(dict(enumerate(row)))


def test_do_feeds_one_token():
    trace = traced(poutine.do(growing, {"t0": Token(LM, 2)}), seed=4)
    tokens = tuple(trace.nodes["_RETURN"].value.tokens)
    assert tokens[0] == 2
    row = LM.log_probs(np.array([LM.init()]))[0]
    rest = trace.log_prob_sum(lambda name, site: name != "t0")
    assert rest == near(texts()[tokens] - row[2])


def test_a_grammar_proposes_tokens_that_know_their_text():
    ab = constrain.compile(constrain.regex("[ab]{1,2}"), VOCABULARY)
    inside = {
        tokens: score
        for tokens, score in texts().items()
        if tokens[-1] == EOS and EOS not in tokens[:-1] and 2 not in tokens and len(tokens) > 1
    }
    runs = poutine.enumerate_traces(poutine.constrain(growing, ab))
    assert {written(t): t.log_prob_sum() for t in runs} == pytest.approx(inside)
    for seed in range(5):
        trace = traced(poutine.constrain(growing, ab), seed=seed)
        assert written(trace) in inside
        masses = sum(trace.nodes[n].infer["log_mass"] for n in trace.stochastic_nodes)
        assert trace.log_weight() == near(masses)


def test_equalize_moves_both_contexts():
    async def two_prompts():
        one, other = LMContext(LM), LMContext(LM, [2])
        for i in range(2):
            await poutine.sample(f"a{i}", one.next_token())
            await poutine.sample(f"b{i}", other.next_token())
        return one.tokens, other.tokens

    program = poutine.equalize(two_prompts, "[ab]0", keep_dist=True)
    program = poutine.equalize(program, "[ab]1", keep_dist=True)
    one, other = traced(program, seed=2).nodes["_RETURN"].value
    assert other == [2, *one]
    scores = [t.log_prob_sum() for t in poutine.enumerate_traces(program)]
    first = LM.log_probs(np.array([LM.init()]))[0]
    [state] = LM.advance(np.array([LM.init()]), np.array([2]))
    second = LM.log_probs(np.array([state]))[0]
    after = LM.advance(np.full(4, LM.init()), np.arange(4))
    rows = LM.log_probs(after)
    expected = [first[i] + second[i] + 2 * rows[i, j] for i in range(4) for j in range(4)]
    assert log_sum(scores) == near(log_sum(expected))


def test_a_token_in_parts_is_written_once():
    async def one():
        context = LMContext(LM)
        token = await poutine.sample("t0", context.next_token())
        assert isinstance(token, Token)
        return context

    how = {"t0": poutine.BytesReparam(VOCABULARY.tokens)}
    runs = list(poutine.enumerate_traces(poutine.reparam(one, config=how)))
    row = LM.log_probs(np.array([LM.init()]))[0]
    assert {written(t)[0]: t.log_prob_sum() for t in runs} == pytest.approx(dict(enumerate(row)))


def test_collapse_over_a_context():
    async def short():
        context = LMContext(LM)
        for i in poutine.markov(range(2)):
            await poutine.sample(f"x{i}", context.next_token())
        await poutine.sample("end", context.next_token(), obs=Token(LM, 1))

    trace = poutine.trace(poutine.collapse(short)).get_trace()
    exact = [s for tokens, s in _all_of(3).items() if tokens[2] == 1]
    assert trace.log_prob_sum() == near(log_sum(exact))


def _all_of(n: int) -> dict[tuple[int, ...], float]:
    """Every sequence of n tokens; end tokens end nothing here."""
    found = {(): 0.0}
    for _ in range(n):
        found = {
            (*tokens, token): score + row
            for tokens, score in found.items()
            for token, row in enumerate(LM.log_probs(np.array([LM.init(tokens)]))[0])
        }
    return found


def test_parallel_enumeration_of_a_context_is_refused():
    with pytest.raises(Unsupported, match="moves a context on"):
        traced(poutine.enum(poutine.config_enumerate(growing)))


def test_a_false_answer_ends_where_it_must():
    assert math.isinf(LMContext(LM).split(np.zeros(4, bool))[1])
