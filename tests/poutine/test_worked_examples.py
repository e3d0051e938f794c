"""The examples by which effect handlers are usually explained, told about tokens.

A model draws a token `z` at a temperature `s`; where continuous programs have a normal
distribution around x, these have a row of logits.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from effect_programs import traced

from constrain import poutine
from constrain.lm.batched import CategoricalRows
from constrain.lm.distributions import Bernoulli, Choice, LogCategorical

ROW = np.array([0.0, 0.5, 1.5, 0.2])


def model(row=ROW):
    s = poutine.param("s", 0.5)
    z = poutine.sample("z", LogCategorical(row / s))
    return z**2


def test_conditioning_in_three_forms():
    def plain():
        return poutine.trace(poutine.condition(model, data={"z": 1})).get_trace(ROW)

    @poutine.condition(data={"z": 1})
    def decorated(row):
        s = poutine.param("s", 0.5)
        z = poutine.sample("z", LogCategorical(row / s))
        return z**2

    with poutine.trace() as inside, poutine.condition(data={"z": 1}):
        s = poutine.param("s", 0.5)
        z = poutine.sample("z", LogCategorical(ROW / s))
        y = z**2
    expected = LogCategorical(ROW / 0.5).log_prob(1)
    records = [plain(), poutine.trace(decorated).get_trace(ROW), inside.trace]
    assert [t.log_prob_sum() for t in records] == pytest.approx([expected] * 3)
    assert (y, records[0].nodes["_RETURN"].value, records[1].nodes["_RETURN"].value) == (1, 1, 1)


def test_conditioning_is_obs_at_the_site():
    def observed(row):
        s = poutine.param("s", 0.5)
        return poutine.sample("z", LogCategorical(row / s), obs=1) ** 2

    by_hand = poutine.trace(observed).get_trace(ROW)
    by_handler = poutine.trace(poutine.condition(model, data={"z": 1})).get_trace(ROW)
    assert by_hand.log_prob_sum() == by_handler.log_prob_sum()
    assert by_hand.nodes["z"].is_observed
    assert by_handler.nodes["z"].is_observed


def test_an_evidence_bound_in_three_lines():
    """E over the guide of (model trace - guide trace) is below log Z, and above it for no guide."""

    def program():
        z = poutine.sample("z", LogCategorical(np.log([0.5, 0.5])))
        return poutine.sample("x", Bernoulli(0.9 if z else 0.2))

    def guide():
        return poutine.sample("z", LogCategorical(np.log([0.3, 0.7])))

    conditioned = poutine.condition(program, data={"x": True})
    bound, evidence = 0.0, 0.0
    for guide_tr in poutine.enumerate_traces(guide):
        model_tr = poutine.trace(poutine.replay(conditioned, trace=guide_tr)).get_trace()
        elbo = model_tr.log_prob_sum() - guide_tr.log_prob_sum()
        q = math.exp(guide_tr.log_prob_sum())
        bound += q * elbo
        evidence += q * math.exp(elbo)
    assert evidence == pytest.approx(0.55)
    exact = 0.3 * math.log(0.1 / 0.3) + 0.7 * math.log(0.45 / 0.7)
    assert bound == pytest.approx(exact)
    assert bound < math.log(0.55)


def test_block_hides_from_the_outer_trace_only():
    def fn():
        a = poutine.sample("a", LogCategorical(ROW))
        return poutine.sample("b", LogCategorical(ROW + a))

    fn_inner = poutine.trace(fn)
    fn_outer = poutine.trace(poutine.block(fn_inner, hide=["a"]))
    trace_outer, trace_inner = fn_outer.get_trace(), fn_inner.trace
    assert "a" in trace_inner
    assert "a" not in trace_outer
    assert "b" in trace_inner
    assert "b" in trace_outer


def test_broadcast_by_hand_and_by_handler():
    row = CategoricalRows(np.zeros((3, 2)))

    def by_hand():
        with poutine.plate("batch", 100, dim=-2), poutine.plate("components", 3, dim=-1):
            return poutine.sample("sample", row.expand((100, 3)))

    @poutine.broadcast()
    def by_handler():
        with poutine.plate("batch", 100, dim=-2), poutine.plate("components", 3, dim=-1):
            return poutine.sample("sample", CategoricalRows(np.zeros(2)))

    assert by_hand().shape == by_handler().shape == (100, 3)


def test_do_is_a_constant_and_a_fresh_site():
    intervened = poutine.do(model, data={"z": 3})
    trace = traced(intervened, ROW)
    assert trace.nodes["_RETURN"].value == 9
    assert trace.nodes["z"].value in range(4)
    fresh = [traced(intervened, ROW, seed=s).nodes["z"].value for s in range(40)]
    assert len(set(fresh)) > 1


def test_lift_makes_a_parameter_random():
    lifted = poutine.lift(model, prior={"s": Choice([0.25, 0.5, 1.0, 2.0])})
    trace = traced(lifted, ROW)
    assert trace.nodes["s"].type == "sample"
    assert len({traced(lifted, ROW, seed=s).nodes["s"].value for s in range(40)}) == 4


def test_replay_reuses_values():
    old_trace = poutine.trace(model).get_trace(ROW)
    replayed = poutine.replay(model, trace=old_trace)
    assert replayed(ROW[::-1]) == old_trace.nodes["_RETURN"].value


def test_scale_multiplies():
    def observed(row):
        s = poutine.param("s", 0.5)
        poutine.sample("z", LogCategorical(row / s), obs=1)

    scaled_tr = poutine.trace(poutine.scale(observed, scale=0.5)).get_trace(ROW)
    unscaled_tr = poutine.trace(observed).get_trace(ROW)
    assert scaled_tr.log_prob_sum() == 0.5 * unscaled_tr.log_prob_sum()


def test_substitute_sets_a_parameter():
    def coin():
        a = poutine.param("a", 0.5)
        return poutine.sample("x", Bernoulli(a))

    substituted = poutine.substitute(coin, data={"a": 0.3})
    assert poutine.trace(substituted).get_trace().nodes["a"].value == 0.3


def test_what_a_trace_holds():
    trace = poutine.trace(model).get_trace(ROW)
    assert list(trace.nodes) == ["_INPUT", "s", "z", "_RETURN"]
    assert [trace.nodes[name].value for name in trace.param_nodes] == [0.5]
    z = trace.nodes["z"]
    shown = (z.type, z.name, z.is_observed, z.infer, z.scale, z.cond_indep_stack, z.done, z.stop)
    assert shown == ("sample", "z", False, {}, 1.0, (), True, False)
    assert isinstance(z.fn, LogCategorical)
    assert z.log_prob == z.fn.log_prob(z.value)
    only_params = poutine.trace(model, param_only=True).get_trace(ROW)
    assert [name for name in only_params if name[0] != "_"] == ["s"]


def test_axes_of_plates_combine():
    x_axis = poutine.plate("outer", 4, dim=-1)
    y_axis = poutine.plate("inner", 3, dim=-2)
    rows = CategoricalRows(np.zeros(2))
    with poutine.trace() as record:
        with x_axis:
            poutine.sample("x_noise", rows.expand((4,)))
        with y_axis:
            poutine.sample("y_noise", rows.expand((3, 1)))
        with x_axis, y_axis:
            poutine.sample("xy_noise", rows.expand((3, 4)))
    plates = {
        name: [(frame.name, frame.dim) for frame in site.cond_indep_stack]
        for name, site in record.trace.nodes.items()
    }
    assert plates == {
        "x_noise": [("outer", -1)],
        "y_noise": [("inner", -2)],
        "xy_noise": [("outer", -1), ("inner", -2)],
    }


def test_block_plate_draws_a_global_value_in_a_plate():
    def one(data):
        with poutine.plate("data", len(data)):
            with poutine.block_plate("data"):
                p = poutine.sample("p", Choice([0.25, 0.75]))
            poutine.sample("x", CategoricalRows(np.log([[1 - p, p]] * len(data))), obs=data)

    def two(data):
        p = poutine.sample("p", Choice([0.25, 0.75]))
        with poutine.plate("data", len(data)):
            poutine.sample("x", CategoricalRows(np.log([[1 - p, p]] * len(data))), obs=data)

    data = np.array([0, 1, 1])
    runs = [
        {t.nodes["p"].value: t.log_prob_sum() for t in poutine.enumerate_traces(fn, data)}
        for fn in (one, two)
    ]
    assert runs[0] == runs[1]


def test_a_program_of_one_s_own_type_of_site():
    @poutine.effectful(type="look_up")
    def look_up(word):
        return len(word)

    class Translate(poutine.Messenger):
        pass

    @Translate.register(type="look_up")
    def other_answer(messenger, msg):
        return msg.replace(value=-1)

    assert look_up("word") == 4
    with Translate():
        assert look_up("word") == -1
    Translate.unregister("look_up")
    with Translate():
        assert look_up("word") == 4


def test_config_enumerate_as_function_and_decorator():
    def guide():
        return poutine.sample("x", Bernoulli(0.5), infer={})

    @poutine.config_enumerate(default="sequential")
    def guide2():
        return poutine.sample("x", Bernoulli(0.5))

    @poutine.config_enumerate()
    def guide3():
        return poutine.sample("x", Bernoulli(0.5), infer={"enumerate": "sequential"})

    marked = [poutine.config_enumerate(guide), guide2, guide3]
    how = [poutine.trace(g).get_trace().nodes["x"].infer["enumerate"] for g in marked]
    assert how == ["parallel", "sequential", "sequential"]


def test_markov_in_its_three_forms():
    def context():
        chain = poutine.markov()
        with chain:
            poutine.sample("x0", Bernoulli(0.5))
            with chain:
                poutine.sample("x1", Bernoulli(0.5))
                with chain:
                    poutine.sample("x2", Bernoulli(0.5))

    def loop():
        for t in poutine.markov(range(3)):
            poutine.sample(f"x{t}", Bernoulli(0.5))

    @poutine.markov()
    def recursive(t=0):
        poutine.sample(f"x{t}", Bernoulli(0.5))
        if t < 2:
            recursive(t + 1)

    @poutine.markov()
    async def waiting(t=0):
        await poutine.sample(f"x{t}", Bernoulli(0.5))
        if t < 2:
            await waiting(t + 1)

    for program in (context, loop, recursive, waiting, recursive):
        trace = poutine.trace(program, graph_type="dense").get_trace()
        assert trace.edges == [("x0", "x1"), ("x1", "x2")]


def test_get_mask_saves_work():
    def program():
        if poutine.get_mask() is not False:
            poutine.factor("expensive", -1.0)

    assert poutine.trace(program).get_trace().log_prob_sum() == -1.0
    assert list(poutine.trace(poutine.mask(program, False)).get_trace()) == ["_INPUT", "_RETURN"]


def test_the_readme_of_handlers_runs():
    text = (Path(poutine.__file__).parent / "README.md").read_text(encoding="utf-8")
    [code] = re.findall(r"```python\n(.*?)```", text, flags=re.DOTALL)
    names: dict = {}
    exec(code, names)
    total = sum(math.exp(run.log_prob_sum()) for run in names["runs"])
    assert total == pytest.approx(0.25 * 0.9 + 0.75 * 0.1)
    assert list(names["record"].trace) == ["rain", "wet"]
    listed = set(re.findall(r"`([A-Za-z_]+)`", text.split("## What is not here")[0]))
    assert {n for n in listed if n not in {"h", "p"}} <= set(poutine.__all__)
