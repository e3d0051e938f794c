"""A grammar is a handler: masked proposals at token sites, weighed exactly."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from effect_programs import EOS, LM, VOCABULARY, log_sum, text, text_async, texts, traced
from hypothesis import given, settings, strategies as st

import constrain
from constrain import poutine
from constrain.lm.distributions import LogCategorical

LENGTH = 4


def compiled(pattern: str):
    return constrain.compile(constrain.regex(pattern), VOCABULARY)


AB = compiled("[ab]{1,2}")
NOT_BB = compiled("a?b?")


def near(value: float):
    return pytest.approx(value, abs=1e-9)


def spelled(tokens) -> bytes:
    return b"".join(VOCABULARY.tokens[t] or b"" for t in tokens)


def inside(*constraints) -> dict[tuple[int, ...], float]:
    return {
        tokens: score
        for tokens, score in texts(max_tokens=LENGTH).items()
        if tokens[-1] == EOS and all(c.matches(spelled(tokens)) for c in constraints)
    }


@given(st.integers(0, 1 << 40))
@settings(max_examples=30, deadline=None)
def test_a_run_weighs_the_mass_that_the_grammar_left(seed: int):
    trace = traced(poutine.constrain(text, AB), seed=seed, max_tokens=LENGTH)
    tokens = trace.nodes["_RETURN"].value
    assert tokens in inside(AB)
    model, guide = poutine.split_trace(trace)
    assert abs(trace.log_weight() - (model.log_prob_sum() - guide.log_prob_sum())) < 1e-9
    masses = [trace.nodes[name].infer["log_mass"] for name in trace.stochastic_nodes]
    assert trace.log_weight() == near(sum(masses))
    assert model.log_prob_sum() == near(texts(max_tokens=LENGTH)[tokens])


def test_masses_are_those_of_the_model():
    row = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    site = traced(poutine.constrain(text, AB), seed=1).nodes["t0"]
    assert site.infer["log_mass"] == near(math.log(row[0] + row[1]))
    assert site.infer["allowed"].tolist() == [True, True, False, False]


@pytest.mark.parametrize("program", [text, text_async], ids=["function", "coroutine"])
def test_enumeration_under_a_grammar_is_the_restricted_joint(program):
    runs = poutine.enumerate_traces(poutine.constrain(program, AB), max_tokens=LENGTH)
    found = {t.nodes["_RETURN"].value: t.log_prob_sum() for t in runs}
    assert found == pytest.approx(inside(AB))


def test_weights_average_to_the_evidence():
    """E[weight] over the proposal, exactly: sum of q * weight over all runs."""
    total = 0.0
    for run in poutine.enumerate_traces(poutine.constrain(text, AB), max_tokens=LENGTH):
        log_q = sum(
            site.infer["proposal"].log_prob(site.value)
            for name, site in _with_proposals(run).nodes.items()
            if name.startswith("t")
        )
        total += math.exp(log_q) * math.exp(run.log_prob_sum() - log_q)
    assert total == near(math.exp(log_sum(inside(AB).values())))


def _with_proposals(run: poutine.Trace) -> poutine.Trace:
    """The sites of a run with what the grammar would have proposed there."""
    known, sites = poutine.Trace(), poutine.Trace()
    tokens = run.nodes["_RETURN"].value
    for i, token in enumerate(tokens):
        again = poutine.replay(poutine.constrain(text, AB), known)
        site = traced(again, max_tokens=LENGTH).nodes[f"t{i}"]
        sites.add_node(f"t{i}", site.replace(value=token))
        known.add_node(f"t{i}", site.replace(value=token, infer={}))
    return sites


def test_two_grammars_meet():
    nested = poutine.constrain(poutine.constrain(text, AB), NOT_BB)
    runs = poutine.enumerate_traces(nested, max_tokens=LENGTH)
    found = {t.nodes["_RETURN"].value: t.log_prob_sum() for t in runs}
    assert found == pytest.approx(inside(AB, NOT_BB))
    for seed in range(20):
        trace = traced(nested, seed=seed, max_tokens=LENGTH)
        other = poutine.constrain(poutine.constrain(text, NOT_BB), AB)
        swapped = traced(other, seed=seed, max_tokens=LENGTH)
        assert trace.nodes["_RETURN"].value == swapped.nodes["_RETURN"].value
        assert trace.log_weight() == near(swapped.log_weight())


def test_grammars_that_exclude_each_other_end_the_run():
    nested = poutine.constrain(poutine.constrain(text, AB), compiled("c"))
    with pytest.raises(poutine.DeadEnd) as dead:
        nested()
    assert dead.value.site.name == "t0"
    assert list(poutine.enumerate_traces(nested)) == []


def test_given_tokens_must_fit():
    both = poutine.constrain(poutine.condition(text, {"t0": 1}), AB)
    runs = poutine.enumerate_traces(both, max_tokens=LENGTH)
    expected = [s for tokens, s in inside(AB).items() if tokens[0] == 1]
    assert log_sum(t.log_prob_sum() for t in runs) == near(log_sum(expected))
    with pytest.raises(poutine.DeadEnd):
        poutine.constrain(poutine.condition(text, {"t0": 2}), AB)()
    with pytest.raises(poutine.DeadEnd):
        poutine.condition(poutine.constrain(text, AB), {"t0": EOS})()


def test_tokens_fed_by_do_move_the_grammar():
    fed = poutine.do(poutine.constrain(text, AB), {"t0": 0})
    trace = traced(fed, seed=3, max_tokens=LENGTH)
    tokens = trace.nodes["_RETURN"].value
    assert tokens[0] == 0
    assert AB.matches(spelled(tokens))
    with pytest.raises(poutine.DeadEnd):
        poutine.do(poutine.constrain(text, AB), {"t0": 2})()
    with pytest.raises(ValueError, match="put it outside"):
        poutine.constrain(poutine.do(text, {"t0": 0}), AB)()


def test_a_proposal_of_the_program_is_masked_too():
    uniform = {"proposal": LogCategorical(np.zeros(4))}
    proposed = poutine.infer_config(text, config_fn=lambda site: uniform)
    trace = traced(poutine.constrain(proposed, AB), seed=5, max_tokens=LENGTH)
    first = trace.nodes["t0"]
    assert first.log_q == near(math.log(0.5))
    assert first.log_weight == near(first.log_prob - math.log(0.5))
    assert AB.matches(spelled(trace.nodes["_RETURN"].value))


def test_only_token_sites_follow_the_grammar():
    def program():
        length = poutine.sample("length", LogCategorical(np.zeros(7)))
        return length, text(max_tokens=LENGTH)

    _, tokens = poutine.constrain(program, AB)()
    assert AB.matches(spelled(tokens))
    none = poutine.constrain(text, AB, sites=lambda site: False)
    assert {poutine.seed(none, s)() for s in range(9)} == {
        poutine.seed(text, s)() for s in range(9)
    }


def test_a_grammar_starts_anew_in_each_run():
    follow = poutine.constrain(AB)
    for _ in range(3):
        with follow:
            assert AB.matches(spelled(text(max_tokens=LENGTH)))


def test_bytes_and_grammars_do_not_mix():
    how = {"t0": poutine.BytesReparam(VOCABULARY.tokens)}
    with pytest.raises(constrain.Unsupported, match="made of other sites"):
        poutine.constrain(poutine.reparam(text, config=how), AB)()
    with pytest.raises(constrain.Unsupported, match="a proposal for site 't0'"):
        poutine.reparam(poutine.constrain(text, AB), config=how)()


def test_importing_handlers_loads_no_engine():
    code = "import sys; from constrain import poutine; print({'numba', 'torch'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
