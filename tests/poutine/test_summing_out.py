"""`enum` with `log_evidence`, `collapse`, plates and chains: exact sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from effect_programs import EOS, LM, VOCABULARY, log_sum, programs, traced
from hypothesis import given, settings, strategies as st

import constrain
from constrain import poutine
from constrain.errors import LimitExceeded, Unsupported
from constrain.lm.batched import CategoricalRows
from constrain.lm.distributions import Bernoulli, LogCategorical
from constrain.lm.keys import Key


def near(value: float):
    return pytest.approx(value, abs=1e-9)


# --- rows of distributions


@given(st.integers(0, 1000))
@settings(max_examples=20, deadline=None)
def test_rows_are_categoricals_side_by_side(seed: int):
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(2, 3, 4))
    logits[0, 1, 3] = -np.inf
    rows = CategoricalRows(logits)
    value, log_prob = rows.sample(Key(seed))
    assert value.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            alone = LogCategorical(logits[i, j])
            assert log_prob[i, j] == near(alone.log_prob(int(value[i, j])))
    assert rows.log_prob(np.array(3))[0, 1] == -np.inf
    assert np.isneginf(rows.log_prob(np.array(7))).all()
    assert rows.expand((5, 1, 1)).batch_shape == (5, 2, 3)


def test_rows_are_drawn_from():
    rows = CategoricalRows([[0, 0, -np.inf], np.log([0.1, 0.2, 0.7])]).expand((4000, 2))
    drawn, _ = rows.sample(Key(1))
    counts = [np.bincount(drawn[:, i], minlength=3) / 4000 for i in (0, 1)]
    assert np.abs(counts - np.array([[0.5, 0.5, 0], [0.1, 0.2, 0.7]])).max() < 0.035
    assert counts[0][2] == 0


# --- enum


def chain(n: int, obs: int | None = None):
    """Tokens x0, ..., on arrays of any shape; the last may be observed."""
    states = np.asarray(LM.init())
    for t in range(n):
        row = CategoricalRows(LM.log_probs(states))
        x = poutine.sample(f"x{t}", row, obs=obs if t == n - 1 else None)
        states = LM.advance(np.asarray(states), x)
    return x


def transitions() -> np.ndarray:
    states = LM.advance(np.full(4, LM.init()), np.arange(4))
    return np.exp(LM.log_probs(states))


def test_enumerated_chain_is_the_forward_algorithm():
    first = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    for n, obs in ((1, 2), (2, 0), (4, 1)):
        expected = (first @ np.linalg.matrix_power(transitions(), n - 1))[obs]
        trace = poutine.trace(poutine.enum(poutine.config_enumerate(chain))).get_trace(n, obs)
        assert poutine.log_evidence(trace) == near(math.log(expected))
    with pytest.raises(ValueError, match="see log_evidence"):
        trace.log_prob_sum()
    assert trace.nodes["x0"].value.shape == (4,)
    assert trace.nodes["x2"].value.shape == (4, 1, 1)


def test_without_enumeration_the_evidence_is_the_weight():
    trace = traced(chain, 3, 1)
    assert poutine.log_evidence(trace) == near(trace.log_weight())


def test_some_sites_enumerated_give_the_weight_given_the_others():
    only = poutine.infer_config(
        chain, config_fn=lambda s: {"enumerate": "parallel"} if s.name == "x1" else {}
    )
    trace = traced(poutine.enum(only), 3, 1, seed=4)
    step = transitions()
    expected = (step[trace.nodes["x0"].value] @ step)[1]
    assert poutine.log_evidence(trace) == near(math.log(expected))


def test_the_likeliest_values_and_one_for_the_rest():
    """Averaged over what stands for the rest, the evidence is exact."""
    weights = np.array([0.5, 0.25, 0.15, 0.1])
    f = np.array([0.3, 0.9, 0.2, 0.7])

    def program():
        x = poutine.sample("x", LogCategorical(np.log(weights)))
        poutine.factor("f", np.log(f[x]))

    marked = poutine.enum(poutine.config_enumerate(program, num_samples=2))
    total, seen = 0.0, set()
    for seed in range(60):
        trace = traced(marked, seed=seed)
        x = int(trace.nodes["x"].value[2])
        assert trace.nodes["x"].value.tolist()[:2] == [0, 1]
        if x not in seen:
            seen.add(x)
            total += weights[x] / 0.25 * math.exp(poutine.log_evidence(trace))
    assert seen == {2, 3}
    assert total == near(float(weights @ f))


def test_enumeration_inside_of_a_plate():
    data = np.array([0, 1, 1])

    def mixture():
        with poutine.plate("rows", 3):
            z = poutine.sample("z", CategoricalRows(np.log([[0.4, 0.6]] * 3)))
            rows = np.log(np.array([[0.9, 0.1], [0.2, 0.8]]))
            poutine.sample("x", CategoricalRows(rows[z]), obs=data)

    trace = poutine.trace(poutine.enum(poutine.config_enumerate(mixture))).get_trace()
    ones = 0.4 * 0.1 + 0.6 * 0.8
    assert poutine.log_evidence(trace) == near(2 * math.log(ones) + math.log(1 - ones))
    assert trace.nodes["z"].value.shape == (2, 1)


def test_enumeration_across_a_plate_is_refused():
    def shared():
        z = poutine.sample("z", CategoricalRows(np.log([0.4, 0.6])))
        rows = np.log(np.array([[0.9, 0.1], [0.2, 0.8]]))
        with poutine.plate("rows", 3):
            poutine.sample("x", CategoricalRows(rows[z]).expand((1, 3)), obs=np.array([0, 1, 1]))

    marked = poutine.config_enumerate(shared)
    trace = poutine.trace(poutine.enum(marked, first_available_dim=-2)).get_trace()
    with pytest.raises(Unsupported, match="across the plates"):
        poutine.log_evidence(trace)


# --- collapse


@given(programs())
@settings(max_examples=40, deadline=None)
def test_collapse_is_the_sum_over_all_runs(program):
    """With the whole past as the state nothing is merged, and the sum is plain enumeration."""
    past: list = []

    def remembered(site):
        i = int(site.name[1:])
        del past[i:]
        return {"state": tuple(past)}

    def noted():
        past.clear()
        with poutine.infer_config(config_fn=remembered), _Remember(past):
            return program()

    trace = poutine.trace(poutine.collapse(noted)).get_trace()
    assert trace.log_prob_sum() == near(log_sum(program.joint().values()))


class _Remember(poutine.Messenger):
    def __init__(self, past: list):
        self.past = past

    def postprocess_sample(self, msg):
        self.past.append(msg.value)
        return msg


def markov_text(n: int, last: int):
    state = LM.init()
    for t in poutine.markov(range(n)):
        row = LM.log_probs(np.array([state]))[0]
        x = poutine.sample(f"x{t}", LogCategorical(row))
        [state] = LM.advance(np.array([state]), np.array([x]))
    poutine.sample("end", LogCategorical(LM.log_probs(np.array([state]))[0]), obs=last)
    return x


def test_collapsed_chain_is_the_forward_algorithm():
    """4 ** 20 runs, 77 places."""
    first = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    expected = (first @ np.linalg.matrix_power(transitions(), 20))[2]
    trace = poutine.trace(poutine.collapse(markov_text)).get_trace(20, 2)
    assert trace.log_prob_sum() == near(math.log(expected))
    assert trace.log_weight() == near(math.log(expected))


def test_collapse_returns_an_exact_posterior_draw():
    step = transitions()
    first = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    exact = (first @ step) * step[:, 2]
    exact /= exact.sum()
    counts = np.zeros(4)
    collapsed = poutine.collapse(markov_text)
    for seed in range(150):
        counts[poutine.seed(collapsed, seed)(2, 2)] += 1
    error = np.sqrt(exact * (1 - exact) / 150)
    assert (np.abs(counts / 150 - exact) < 4 * error).all()


def markov_text_to_its_end(n: int) -> tuple[int, ...]:
    """Tokens until the end token, which must come within n."""
    state, tokens = LM.init(), []
    for t in poutine.markov(range(n)):
        row = LM.log_probs(np.array([state]))[0]
        tokens.append(poutine.sample(f"x{t}", LogCategorical(row)))
        if tokens[-1] == EOS:
            break
        [state] = LM.advance(np.array([state]), np.array(tokens[-1:]))
    poutine.factor("ended", 0.0 if tokens[-1] == EOS else -math.inf)
    return tuple(tokens)


def test_an_automaton_times_a_chain():
    """Few enough texts to enumerate; then as many tokens as no one enumerates."""
    even = constrain.compile(constrain.regex("(b*ab*a)*b*"), VOCABULARY)
    follow = poutine.constrain(markov_text_to_its_end, even)
    for n in (3, 4):
        runs = list(poutine.enumerate_traces(follow, n))
        expected = log_sum(t.log_prob_sum() for t in runs)
        trace = poutine.trace(poutine.collapse(follow)).get_trace(n)
        assert trace.log_prob_sum() == near(expected)
    step = np.exp(LM.log_probs(LM.advance(np.full(4, LM.init()), np.arange(4))))
    first = np.exp(LM.log_probs(np.array([LM.init()]))[0])
    # forward by hand: (last token, parity of a's) -> mass
    mass = {(0, 1): first[0], (1, 0): first[1]}
    total = float(first[EOS])
    for _ in range(24):
        total += sum(m * step[last, EOS] for (last, odd), m in mass.items() if not odd)
        after: dict[tuple[int, int], float] = {}
        for (last, odd), m in mass.items():
            for token in (0, 1):
                key = (token, odd ^ (token == 0))
                after[key] = after.get(key, 0.0) + m * step[last, token]
        mass = after
    trace = poutine.trace(poutine.seed(poutine.collapse(follow), 5)).get_trace(25)
    assert trace.log_prob_sum() == near(math.log(total))
    drawn = trace.nodes["_RETURN"].value
    assert even.matches(b"".join(VOCABULARY.tokens[t] or b"" for t in drawn))


TOKENS = [b"a", b"b", b"ab", b"ba", b"aba"]


def test_all_tokenisations_of_a_text():
    """Position and last token are the state; a unigram model checks it by plain recursion."""
    target = b"ababab"
    row = np.log([0.3, 0.2, 0.25, 0.15, 0.1])

    def spell():
        at = 0
        while at < len(target):
            fits = [target.startswith(token, at) for token in TOKENS]
            token = poutine.sample(f"at{at}", LogCategorical(row), infer={"state": at})
            if not fits[token]:
                poutine.factor(f"misfit{at}", -math.inf)
                return
            at += len(TOKENS[token])

    def exact(at: int) -> float:
        if at == len(target):
            return 1.0
        fit = [i for i, token in enumerate(TOKENS) if target.startswith(token, at)]
        return sum(math.exp(row[i]) * exact(at + len(TOKENS[i])) for i in fit)

    trace = poutine.trace(poutine.collapse(spell)).get_trace()
    assert trace.log_prob_sum() == near(math.log(exact(0)))


def test_a_false_state_is_noticed():
    def liar():
        x = poutine.sample("x", Bernoulli(0.5), infer={"state": ()})
        poutine.sample("y", Bernoulli(0.9 if x else 0.1), infer={"state": ()})

    with pytest.raises(ValueError, match="two distributions in the one state"):
        poutine.collapse(liar)()


def test_collapse_refuses_without_a_dynamic_program():
    with pytest.raises(Unsupported, match=r"collapsing site 'x'.*no state is declared"):
        poutine.collapse(lambda: poutine.sample("x", Bernoulli(0.5)))()
    with pytest.raises(LimitExceeded, match="max_states"):
        poutine.collapse(markov_text, max_states=3)(5, 2)

    def impossible():
        poutine.factor("f", -math.inf)

    with pytest.raises(ValueError, match="no run of 'collapsed' is possible"):
        poutine.collapse(impossible)()


# --- chains and plates


def test_history_decides_what_a_chain_sees():
    def walk():
        for t in poutine.markov(range(4), history=2):
            poutine.sample(f"x{t}", Bernoulli(0.5))
        return poutine.sample("after", Bernoulli(0.5))

    trace = poutine.trace(walk, graph_type="dense").get_trace()
    assert trace.predecessors("x3") == ["x1", "x2"]
    assert trace.predecessors("after") == ["x0", "x1", "x2", "x3"]
    assert [name for name, _ in trace.nodes["x3"].infer["markov_state"]] == ["x1", "x2"]


@pytest.mark.parametrize(("keep", "seen"), [(False, ["root"]), (True, ["root", "left"])])
def test_branches_of_a_recursion(keep: bool, seen: list[str]):
    def tree():
        chain = poutine.markov(history=1, keep=keep)
        with chain:
            poutine.sample("root", Bernoulli(0.5))
            for name in ("left", "right"):
                with chain:
                    poutine.sample(name, Bernoulli(0.5))

    trace = poutine.trace(tree, graph_type="dense").get_trace()
    assert trace.predecessors("right") == seen


def test_a_plate_as_a_loop():
    def rows():
        for i in poutine.plate("rows", 3):
            a = poutine.sample(f"a{i}", Bernoulli(0.25), obs=True)
            poutine.sample(f"b{i}", Bernoulli(0.5), obs=a)

    trace = poutine.trace(rows, graph_type="dense").get_trace()
    assert trace.edges == [("a0", "b0"), ("a1", "b1"), ("a2", "b2")]
    assert trace.log_prob_sum() == near(3 * math.log(0.125))


def test_a_subsample_stands_for_all():
    data = np.array([0, 1, 1, 0, 1, 1])

    def rows():
        with poutine.plate("rows", 6, subsample_size=2) as picked:
            poutine.sample("x", CategoricalRows(np.log([[0.2, 0.8]] * 2)), obs=data[picked])

    total = [traced(rows, seed=seed) for seed in range(300)]
    picked = total[0].nodes["rows"].value
    assert len(set(picked.tolist())) == 2
    x = data[picked]
    assert total[0].log_prob_sum() == near(3 * float(np.log(np.where(x, 0.8, 0.2)).sum()))
    exact = 4 * math.log(0.8) + 2 * math.log(0.2)
    scores = np.array([t.log_prob_sum() for t in total])
    assert abs(scores.mean() - exact) < 4 * scores.std() / math.sqrt(300)
    assert "rows" not in poutine.prune_subsample_sites(total[0])
    with poutine.plate("rows", 6, subsample=[5, 1]) as given:
        assert given.tolist() == [5, 1]


def test_nested_plates_broadcast():
    @poutine.broadcast()
    def program():
        with poutine.plate("outer", 3, dim=-2), poutine.plate("inner", 2):
            assert [(f.name, f.dim) for f in poutine.get_plates()] == [("outer", -2), ("inner", -1)]
            x = poutine.sample("x", CategoricalRows(np.zeros(4)))
            with poutine.block_plate("inner"):
                y = poutine.sample("y", CategoricalRows(np.zeros(4)))
        return x.shape, y.shape

    assert program() == ((3, 2), (3, 1))


def test_shapes_in_plates_are_checked():
    with pytest.raises(ValueError, match="see poutine"), poutine.plate("rows", 3):
        poutine.sample("x", CategoricalRows(np.zeros(4)))

    @poutine.broadcast()
    def single():
        with poutine.plate("rows", 3):
            poutine.sample("x", Bernoulli(0.5))

    with pytest.raises(ValueError, match="cannot be repeated"):
        single()
    taken = pytest.raises(ValueError, match="taken by a plate around")
    with poutine.plate("a", 3, dim=-1), taken, poutine.plate("b", 2, dim=-1):
        pass
    with pytest.raises(ValueError, match="there is no plate 'c'"), poutine.block_plate("c"):
        pass


def test_eos_of_these_tests():
    assert EOS == 3
