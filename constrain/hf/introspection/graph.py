"""The routes of information through a run, as a graph (Ferrando and Voita 2024).

Nodes, at position t: `X0_t` the embedded token, `A{l}_t` the stream after attention of layer l,
`M{l}_t` its feed-forward layer, `I{l}_t` the stream after it. An edge's `weight` is the share of
its source in its target. Needs networkx.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import networkx as nx
import torch

from .contributions import attention_contributions, ffn_contributions, threshold_and_renormalize
from .interface import TransparentLlm


def contribution_graph(
    llm: TransparentLlm, batch_i: int, threshold: float = 0.0, renormalize: bool = True
) -> Any:
    """A networkx DiGraph of all shares of at least `threshold` in one row of the last run.

    Heads are added up. renormalize: the shares that stay at a node sum to one again. Padded
    positions are left out. Cost: O(layers * pos**2) edges; decomposed_attn of one layer at once.
    """
    graph: Any = nx.DiGraph()
    n_pos = int(llm.attention_mask()[batch_i].sum())
    for layer in range(llm.model_info().n_layers):
        _add_attention(graph, llm, batch_i, layer, n_pos, threshold, renormalize)
        _add_ffn(graph, llm, batch_i, layer, n_pos, threshold, renormalize)
    return graph


def _stream(layer: int, pos: int) -> str:
    return f"I{layer}_{pos}" if layer >= 0 else f"X0_{pos}"


def _add(graph: Any, source: str, target: str, weight: float) -> None:
    """Add to what is there: a position attends to itself and also keeps what it has."""
    if weight > 0:
        have = graph.get_edge_data(source, target, {"weight": 0.0})["weight"]
        graph.add_edge(source, target, weight=have + weight)


def _kept(
    blocks: torch.Tensor, residual: torch.Tensor, threshold: float, renormalize: bool
) -> tuple[Any, Any]:
    if renormalize:
        blocks, residual = threshold_and_renormalize(threshold, blocks, residual)
    else:
        blocks, residual = (torch.where(c >= threshold, c, 0) for c in (blocks, residual))
    return blocks.tolist(), residual.tolist()


def _add_attention(
    graph: Any,
    llm: TransparentLlm,
    batch_i: int,
    layer: int,
    n_pos: int,
    threshold: float,
    renormalize: bool,
) -> None:
    heads, residual = attention_contributions(
        llm.residual_in(layer)[batch_i, :n_pos],
        llm.residual_after_attn(layer)[batch_i, :n_pos],
        llm.decomposed_attn(batch_i, layer)[:n_pos, :n_pos],
    )
    later = torch.ones(n_pos, n_pos, dtype=torch.bool, device=heads.device).triu(1)
    sources = heads.sum(-1).masked_fill(later, 0)  # a share of the floor is no share
    by_source, kept = _kept(sources, residual, threshold, renormalize)
    for t in range(n_pos):
        for s in range(t + 1):
            _add(graph, _stream(layer - 1, s), f"A{layer}_{t}", by_source[t][s])
        _add(graph, _stream(layer - 1, t), f"A{layer}_{t}", kept[t])


def _add_ffn(
    graph: Any,
    llm: TransparentLlm,
    batch_i: int,
    layer: int,
    n_pos: int,
    threshold: float,
    renormalize: bool,
) -> None:
    ffn, residual = ffn_contributions(
        llm.residual_after_attn(layer)[batch_i, :n_pos],
        llm.residual_out(layer)[batch_i, :n_pos],
        llm.ffn_out(layer)[batch_i, :n_pos],
    )
    by_ffn, kept = _kept(ffn, residual, threshold, renormalize)
    parallel = llm.model_info().parallel
    for t in range(n_pos):
        read = _stream(layer - 1, t) if parallel else f"A{layer}_{t}"
        _add(graph, read, f"M{layer}_{t}", by_ffn[t])
        _add(graph, f"M{layer}_{t}", f"I{layer}_{t}", by_ffn[t])
        _add(graph, f"A{layer}_{t}", f"I{layer}_{t}", kept[t])


def paths_to_predictions(
    graph: Any, n_layers: int, positions: Sequence[int], threshold: float = 0.0
) -> list[Any]:
    """For each position, the part of the graph from which its prediction can be reached.

    Only edges of at least `threshold` count; one DiGraph per position, empty if no edge does.
    """
    strong = nx.DiGraph(
        (u, v, data) for u, v, data in graph.edges(data=True) if data["weight"] >= threshold
    )
    found: list[Any] = []
    for pos in positions:
        end = _stream(n_layers - 1, pos)
        nodes = {end, *nx.ancestors(strong, end)} if end in strong else set[str]()
        found.append(strong.subgraph(nodes).copy())
    return found


def strongest_path(graph: Any, source: str, target: str) -> tuple[list[str], float]:
    """The path with the largest product of shares, and that product.

    Raises networkx.NetworkXNoPath where there is none, NodeNotFound for unknown nodes.
    """

    def cost(u: str, v: str, data: dict[str, float]) -> float:
        return max(0.0, -math.log(data["weight"]))

    found: Any = nx.single_source_dijkstra(graph, source, target, weight=cost)
    total, path = found
    return path, math.exp(-total)
