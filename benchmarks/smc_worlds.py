"""Two worlds for inference whose evidence is known exactly: brackets, and a small JSON.

Both have an order-3 model drawn at random (each row from a symmetric Dirichlet distribution, the
end token a little rarer) and texts of at most 16 tokens. The evidence comes from dynamic
programming over model state x grammar state.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

import constrain
from constrain.lm import TabularModel
from constrain.smc.token_graph import TokenGraph, explore

MAX_TOKENS = 16
ORDER = 3

BRACKETS = r"""
start: item*
item: "(" item* ")" | "a" | "b"
"""
JSON_LITE = r"""
start: object
object: "{" (pair ("," pair)*)? "}"
pair: "k:" value
value: "1" | list | small
list: "[" (("1" | small) ("," ("1" | small))*)? "]"
small: "{" ("k:" "1" ("," "k:" "1")*)? "}"
"""


@dataclass(frozen=True)
class World:
    name: str
    lm: TabularModel
    constraint: constrain.Constraint
    log_evidence: float


def model(vocabulary: constrain.Vocabulary, seed: int, end: float) -> TabularModel:
    """A random table whose end token is scaled by `end`."""
    rng = np.random.default_rng(seed)
    table = rng.dirichlet(np.ones(len(vocabulary)), (len(vocabulary) + 1) ** ORDER)
    table[:, list(vocabulary.eos_token_ids)] *= end
    return TabularModel(vocabulary, table + 1e-9)


def brackets(seed: int = 0) -> World:
    tokens = [b"(", b")", b"a", b"b", b"((", b"))"]
    return _world("brackets", tokens, BRACKETS, seed, 0.2)


def json_lite(seed: int = 0) -> World:
    """Objects in lists in objects, one key, one number: depth is capped by the grammar itself."""
    tokens = [b"{", b"}", b"[", b"]", b",", b"k:", b"1", b"{k:"]
    return _world("json-lite", tokens, JSON_LITE, seed, 0.5)


def _world(name: str, tokens: list[bytes], grammar: str, seed: int, end: float) -> World:
    vocabulary = constrain.Vocabulary([*tokens, None], [len(tokens)])
    constraint = constrain.compile(constrain.cfg(grammar, lexer="scannerless"), vocabulary)
    lm = model(vocabulary, seed, end)
    return World(name, lm, constraint, evidence(lm, explore(constraint, MAX_TOKENS)))


def evidence(lm: TabularModel, graph: TokenGraph) -> float:
    """log Z of the texts of at most MAX_TOKENS tokens. O(tokens * edges * model states)."""
    n_states = (len(lm.vocabulary) + 1) ** lm.order
    states = np.arange(n_states)
    probs = np.exp(lm.log_probs(states))
    after = [lm.advance(states, np.full(n_states, t)) for t in range(len(lm.vocabulary))]
    eos = list(lm.vocabulary.eos_token_ids)
    ends = graph.ends.astype(float) @ probs[:, eos].T  # (nodes, states)
    mass = ends.copy()
    for _ in range(MAX_TOKENS):
        through = np.zeros_like(mass)
        for source, token, target in zip(graph.sources, graph.tokens, graph.targets, strict=True):
            through[source] += probs[:, token] * mass[target][after[token]]
        mass = ends + through
    return float(np.log(mass[0, lm.init()]))


WORLDS = {"brackets": brackets, "json-lite": json_lite}
