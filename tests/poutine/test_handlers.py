"""Each handler on a program over text, or a small one, with the exact answer."""

from __future__ import annotations

import asyncio
import math
import threading

import numpy as np
import pytest
from effect_programs import EOS, LM, OTHER_LM, VOCABULARY, log_sum, text, text_async, texts, traced

from constrain import poutine
from constrain.errors import Unsupported
from constrain.lm.batched import CategoricalRows
from constrain.lm.distributions import Bernoulli, Choice, LogCategorical


def near(value: float):
    return pytest.approx(value, abs=1e-9)


def probability(runs, holds=lambda trace: True) -> float:
    """Of an event among the runs of a program that may have observations."""
    scored = [(math.exp(t.log_prob_sum()), holds(t)) for t in runs]
    return sum(p for p, yes in scored if yes) / sum(p for p, _ in scored)


def returned(trace: poutine.Trace) -> tuple[int, ...]:
    return trace.nodes["_RETURN"].value


# --- trace, replay


def test_trace_of_a_text():
    trace = traced(text, seed=3)
    assert trace.log_prob_sum() == near(texts()[returned(trace)])
    names = [f"t{i}" for i in range(len(returned(trace)))]
    assert trace.stochastic_nodes == names
    assert trace.nodes["_INPUT"].args == ()


def test_a_coroutine_is_traced_as_a_function_is():
    for seed in range(5):
        plain, waiting = traced(text, seed=seed), traced(text_async, seed=seed)
        assert returned(plain) == returned(waiting)
        assert plain.log_prob_sum() == waiting.log_prob_sum()


def test_handlers_around_a_traced_coroutine():
    inner = poutine.trace(text_async)
    outer = poutine.trace(poutine.condition(inner, {"t0": EOS})).get_trace()
    assert returned(outer) == (EOS,)
    assert inner.trace.nodes["t0"].is_observed


def test_replay_rescores_under_another_model():
    trace = traced(text, seed=3)
    other = poutine.trace(poutine.replay(text, trace)).get_trace(OTHER_LM)
    assert returned(other) == returned(trace)
    assert other.log_prob_sum() == near(texts(OTHER_LM)[returned(trace)])


def test_replay_refuses_what_the_trace_observed():
    trace = poutine.trace(poutine.condition(text, {"t0": 1})).get_trace()
    with pytest.raises(
        ValueError, match="'t0' is a random choice here, but in the trace it is obs"
    ):
        poutine.replay(text, trace)()


def test_replay_of_parameters():
    def program():
        return poutine.param("a", 1)

    assert poutine.replay(program, params={"a": 5})() == 5


# --- condition, uncondition, do


def test_condition_is_infilling():
    """The text's third token is given; the posterior of the first is Bayes' rule."""
    runs = list(poutine.enumerate_traces(poutine.condition(text, {"t2": 0})))
    joint = {tokens: math.exp(s) for tokens, s in texts().items() if tokens[2:] in ((), (0,))}
    assert {returned(t) for t in runs} == joint.keys()
    expected = sum(p for tokens, p in joint.items() if tokens[0] == 1) / sum(joint.values())
    assert probability(runs, lambda t: returned(t)[0] == 1) == near(expected)


def test_condition_on_a_trace():
    trace = traced(text, seed=3)
    again = poutine.trace(poutine.condition(text, trace)).get_trace()
    assert again.stochastic_nodes == []
    assert again.log_prob_sum() == near(trace.log_prob_sum())


def test_condition_leaves_none_alone():
    trace = traced(poutine.condition(text, {"t0": None}), seed=3)
    assert not trace.nodes["t0"].is_observed


def test_the_outer_of_two_conditions_is_heard():
    both = poutine.condition(poutine.condition(text, {"t0": 1}), {"t0": EOS})
    assert both() == (EOS,)


def test_uncondition_gives_the_prior_predictive():
    observed = poutine.condition(text, {"t0": 2})
    runs = poutine.enumerate_traces(poutine.uncondition(observed))
    scores = {returned(t): t.log_prob_sum() for t in runs}
    assert scores.keys() == texts().keys()
    assert log_sum(scores.values()) == near(0.0)
    site = traced(poutine.uncondition(observed), seed=3).nodes["t0"]
    assert site.infer["was_observed"]
    assert site.infer["obs"] == 2


def test_do_feeds_tokens_without_score():
    fed = poutine.do(text, {"t0": 2})
    trace = traced(fed, seed=3)
    tokens = returned(trace)
    assert tokens[0] == 2
    rest = trace.log_prob_sum(lambda name, site: name != "t0")
    row = LM.log_probs(np.array([LM.init()]))[0]
    assert rest == near(texts()[tokens] - row[2])


def test_do_and_condition_ask_what_would_have_been():
    """P(t1 | do t0 = 2, having seen t0 = 1): only the second row of the model matters."""
    made = poutine.condition(poutine.do(text, {"t0": 2}), {"t0": 1})
    runs = list(poutine.enumerate_traces(made, max_tokens=2))
    [state] = LM.advance(np.array([LM.init()]), np.array([2]))
    row = np.exp(LM.log_probs(np.array([state]))[0])
    for token in range(4):
        share = probability(runs, lambda t, token=token: returned(t)[1] == token)
        assert share == near(float(row[token]))


def test_do_by_function_and_by_distribution():
    other = poutine.do(text, {"t0": lambda token: (token + 1) % 3})
    for seed in range(5):
        trace = traced(other, seed=seed, max_tokens=1)
        assert returned(trace) == ((trace.nodes["t0"].value + 1) % 3,)
    drawn = poutine.do(text, {"t0": Choice([1, 2])})
    found = {traced(drawn, seed=seed, max_tokens=1).nodes["_RETURN"].value for seed in range(40)}
    assert found == {(1,), (2,)}


def test_inside_of_do_the_new_value_has_a_name_and_no_score():
    inside = poutine.trace(text)
    poutine.do(inside, {"t0": EOS})()
    site = inside.trace.nodes["t0__CF"]
    assert (site.value, site.is_observed, site.score) == (EOS, True, 0.0)


def test_two_interventions_on_one_site_are_refused():
    with pytest.raises(ValueError, match="two interventions on 't0'"):
        poutine.do(poutine.do(text, {"t0": 1}), {"t0": 2})()


# --- block, mask, scale, seed


def test_block_by_names_types_and_functions():
    def names(**how):
        two = poutine.condition(text, {"t0": 1})  # inside, so that there is a second token
        trace = poutine.trace(poutine.block(two, **how)).get_trace(max_tokens=2)
        return [n for n in trace if n[0] == "t"]

    assert names(hide=["t0"]) == ["t1"]
    assert names(expose=["t0"]) == ["t0"]
    assert names(hide_types=["sample"]) == []
    assert names(expose_types=["sample"]) == ["t0", "t1"]
    assert names(hide_fn=lambda site: site.name == "t1") == ["t0"]
    assert names(expose_fn=lambda site: site.name == "t1") == ["t1"]
    assert names(hide=["t0"], expose_types=["sample"]) == ["t1"]
    with pytest.raises(ValueError, match="not both"):
        poutine.block(hide_fn=bool, expose_fn=bool)


def test_mask_leaves_a_prompt_out_of_the_weight():
    def program():
        with poutine.mask(False):
            poutine.sample("prompt", LogCategorical([0.0, 1.0]), obs=1)
            assert poutine.get_mask() is False
        return text()

    assert poutine.get_mask() is True
    trace = traced(program, seed=3)
    assert trace.log_prob_sum() == near(texts()[returned(trace)])


def test_mask_by_place():
    rows = CategoricalRows(np.log([[0.5, 0.5], [0.25, 0.75]]))
    with poutine.trace() as record, poutine.plate("rows", 2), poutine.mask([False, True]):
        poutine.sample("x", rows, obs=np.array([0, 0]))
    assert record.trace.log_prob_sum() == near(math.log(0.25))


def test_scale_tempers_the_target():
    runs = list(poutine.enumerate_traces(poutine.scale(text, 3.0)))
    tempered = {tokens: math.exp(3 * s) for tokens, s in texts().items()}
    best = max(tempered, key=tempered.__getitem__)
    expected = tempered[best] / sum(tempered.values())
    assert probability(runs, lambda t: returned(t) == best) == near(expected)
    with pytest.raises(ValueError, match="positive"):
        poutine.scale(0.0)


def test_draws_under_a_scale_are_weighted_to_the_tempered_target():
    """E[weight] over the prior is the tempered normaliser."""
    total = 0.0
    for run in poutine.enumerate_traces(text):
        drawn = poutine.trace(poutine.scale(poutine.replay(text, run), 2.0)).get_trace()
        prior = run.log_prob_sum()
        total += math.exp(prior) * math.exp(drawn.log_prob_sum() - prior)
    assert total == near(sum(math.exp(2 * s) for s in texts().values()))


def test_seed_draws_from_the_model():
    counts = dict.fromkeys(range(4), 0)
    for seed in range(2000):
        counts[traced(text, seed=seed, max_tokens=1).nodes["t0"].value] += 1
    row = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    for token in range(4):
        error = math.sqrt(row[token] * (1 - row[token]) / 2000)
        assert abs(counts[token] / 2000 - row[token]) < 4 * error


def test_the_inner_seed_counts_and_particles_differ():
    assert poutine.seed(poutine.seed(text, 1), 2)() == poutine.seed(text, 1)()
    assert len({poutine.seed(text, 1, particle=i)() for i in range(20)}) > 1


# --- parameters, annotations


def tempered_coin() -> bool:
    p = poutine.param("p", 0.5)
    return poutine.sample("x", Bernoulli(p), obs=True)


def test_substitute():
    trace = poutine.trace(poutine.substitute(tempered_coin, {"p": 0.25})).get_trace()
    assert trace.log_prob_sum() == near(math.log(0.25))
    assert trace.param_nodes == ["p"]


def test_lift_sums_over_a_prior():
    lifted = poutine.lift(tempered_coin, prior={"p": Choice([0.25, 0.75], np.log([0.5, 0.5]))})
    runs = list(poutine.enumerate_traces(lifted))
    assert log_sum(t.log_prob_sum() for t in runs) == near(math.log(0.5))
    assert probability(runs, lambda t: t.nodes["p"].value == 0.75) == near(0.75)
    by_name = poutine.lift(tempered_coin, prior=lambda name: Choice([1.0]))
    assert poutine.trace(by_name).get_trace().nodes["p"].value == 1.0
    assert poutine.trace(poutine.lift(tempered_coin, prior=Choice([1.0]))).get_trace().nodes["p"]


def test_substitute_outside_of_lift_comes_too_late():
    lifted = poutine.lift(tempered_coin, prior=Choice([1.0]))
    trace = poutine.trace(poutine.substitute(lifted, {"p": 0.25})).get_trace()
    assert trace.nodes["p"].value == 1.0


def test_infer_config_attaches_a_proposal():
    """Averaged over what the proposal draws, weights sum to one."""
    proposal = LogCategorical(np.log([0.4, 0.3, 0.2, 0.1]))
    total = 0.0
    for token in range(4):
        proposed = poutine.infer_config(
            text, config_fn=lambda site, t=token: {"proposal": _Fixed(proposal, t)}
        )
        trace = poutine.trace(proposed).get_trace(max_tokens=1)
        total += math.exp(proposal.log_prob(token) + trace.log_weight())
    assert total == near(1.0)


class _Fixed(LogCategorical):
    """A distribution that is known to give one value this time."""

    def __init__(self, whole: LogCategorical, value: int):
        super().__init__(whole.log_probs)
        self.value = value

    def sample(self, key):
        return self.value, self.log_prob(self.value)


def test_config_enumerate_marks_latent_sites_once():
    marked = poutine.config_enumerate(poutine.condition(text, {"t0": 1}), default="sequential")
    trace = traced(marked, seed=3, max_tokens=2)
    assert "enumerate" not in trace.nodes["t0"].infer
    assert trace.nodes["t1"].infer["enumerate"] == "sequential"
    again = traced(poutine.config_enumerate(marked, default="parallel"), seed=3, max_tokens=2)
    assert again.nodes["t1"].infer["enumerate"] == "sequential"


# --- reparam, equalize, guides


@pytest.mark.parametrize(
    "how",
    [poutine.StagedReparam([1, 3]), poutine.BytesReparam([b"ab", b"a", b"b", None, b"a"])],
    ids=["staged", "bytes"],
)
def test_a_token_in_parts_has_the_token_s_probability(how):
    row = LogCategorical(np.log([0.1, 0.2, 0.3, 0.15, 0.25]))

    def program():
        return poutine.sample("t", row)

    staged = poutine.reparam(program, config={"t": how})
    found = {}
    for trace in poutine.enumerate_traces(staged):
        found[returned(trace)] = found.get(returned(trace), 0) + math.exp(trace.log_prob_sum())
    assert found == pytest.approx(dict(enumerate(np.exp(row.log_probs))))
    for token in range(5):
        observed = poutine.reparam(poutine.condition(program, {"t": token}), config={"t": how})
        assert poutine.trace(observed).get_trace().log_prob_sum() == near(row.log_prob(token))
    with pytest.raises(ValueError, match="is made of others"):
        poutine.condition(staged, {"t": 1})()


def test_gumbel_noise_is_shared_between_models():
    def token(logits):
        return poutine.sample("t", LogCategorical(logits))

    noisy = poutine.reparam(token, config=lambda site: poutine.GumbelReparam())
    row = np.log([0.2, 0.3, 0.5])
    counts = np.zeros(3)
    for seed in range(2000):
        trace = traced(noisy, row, seed=seed)
        counts[returned(trace)] += 1
        again = poutine.trace(poutine.replay(noisy, trace)).get_trace(row + np.array([9.0, 0, 0]))
        noise = trace.nodes["t_noise"].value
        assert returned(again) == np.argmax(row + noise + [9.0, 0, 0])
    assert np.abs(counts / 2000 - np.exp(row)).max() < 4 * math.sqrt(0.25 / 2000)
    given = poutine.reparam(
        poutine.condition(token, {"t": 1}), config={"t": poutine.GumbelReparam()}
    )
    with pytest.raises(Unsupported, match="Gumbel noise behind"):
        given(row)


def test_equalize_is_a_product_of_experts():
    def two_prompts():
        a = poutine.sample("x_a", LogCategorical(np.log([0.5, 0.3, 0.2])))
        b = poutine.sample("x_b", LogCategorical(np.log([0.1, 0.6, 0.3])))
        return a, b

    runs = list(poutine.enumerate_traces(poutine.equalize(two_prompts, "x_.", keep_dist=True)))
    assert {returned(t) for t in runs} == {(i, i) for i in range(3)}
    assert probability(runs, lambda t: returned(t)[0] == 1) == near(0.18 / (0.05 + 0.18 + 0.06))
    plain = list(poutine.enumerate_traces(poutine.equalize(two_prompts, ["x_a", "x_b"])))
    assert probability(plain, lambda t: returned(t) == (0, 0)) == near(0.5)


def test_equalize_parameters():
    def program():
        return [poutine.param(f"p{i}", i) for i in range(3)]

    assert poutine.equalize(program, "p.", type="param")() == [0, 0, 0]
    with pytest.raises(ValueError, match='"sample" or "param"'):
        poutine.equalize("p.", type="plate")


class Copying(poutine.GuideMessenger):
    """Proposes the token before, with probability 0.7."""

    def get_posterior(self, name, prior):
        before = self.upstream_value(f"t{int(name[1:]) - 1}")
        weights = np.full(4, 0.1)
        weights[0 if before is None else before] = 0.7
        return LogCategorical(np.log(weights))


def test_a_guide_is_weighed_by_its_two_traces():
    guide = Copying(text)
    with poutine.seed(3), poutine.trace() as record:
        sites = guide(max_tokens=3)
    model, proposal = guide.get_traces()
    tokens = tuple(sites.values())
    assert model.log_prob_sum() == near(texts()[tokens])
    before, expected = 0, 0.0
    for token in tokens:
        expected += math.log(0.7 if token == before else 0.1)
        before = token
    assert proposal.log_prob_sum() == near(expected)
    weight = model.log_prob_sum() - proposal.log_prob_sum()
    assert abs(weight - record.trace.log_weight()) < 1e-9
    assert guide.args_kwargs == ((), {"max_tokens": 3})


def test_a_guide_may_draw_for_itself_and_set_values():
    class Lucky(poutine.GuideMessenger):
        def get_posterior(self, name, prior):
            return poutine.sample(f"{name}_aux", Choice([1, 2]), infer={"is_auxiliary": True})

    guide = Lucky(text)
    sites = guide(max_tokens=1)
    assert sites == {"t0": guide.upstream_value("t0_aux")}
    model, proposal = guide.get_traces()
    assert "t0_aux" not in model
    assert "t0_aux" not in proposal


# --- isolation


def test_threads_and_tasks_see_their_own_stacks():
    def worker(i, out):
        with poutine.condition({"t0": i}):
            for _ in range(20):
                out[i].add(text(max_tokens=1))

    out = [set() for _ in range(4)]
    threads = [threading.Thread(target=worker, args=(i, out)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert out == [{(i,)} for i in range(4)]

    async def task(i):
        with poutine.condition({"t0": i}), poutine.trace() as record:
            await asyncio.sleep(0)
            value = await poutine.sample("t0", LogCategorical(np.zeros(4)))
            await asyncio.sleep(0)
            return value, list(record.trace.nodes)

    async def main():
        return await asyncio.gather(*map(task, range(4)))

    assert asyncio.run(main()) == [(i, ["t0"]) for i in range(4)]
    assert not poutine.am_i_wrapped()


def test_one_traced_program_in_many_threads():
    program = poutine.trace(poutine.seed(text, 3))
    expected = program.get_trace()
    found = []
    threads = [threading.Thread(target=lambda: found.append(program.get_trace())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [list(t) for t in found] == [list(expected)] * 4


def test_decorators_and_contexts_are_the_same():
    @poutine.condition(data={"t0": 1})
    def decorated():
        return text(max_tokens=1)

    with poutine.condition({"t0": 1}):
        inside = text(max_tokens=1)
    assert decorated() == inside == poutine.condition(text, {"t0": 1})(max_tokens=1) == (1,)


def test_names_must_differ():
    def twice():
        poutine.sample("x", Bernoulli(0.5))
        poutine.sample("x", Bernoulli(0.5))

    with pytest.raises(ValueError, match="two sites are named 'x'"):
        poutine.trace(twice).get_trace()


def test_format_shapes():
    rows = CategoricalRows(np.zeros((3, 4)))
    with poutine.trace() as record, poutine.plate("rows", 3):
        poutine.sample("x", rows, obs=np.array([0, 1, 2]))
    lines = record.trace.format_shapes().splitlines()
    assert lines[0].split() == ["Trace", "Shapes:", "value", "log_prob"]
    assert lines[1].split() == ["observed", "x", "3", "3"]


def test_vocabulary_of_these_tests():
    assert len(VOCABULARY) == 4
