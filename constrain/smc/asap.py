"""Adaptive sampling with approximate expected futures (Park et al. 2024).

Texts are drawn from the masked model, with each token's probability times the share of the mass
behind it that is still believed to be grammatical: 1 at first, then what earlier draws have shown.
Every text is in the language. The first draws have the bias of masking, later ones come closer to
the posterior; `cars` has no bias at any time but may need tries.
"""

from __future__ import annotations

import numpy as np

from constrain.errors import EmptyLanguage
from constrain.lm.distributions import invert, logsumexp
from constrain.lm.keys import Key

from .collected import Collected, equally_weighted
from .prefix_tree import Node, PrefixTree
from .result import Result
from .target import Target


def asap(target: Target, n_particles: int, seed: int, *, burn_in: int = 0) -> Result[Collected]:
    """`n_particles` texts of equal weight, after `burn_in` draws that only teach.

    Draws that come to a dead end (no room left for an end) teach as well and count as nothing
    found. `log_evidence` is the log of the mean of p / q over the draws kept. Critics are not
    taken into account. Raises EmptyLanguage once the tree shows that nothing can be found.
    """
    tree = PrefixTree(target)
    found: list[tuple[int, ...]] = []
    ratios: list[float] = []
    draw = 0
    while len(found) < n_particles:
        tokens, log_ratio = _draw(tree, Key(seed, draw))
        if draw >= burn_in:
            ratios.append(log_ratio)
            found += [] if tokens is None else [tokens]
        draw += 1
    evidence = logsumexp(ratios) - float(np.log(len(ratios)))
    return Result(equally_weighted(target, found, evidence))


def _draw(tree: PrefixTree, key: Key) -> tuple[tuple[int, ...] | None, float]:
    """(token ids with the end token, log p - log q); (None, -inf) at a dead end."""
    node, path, log_ratio = tree.root, list[tuple[Node, int]](), 0.0
    while True:
        tree.mask(node)
        weights = node.probs * node.bounds
        if not weights.any():
            tree.learn(path)
            if not path:
                raise EmptyLanguage("the model gives no probability to any text of the language")
            return None, -np.inf
        token = invert(weights, key.uniform(len(path)))
        log_ratio += float(np.log(weights.sum()) - np.log(node.bounds[token]))
        path.append((node, token))
        if bool(tree.guide.is_end(np.array([token]))[0]):
            tree.learn(path)
            return tuple(token for _, token in path), log_ratio
        node = tree.child(node, token)
