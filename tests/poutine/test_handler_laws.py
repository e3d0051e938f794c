"""Laws of handlers, on random programs whose joint is written down."""

from __future__ import annotations

import math

import numpy as np
import pytest
from effect_programs import Program, log_sum, programs, traced, values
from hypothesis import given, settings, strategies as st

from constrain import poutine
from constrain.lm.distributions import LogCategorical

many = settings(max_examples=60, deadline=None)
seeds = st.integers(0, 1 << 32)


def near(value: float):
    return pytest.approx(value, abs=1e-9)


@many
@given(programs(), seeds)
def test_trace_scores_the_joint(program: Program, seed: int):
    trace = traced(program, seed=seed)
    assert trace.log_prob_sum() == near(program.joint()[tuple(values(trace).items())])
    assert trace.nodes["_RETURN"].value == tuple(values(trace).values())


@many
@given(programs(), seeds)
def test_replay_reproduces_values_and_score(program: Program, seed: int):
    trace = traced(program, seed=seed)
    again = poutine.trace(poutine.replay(program, trace)).get_trace()
    assert values(again) == values(trace)
    assert again.log_prob_sum() == near(trace.log_prob_sum())
    assert again.log_weight() == near(trace.log_prob_sum())  # nothing was drawn


@many
@given(programs(), seeds)
def test_a_run_from_the_prior_weighs_what_was_observed(program: Program, seed: int):
    trace = traced(program, seed=seed)
    latent = trace.log_prob_sum(lambda name, site: name in program.latent)
    assert trace.log_weight() == near(trace.log_prob_sum() - latent)


@many
@given(programs(), seeds, st.data())
def test_condition_restricts_the_joint(program: Program, seed: int, data: st.DataObject):
    fixed = {name: 1 for name in program.latent if data.draw(st.booleans())}
    trace = traced(poutine.condition(program, fixed), seed=seed)
    assert trace.log_prob_sum() == near(program.joint()[tuple(values(trace).items())])
    assert fixed.items() <= values(trace).items()
    assert set(trace.stochastic_nodes) == set(program.latent) - fixed.keys()
    runs = poutine.enumerate_traces(poutine.condition(program, fixed))
    expected = [s for run, s in program.joint().items() if fixed.items() <= dict(run).items()]
    assert log_sum(t.log_prob_sum() for t in runs) == near(log_sum(expected))


@many
@given(programs(), seeds)
def test_do_leaves_the_scores_of_other_sites_alone(program: Program, seed: int):
    if not program.latent:
        return
    target = program.latent[0]
    trace = traced(poutine.do(program, {target: 1}), seed=seed)
    inside = {**values(trace), target: 1}
    [expected] = [s for run, s in program.runs() if {**run, target: 1} == inside == run]
    for name, score in expected.items():
        if name != target:
            assert trace.nodes[name].score == near(score)
    assert not trace.nodes[target].is_observed
    assert trace.nodes[target].log_weight == 0.0


@many
@given(programs(), seeds, st.floats(0.1, 4), st.floats(0.1, 4))
def test_scales_multiply(program: Program, seed: int, a: float, b: float):
    plain = traced(program, seed=seed)
    scaled = traced(poutine.scale(poutine.scale(program, a), b), seed=seed)
    assert values(scaled) == values(plain)
    assert scaled.log_prob_sum() == near(a * b * plain.log_prob_sum())
    for name in program.latent:
        gain = scaled.nodes[name].log_weight
        assert gain == near((a * b - 1) * plain.nodes[name].log_prob)


@many
@given(programs(), seeds)
def test_masked_sites_do_not_count(program: Program, seed: int):
    masked = traced(poutine.mask(program, False), seed=seed)
    assert (masked.log_prob_sum(), masked.log_weight()) == (0.0, 0.0)
    assert values(masked) == values(traced(program, seed=seed))
    unmasked = traced(poutine.mask(program, True), seed=seed)
    assert unmasked.log_prob_sum() == traced(program, seed=seed).log_prob_sum()


@many
@given(programs(), seeds)
def test_block_hides(program: Program, seed: int):
    hidden = program.latent[:1]
    trace = traced(poutine.block(program, hide=hidden), seed=seed)
    sites = [f"s{i}" for i in range(len(program.sites))]
    assert [n for n in trace if n in sites] == [n for n in sites if n not in hidden]
    assert list(traced(poutine.block(program))) == ["_INPUT", "_RETURN"]


@many
@given(programs(), seeds)
def test_uncondition_draws_all(program: Program, seed: int):
    trace = traced(poutine.uncondition(program), seed=seed)
    assert trace.observation_nodes == []
    assert {n for n in trace if trace.nodes[n].infer.get("was_observed")} == {
        f"s{i}" for i, site in enumerate(program.sites) if site.kind == "observe"
    }
    assert trace.log_weight() == near(
        sum(trace.nodes[n].score for n in trace if trace.nodes[n].type == "factor")
    )


@many
@given(programs(), seeds)
def test_a_weight_is_model_minus_guide_plus_factors(program: Program, seed: int):
    """With proposals at every latent site, uniform ones."""
    uniform = {"proposal": LogCategorical([0.0, 0.0])}
    proposed = poutine.infer_config(
        program, config_fn=lambda site: {} if site.is_observed else uniform
    )
    trace = traced(proposed, seed=seed)
    model, guide = poutine.split_trace(trace)
    no_factors = model.log_prob_sum(lambda name, site: site.type != "factor")
    factors = model.log_prob_sum(lambda name, site: site.type == "factor")
    assert abs(trace.log_weight() - (no_factors - guide.log_prob_sum() + factors)) < 1e-9
    assert guide.log_prob_sum() == near(-math.log(2) * len(program.latent))
    assert no_factors + factors == near(program.joint()[tuple(values(trace).items())])


@many
@given(programs())
def test_enumeration_gives_every_run_once(program: Program):
    found = {
        tuple(values(trace).items()): trace.log_prob_sum()
        for trace in poutine.enumerate_traces(program)
    }
    assert found.keys() == program.joint().keys()
    assert all(found[run] == near(score) for run, score in program.joint().items())


@many
@given(programs())
def test_best_first_search_gives_runs_in_order(program: Program):
    if any(site.kind == "factor" for site in program.sites):
        return  # factors may add to a score, and then the order is not that of the search
    queue = poutine.BestFirst()
    scores = [t.log_prob_sum() for t in poutine.enumerate_traces(program, queue=queue)]
    assert scores == pytest.approx(sorted(program.joint().values(), reverse=True))


@many
@given(programs(), seeds)
def test_nothing_is_left_behind(program: Program, seed: int):
    poutine.trace(poutine.condition(poutine.seed(program, seed), {"s0": 1})).get_trace()
    assert not poutine.am_i_wrapped()
    assert values(traced(program, seed=seed)) == values(traced(program, seed=seed))


@many
@given(programs(), seeds)
def test_a_trace_copies_and_sorts(program: Program, seed: int):
    trace = poutine.trace(poutine.seed(program, seed), graph_type="dense").get_trace()
    order = trace.topological_sort()
    places = {name: i for i, name in enumerate(order)}
    assert all(places[a] < places[b] for a, b in trace.edges)
    assert trace.topological_sort(reverse=True) == order[::-1]
    n = len(program.sites)
    assert len(trace.edges) == n * (n - 1) // 2
    copy = trace.copy()
    copy.remove_node("s0")
    assert "s0" in trace
    assert len(copy.edges) == (n - 1) * (n - 2) // 2
    assert np.isclose(trace.log_prob_sum(), trace.copy().log_prob_sum())
