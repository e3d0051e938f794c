"""What inner states are for: shares, routes, attribution to tokens."""

from __future__ import annotations

import networkx as nx
import pytest
import torch
from hypothesis import given, settings, strategies as st
from tiny_models import CONFIGS, tiny

from constrain.hf.introspection import (
    HFTransparentLlm,
    attention_contributions,
    attribute,
    contributions,
    ffn_contributions,
    logit_lens,
    neuron_contributions,
    promoted_and_suppressed,
    rank_changes,
    threshold_and_renormalize,
    token_weights,
)
from constrain.hf.introspection.graph import (
    contribution_graph,
    paths_to_predictions,
    strongest_path,
)

ROWS = [[8, 9, 7, 9], [3, 14, 15, 9, 26]]


@pytest.fixture(scope="module", params=CONFIGS)
def ran(request: pytest.FixtureRequest) -> HFTransparentLlm:
    llm = HFTransparentLlm(tiny(request.param))
    llm.run_ids(ROWS)
    return llm


@pytest.fixture(scope="module")
def gpt2() -> HFTransparentLlm:
    llm = HFTransparentLlm(tiny("gpt2"))
    llm.run_ids(ROWS)
    return llm


def slow_share(part: list[float], parts: list[list[float]], whole: list[float]) -> float:
    """The definition, in numbers."""

    def closer(p: list[float]) -> float:
        left = sum(abs(w - x) for w, x in zip(whole, p, strict=True))
        return max(sum(map(abs, whole)) - left, 1e-5)

    return closer(part) / sum(map(closer, parts))


numbers = st.floats(-10, 10, width=32)


@given(st.lists(st.lists(numbers, min_size=3, max_size=3), min_size=1, max_size=5))
@settings(max_examples=50, deadline=None)
def test_shares_are_as_defined(parts: list[list[float]]):
    whole = [sum(column) for column in zip(*parts, strict=True)]
    shares = contributions(torch.tensor(parts), torch.tensor(whole))
    assert shares.tolist() == pytest.approx([slow_share(p, parts, whole) for p in parts], abs=1e-3)
    assert shares.sum() == pytest.approx(1, abs=1e-5)


def test_shares_in_attention_go_to_their_source_and_head(gpt2: HFTransparentLlm):
    mid, decomposed = gpt2.residual_after_attn(0)[1], gpt2.decomposed_attn(1, 0)
    heads, residual = attention_contributions(gpt2.residual_in(0)[1], mid, decomposed)
    assert heads.shape == (5, 5, 4)
    torch.testing.assert_close(heads.sum((1, 2)) + residual, torch.ones(5))
    parts = [*decomposed[3].flatten(0, 1), gpt2.residual_in(0)[1, 3]]
    alone = contributions(torch.stack(parts), mid[3])
    torch.testing.assert_close(heads[3], alone[:-1].unflatten(0, (5, 4)))


def test_shares_of_the_ffn_and_its_neurons(gpt2: HFTransparentLlm):
    before, out = gpt2.residual_after_attn(1), gpt2.residual_out(1)
    ffn, residual = ffn_contributions(before, out, gpt2.ffn_out(1))
    torch.testing.assert_close(ffn + residual, torch.ones(2, 5))
    parts = gpt2.decomposed_ffn_out(1, 1, 2)
    neurons, rest = neuron_contributions(before[1, 2], out[1, 2], parts)
    assert neurons.shape == (128,)
    assert neurons.sum() + rest == pytest.approx(1, abs=1e-5)


@given(st.lists(st.floats(0.01, 1), min_size=2, max_size=6), st.floats(0, 0.5))
@settings(max_examples=50, deadline=None)
def test_threshold(shares: list[float], threshold: float):
    given = torch.tensor(shares) / sum(shares)
    blocks, residual = threshold_and_renormalize(threshold, given[1:], given[0])
    kept = [share if share >= threshold else 0.0 for share in given.tolist()]
    expected = [share / sum(kept) for share in kept] if any(kept) else kept
    assert [residual.item(), *blocks.tolist()] == pytest.approx(expected, abs=1e-5)


def test_attribution_adds_up_to_the_logits(ran: HFTransparentLlm):
    parts = attribute(ran, 1, 4, token_weights(ran, [5, 41]))
    cap = getattr(ran.model.config, "final_logit_softcapping", None)
    total = parts.total() if cap is None else torch.tanh(parts.total() / cap) * cap
    torch.testing.assert_close(total, ran.logits()[1, 4, [5, 41]], atol=1e-3, rtol=1e-4)


def test_attribution_is_what_a_missing_head_takes_away(gpt2: HFTransparentLlm):
    """With the final norm as it was, a logit without one head's part is less by its share."""
    norm, (matrix, _) = gpt2.final_norm(1, 4), gpt2.unembedding()
    parts = attribute(gpt2, 1, 4, token_weights(gpt2, [7]))
    without = gpt2.residual_out(1)[1, 4] - gpt2.attention_output(1, 0, 4, 2)
    logit = gpt2.logits()[1, 4, 7] - parts.heads[0, 2, 0]
    direct = (norm.linear(without) + norm.bias) @ matrix[7]
    torch.testing.assert_close(direct, logit, atol=1e-4, rtol=1e-4)


def test_lens_ends_at_the_logits(ran: HFTransparentLlm):
    lens = logit_lens(ran, 0, 3)
    assert lens.shape == (3, 50)
    torch.testing.assert_close(lens[-1], ran.logits()[0, 3], atol=1e-4, rtol=1e-4)


def test_promoted_and_suppressed(gpt2: HFTransparentLlm):
    vector = gpt2.neuron_output(1, 3)
    logits = gpt2.unembed(vector, normalize=False)
    up, down = promoted_and_suppressed(gpt2, vector, 3)
    assert [t.token for t in up] == logits.argsort(descending=True)[:3].tolist()
    assert [t.token for t in down] == logits.argsort()[:3].tolist()
    assert down[0].logit == logits.min()


def test_rank_changes(gpt2: HFTransparentLlm):
    before, after = gpt2.residual_in(0)[1, 2], gpt2.residual_out(1)[1, 2]
    up, down = rank_changes(gpt2, before, after, 4)
    old = gpt2.unembed(before, True).argsort(descending=True).tolist()
    new = gpt2.unembed(after, True).argsort(descending=True).tolist()
    change = {token: new.index(token) - old.index(token) for token in range(50)}
    assert [c.after - c.before for c in up] == sorted(change.values())[:4]
    assert [c.after - c.before for c in down] == sorted(change.values())[::-1][:4]
    assert all((old.index(c.token), new.index(c.token)) == (c.before, c.after) for c in up + down)
    assert rank_changes(gpt2, before, before, 4) == ([], [])


def test_graph_has_every_share_once(ran: HFTransparentLlm):
    graph = contribution_graph(ran, 0)
    assert nx.is_directed_acyclic_graph(graph)
    assert {node for node in graph if not graph.in_degree(node)} == {f"X0_{t}" for t in range(4)}
    for layer in range(2):
        for t in range(4):
            for node in (f"A{layer}_{t}", f"I{layer}_{t}"):
                total = sum(d["weight"] for _, _, d in graph.in_edges(node, data=True))
                assert total == pytest.approx(1, abs=1e-4)
            sources = set(graph.predecessors(f"A{layer}_{t}"))
            assert sources == {f"I{layer - 1}_{s}" if layer else f"X0_{s}" for s in range(t + 1)}


def test_a_parallel_block_feeds_its_neurons_from_its_input():
    llm = HFTransparentLlm(tiny("phi"))
    llm.run_ids(ROWS)
    assert list(contribution_graph(llm, 0).predecessors("M1_2")) == ["I0_2"]


def test_threshold_drops_edges(gpt2: HFTransparentLlm):
    full = contribution_graph(gpt2, 1)
    cut = contribution_graph(gpt2, 1, threshold=0.2)
    plain = contribution_graph(gpt2, 1, threshold=0.2, renormalize=False)
    assert set(cut.edges) == set(plain.edges) < set(full.edges)
    assert all(0.2 <= w <= full.edges[edge]["weight"] + 1e-6 for *edge, w in weights(plain))
    node = next(n for n in cut if n.startswith("A1"))
    assert sum(d["weight"] for *_, d in cut.in_edges(node, data=True)) == pytest.approx(1)


def weights(graph):
    return [(u, v, data["weight"]) for u, v, data in graph.edges(data=True)]


def test_paths_lead_to_the_prediction(gpt2: HFTransparentLlm):
    graph = contribution_graph(gpt2, 1)
    first, last = paths_to_predictions(graph, 2, [0, 4])
    assert {node.split("_")[1] for node in first} == {"0"}
    assert {node for node in last if node.startswith("X0")} == {f"X0_{t}" for t in range(5)}
    assert all(nx.has_path(last, node, "I1_4") for node in last)
    [empty] = paths_to_predictions(graph, 2, [4], threshold=1.01)
    assert not empty.nodes


def test_strongest_path_is_the_best_of_all(gpt2: HFTransparentLlm):
    graph = contribution_graph(gpt2, 0)
    path, share = strongest_path(graph, "X0_1", "I1_3")

    def product(nodes: list[str]) -> float:
        result = 1.0
        for u, v in nx.utils.pairwise(nodes):
            result *= graph.edges[u, v]["weight"]
        return result

    best = max(nx.all_simple_paths(graph, "X0_1", "I1_3"), key=product)
    assert (path, share) == (best, pytest.approx(product(best)))


def test_bfloat16_gives_the_same_picture(gpt2: HFTransparentLlm):
    half = HFTransparentLlm(tiny("gpt2", torch.bfloat16))
    half.run_ids(ROWS)
    fine, coarse = contribution_graph(gpt2, 1), contribution_graph(half, 1)
    assert set(fine.edges) == set(coarse.edges)
    for edge in fine.edges:
        assert coarse.edges[edge]["weight"] == pytest.approx(fine.edges[edge]["weight"], abs=0.03)
    exact, rough = (attribute(llm, 1, 4, token_weights(llm, [7])) for llm in (gpt2, half))
    torch.testing.assert_close(rough.heads, exact.heads, atol=0.15, rtol=0.05)
    assert rough.total().dtype == torch.float32
