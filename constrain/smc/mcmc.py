"""Markov chains over texts of a language: cut a text somewhere, write its end anew, accept or not.

Metropolis-Hastings with the locally constrained proposal (Anaya Gonzalez et al. 2025). The place
of the cut is drawn uniformly and summed out in the acceptance ratio, over all cuts that the old
and the new text have in common. The posterior is invariant under each move, so the same moves
rejuvenate the particles of another algorithm (Gilks and Berzuini 2001).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from constrain.errors import EmptyLanguage
from constrain.lm.distributions import invert, logsumexp
from constrain.lm.keys import SHARED, Key

from .collected import Collected
from .prefix_tree import Node, PrefixTree
from .result import Result
from .target import Target
from .weights import Floats

MAX_STARTS = 1000


@dataclass(frozen=True, eq=False)
class Path:
    """A whole text: token ids with the end token, and per token log p and log of the local mass."""

    tokens: tuple[int, ...]
    log_p: Floats
    log_mass: Floats
    log_potential: float

    @property
    def log_target(self) -> float:
        return float(self.log_p.sum()) + self.log_potential

    def log_tails(self) -> Floats:
        """log q of what follows each cut, under the locally constrained proposal."""
        return np.cumsum((self.log_p - self.log_mass)[::-1])[::-1]


def mcmc(
    target: Target, n_particles: int, seed: int, *, n_moves: int = 10, thin: int = 0
) -> Result[Collected]:
    """Texts of equal weight from Markov chains that start at masked draws.

    thin: 0 runs one chain of `n_moves` moves for each text and keeps its end; k > 0 runs a single
        chain, after `n_moves` moves keeping every k-th text.
    There is no estimate of the evidence: `log_evidence` is 0.
    """
    chains = Chains(target, seed)
    paths: list[Path] = []
    if thin:
        path = chains.moved(chains.start(0), 0, range(n_moves))
        for i in range(n_particles):
            moves = range(n_moves + i * thin, n_moves + (i + 1) * thin)
            path = chains.moved(path, 0, moves)
            paths.append(path)
    else:
        for chain in range(n_particles):
            paths.append(chains.moved(chains.start(chain), chain, range(n_moves)))
    log_weights = np.full(n_particles, -np.log(n_particles))
    return Result(_collected(target, paths, log_weights))


def rejuvenated(result: Result[Collected], seed: int, n_moves: int = 1) -> Result[Collected]:
    """Each text of a result moved `n_moves` times; weights stay. Dead texts are left out."""
    particles = result.particles
    chains = Chains(particles.target, seed)
    alive = np.flatnonzero(np.isfinite(particles.log_weights) & ~particles.live)
    values = particles.values()
    paths = [chains.moved(chains.path(values[i]), i, range(n_moves)) for i in alive.tolist()]
    return Result(_collected(particles.target, paths, particles.log_weights[alive]))


class Chains:
    """Moves of one target; the prefixes that they visit are kept."""

    def __init__(self, target: Target, seed: int):
        self.target, self.seed = target, seed
        self.tree = PrefixTree(target)

    def start(self, chain: int) -> Path:
        """A text that the locally constrained model writes, of positive potential."""
        for attempt in range(MAX_STARTS):
            path = self._written((), Key(self.seed, chain, SHARED - attempt))
            if path is not None and path.log_potential > -np.inf:
                return path
        raise EmptyLanguage(f"no text of the target was found in {MAX_STARTS} masked draws")

    def path(self, tokens: tuple[int, ...]) -> Path:
        """The path of a given text (token ids without the end token), ended by the first id
        that may end it."""
        node, steps = self.tree.root, list[tuple[Node, int]]()
        for token in tokens:
            steps.append((node, token))
            node = self.tree.child(node, token)
        self.tree.mask(node)
        ends = [int(token) for token in self.tree.guide.eos if node.bounds[token] > 0]
        return self._path([*steps, (node, ends[0])])

    def moved(self, path: Path, chain: int, moves: range) -> Path:
        for move in moves:
            path = self._move(path, Key(self.seed, chain, move))
        return path

    def _move(self, old: Path, key: Key) -> Path:
        cut = int(key.at(site=SHARED).uniform() * len(old.tokens))
        new = self._written(old.tokens[:cut], key)
        if new is None or new.log_target == -np.inf:
            return old
        ratio = new.log_target - old.log_target + _log_q(new, old) - _log_q(old, new)
        u = key.at(site=SHARED).uniform(1)
        return new if np.log(max(u, 1e-300)) < ratio else old

    def _written(self, prefix: tuple[int, ...], key: Key) -> Path | None:
        """A text that starts with these tokens and goes on as the masked model does."""
        node, steps = self.tree.root, list[tuple[Node, int]]()
        for token in prefix:
            steps.append((node, token))
            node = self.tree.child(node, token)
        while True:
            self.tree.mask(node)
            weights = node.probs * node.bounds
            if not weights.any():
                return None
            token = invert(weights, key.uniform(len(steps)))
            steps.append((node, token))
            if bool(self.tree.guide.is_end(np.array([token]))[0]):
                return self._path(steps)
            node = self.tree.child(node, token)

    def _path(self, steps: list[tuple[Node, int]]) -> Path:
        for node, _ in steps:
            self.tree.mask(node)
        return Path(
            tokens=tuple(token for _, token in steps),
            log_p=np.log([node.probs[token] for node, token in steps]),
            log_mass=np.log([node.bound for node, _ in steps]),
            log_potential=self.target.log_potential([token for _, token in steps[:-1]]),
        )


def _log_q(here: Path, there: Path) -> float:
    """log-probability that a move from `here` proposes `there`: the mean over cuts of `here`."""
    same = [a == b for a, b in zip(here.tokens, there.tokens, strict=False)]
    common = next((i for i, equal in enumerate(same) if not equal), len(same))
    cuts = min(common, len(here.tokens) - 1, len(there.tokens) - 1) + 1
    return logsumexp(there.log_tails()[:cuts]) - float(np.log(len(here.tokens)))


def _collected(target: Target, paths: list[Path], log_weights: Floats) -> Collected:
    return Collected(target, tuple(path.tokens[:-1] for path in paths), log_weights)
