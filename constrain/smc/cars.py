"""Constrained adaptive rejection sampling: exact independent draws (Parys et al. 2025).

Plain rejection sampling draws whole texts from the model until one is in the language. Here what
has been refused is never drawn again: tokens are drawn by probability times the bound of the
prefix tree, which is exact rejection sampling from a smaller and smaller superset. Prefixes seen
for the first time are drawn from unmasked, and their mask is written down.
"""

from __future__ import annotations

import numpy as np

from constrain.errors import EmptyLanguage, LimitExceeded
from constrain.lm.distributions import invert
from constrain.lm.keys import Key

from .collected import Collected, equally_weighted
from .prefix_tree import Node, PrefixTree
from .result import Result
from .target import Target

MAX_TRIES = 1_000_000


def cars(
    target: Target, n_particles: int, seed: int, *, max_tries: int = MAX_TRIES
) -> Result[Collected]:
    """`n_particles` independent exact draws from the posterior, all of equal weight.

    `log_evidence` is the log of the mean over tries of 1[accepted] times the mass of what the try
    was drawn from, of which each has expectation Z. Critics are met by rejection, so their
    potentials may not exceed 0. Raises LimitExceeded after `max_tries`, EmptyLanguage if nothing
    is left.
    """
    tree = PrefixTree(target)
    found: list[tuple[int, ...]] = []
    mass = 0.0
    for attempt in range(max_tries):
        if len(found) == n_particles:
            return Result(equally_weighted(target, found, float(np.log(mass / attempt))))
        bound = tree.root.bound
        if not bound > 0:
            raise EmptyLanguage("the model gives no probability to any text of the language")
        tokens = _attempt(tree, Key(seed, attempt))
        if tokens is not None:
            found.append(tokens)
            mass += bound
    raise LimitExceeded("max_tries", max_tries, f"{len(found)} of {n_particles} texts found")


def _attempt(tree: PrefixTree, key: Key) -> tuple[int, ...] | None:
    """One try: token ids with the end token, or None if it was refused."""
    node, path = tree.root, list[tuple[Node, int]]()
    while True:
        token = invert(node.probs * node.bounds, key.uniform(len(path)))
        tree.mask(node)
        path.append((node, token))
        ended = bool(tree.guide.is_end(np.array([token]))[0])
        accepted = node.bounds[token] > 0
        if accepted and not ended:
            node = tree.child(node, token)
            continue
        tree.learn(path)
        tokens = tuple(token for _, token in path)
        return tokens if accepted and _judged(tree.target, tokens, key) else None


def _judged(target: Target, tokens: tuple[int, ...], key: Key) -> bool:
    """Accept with probability exp(log-potential)."""
    if not target.critics:
        return True
    score = target.log_potential(tokens[:-1])
    if score > 0:
        raise ValueError(f"rejection needs log-potentials of at most 0, found {score}")
    return key.at(site=1).uniform() < np.exp(score)
