"""Exact search: enumeration, best-first search and beams over re-run programs."""

from __future__ import annotations

import math
import queue as queues

import numpy as np
import pytest
from effect_programs import LM, log_sum, text, text_async, texts, traced

from constrain import poutine
from constrain.errors import LimitExceeded, Unsupported
from constrain.lm.distributions import Bernoulli, Geometric, LogCategorical


def near(value: float):
    return pytest.approx(value, abs=1e-9)


def returned(trace: poutine.Trace) -> tuple[int, ...]:
    return trace.nodes["_RETURN"].value


def drain(program, *args):
    while True:
        try:
            yield program(*args)
        except poutine.StopSearch:
            return


def test_escape_and_queue_by_hand_give_the_posterior():
    """The search spelled out: leave at unknown choices, extend, replay."""
    observed = poutine.condition(text, {"t1": 0})
    waiting, found = [poutine.Trace()], {}
    while waiting:
        known = waiting.pop(0)
        with poutine.trace() as tracer:
            try:
                run = poutine.replay(observed, known)
                escape_fn = lambda site, known=known: poutine.discrete_escape(known, site)  # noqa: E731
                tokens = poutine.escape(run, escape_fn=escape_fn)()
            except poutine.NonlocalExit as left:
                waiting += poutine.enum_extend(tracer.trace, left.site)
                continue
        found[tokens] = tracer.trace.log_prob_sum()
    expected = {k: s for k, s in texts().items() if k[1:2] in ((), (0,))}
    assert found == pytest.approx(expected)


@pytest.mark.parametrize("program", [text, text_async], ids=["function", "coroutine"])
@pytest.mark.parametrize("waiting", [queues.Queue, queues.LifoQueue, poutine.BestFirst])
def test_enumeration_is_the_joint(program, waiting):
    found = {
        returned(t): t.log_prob_sum() for t in poutine.enumerate_traces(program, queue=waiting())
    }
    assert found == pytest.approx(texts())


def test_best_first_search_finds_the_most_probable_text():
    best = poutine.queue(text, queue=poutine.BestFirst())
    order = sorted(texts(), key=texts().__getitem__, reverse=True)
    assert list(drain(best)) == order


def test_best_first_search_runs_less_than_enumeration():
    runs = 0

    def counted():
        nonlocal runs
        runs += 1
        return text(max_tokens=5)

    poutine.queue(counted, queue=poutine.BestFirst())()
    assert runs < len(texts(max_tokens=5)) / 4


def test_a_beam_forgets():
    beam = poutine.BestFirst(max_size=1)
    greedy, state = [], LM.init()
    for _ in range(3):
        token = int(np.argmax(LM.log_probs(np.array([state]))[0]))
        greedy.append(token)
        if token == 3:
            break
        [state] = LM.advance(np.array([state]), np.array([token]))
    assert list(drain(poutine.queue(text, queue=beam))) == [tuple(greedy)]


def test_a_handler_outside_sees_the_complete_run_only():
    searched = poutine.queue(text, queue=poutine.BestFirst())
    with poutine.trace() as record, poutine.scale(2.0):
        tokens = searched()
    trace = record.trace
    assert trace.log_prob_sum() == near(2 * texts()[tokens])
    assert trace.stochastic_nodes == [f"t{i}" for i in range(len(tokens))]


def test_escape_leaves_at_the_first_site_that_fits():
    with pytest.raises(poutine.NonlocalExit) as left:
        poutine.escape(text, escape_fn=lambda site: site.name == "t1")()
    assert left.value.site.name == "t1"
    assert not poutine.am_i_wrapped()


def test_extensions():
    def coins():
        return poutine.sample("x", Bernoulli(0.25))

    site = traced(coins).nodes["x"].replace(value=None, log_prob=None, done=False)
    empty = poutine.Trace()
    by_value = {t.nodes["x"].value: t.log_prob_sum() for t in poutine.enum_extend(empty, site)}
    assert by_value == pytest.approx({True: math.log(0.25), False: math.log(0.75)})
    assert len(poutine.enum_extend(empty, site, num_samples=1)) == 1
    drawn = [t.nodes["x"].value for t in poutine.mc_extend(empty, site, num_samples=400)]
    assert 60 < sum(drawn) < 140
    assert drawn == [t.nodes["x"].value for t in poutine.mc_extend(empty, site, num_samples=400)]
    assert poutine.all_escape(empty, site)
    assert not poutine.all_escape(poutine.enum_extend(empty, site)[0], site)


def test_a_monte_carlo_search_ends_in_one_run():
    runs = list(drain(poutine.queue(text, extend_fn=poutine.mc_extend)))
    assert len(runs) == 1


def test_limits():
    with pytest.raises(LimitExceeded, match="runs of a queue"):
        poutine.queue(text, max_tries=2)()
    with pytest.raises(Unsupported, match="Geometric"):
        list(poutine.enumerate_traces(lambda: poutine.sample("n", Geometric(0.5))))

    class Opaque:
        def sample(self, key):
            return 0, 0.0

        def log_prob(self, value):
            return 0.0

    with pytest.raises(Unsupported, match="the choice at site 'x'"):
        list(poutine.enumerate_traces(lambda: poutine.sample("x", Opaque())))


def test_inference_inside_of_a_program():
    """An inner enumeration gives a marginal; the outer one sees a factor."""

    def program():
        bias = poutine.sample("bias", LogCategorical(np.log([0.5, 0.5])))

        def inner():
            hidden = poutine.sample("hidden", Bernoulli(0.9 if bias else 0.2))
            return poutine.sample("seen", Bernoulli(0.7 if hidden else 0.1), obs=True)

        runs = poutine.enumerate_traces(inner)
        poutine.factor("evidence", log_sum(t.log_prob_sum() for t in runs))
        return bias

    scores = {returned(t): math.exp(t.log_prob_sum()) for t in poutine.enumerate_traces(program)}
    assert scores == pytest.approx({0: 0.5 * (0.14 + 0.08), 1: 0.5 * (0.63 + 0.01)})
