"""Particles as arrays: texts that grow by one token a step, drawn as their grammars allow.

The proposal is the model's next-token distribution times the guide (a mask, or the twist of each
child), renormalised. The mass before renormalising is the exact incremental weight (locally
constrained sequential Monte Carlo, Loula et al. 2025; with twists, Zhao et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from constrain.lm.keys import uniforms

from .draw import Weighted, weigh
from .guide import START, Guide
from .target import Target
from .weights import Floats, Ints

LIVE, FINISHED, DEAD = 0, 1, 2

CHUNK_BYTES = 1 << 27
"""Bound on the rows of log-probabilities that a model is asked for in one call."""

PIECE_BYTES = 1 << 23
"""Bound on those that are weighed in one piece, which should fit a processor's cache."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Proposals of some particles: particle `particles[k]` draws from row `row_of[k]`."""

    particles: Ints
    row_of: Ints
    weighted: Weighted
    factors: NDArray[Any]
    log_scale: Floats

    def log_twist(self, row_of: Ints, tokens: Ints) -> Floats:
        """The twists of texts once they have these tokens."""
        if self.factors.dtype == np.bool_:
            return np.zeros(len(tokens))
        return np.log(self.factors[row_of, tokens]) + self.log_scale[row_of]


@dataclass(frozen=True, eq=False)
class Children:
    """Texts with one token more, not made yet. `totals`: log-weights with twists, float64[m]."""

    parents: Ints
    tokens: Ints
    totals: Floats
    log_twists: Floats

    @classmethod
    def of(cls, part: Rows, log_weights: Floats) -> Children:
        """All children of the particles of some rows, which have these log-weights."""
        vocab = part.factors.shape[-1]
        weights = part.weighted.blocks.reshape(len(part.factors), -1)[part.row_of, :vocab]
        which, tokens = np.nonzero(weights)
        row_of = part.row_of[which]
        totals = log_weights[which] + np.log(weights[which, tokens].astype(np.float64))
        totals += part.weighted.log_scale[row_of]
        return cls(part.particles[which], tokens, totals, part.log_twist(row_of, tokens))

    @classmethod
    def joined(cls, parts: Sequence[Children]) -> Children:
        no_ints, no_floats = np.zeros(0, np.int64), np.zeros(0)
        return cls(
            np.concatenate([no_ints, *(p.parents for p in parts)]),
            np.concatenate([no_ints, *(p.tokens for p in parts)]),
            np.concatenate([no_floats, *(p.totals for p in parts)]),
            np.concatenate([no_floats, *(p.log_twists for p in parts)]),
        )

    def __getitem__(self, indices: Ints | NDArray[np.bool_]) -> Children:
        return Children(
            self.parents[indices],
            self.tokens[indices],
            self.totals[indices],
            self.log_twists[indices],
        )


@dataclass(frozen=True, eq=False)
class Texts:
    """n particles. A value: stepping and taking give new ones.

    tokens: int32[n, steps], -1 behind the end token. lm_states, places: int64[n], of the model
    and of the guide. log_weights, log_twists: float64[n]; the sum over particles of
    exp(log_weights) estimates the evidence, and a twist is a factor that leads but is divided out.
    slots: int64[n], whose random numbers a particle uses. log_mass: float64[n], nats, what the
    grammars left of the model's probability in the last step; 0 where there was none.
    """

    target: Target
    guide: Guide
    tokens: NDArray[np.int32]
    lm_states: Ints
    places: Ints
    log_weights: Floats
    log_twists: Floats
    status: NDArray[np.int8]
    slots: Ints
    log_mass: Floats

    @classmethod
    def start(cls, target: Target, n: int) -> Self:
        """n empty texts of equal weight."""
        return cls(
            target=target,
            guide=target.guide(),
            tokens=np.zeros((n, 0), np.int32),
            lm_states=np.full(n, target.lm.init(target.prompt), np.int64),
            places=np.full(n, START, np.int64),
            log_weights=np.full(n, -np.log(n)),
            log_twists=np.zeros(n),
            status=np.zeros(n, np.int8),
            slots=np.arange(n),
            log_mass=np.zeros(n),
        )

    def __len__(self) -> int:
        return len(self.places)

    @property
    def totals(self) -> Floats:
        """Log-weights with their twists: what resampling goes by."""
        return self.log_weights + self.log_twists

    @property
    def live(self) -> NDArray[np.bool_]:
        return self.status == LIVE

    @property
    def dead(self) -> NDArray[np.bool_]:
        return self.status == DEAD

    def take(self, indices: Ints, totals: Floats) -> Self:
        """These particles, with new log-weights (twists included)."""
        return replace(
            self,
            tokens=self.tokens[indices],
            lm_states=self.lm_states[indices],
            places=self.places[indices],
            log_weights=totals - self.log_twists[indices],
            log_twists=self.log_twists[indices],
            status=self.status[indices],
            slots=np.arange(len(indices)),
            log_mass=self.log_mass[indices],
        )

    def step(self, seed: int, step: int) -> Self:
        """Every live text with one token more, drawn from the proposal and weighed."""
        live = np.flatnonzero(self.live)
        tokens = np.full(len(self), -1, np.int64)
        log_mass, log_twists = np.zeros(len(self)), np.zeros(len(self))
        for part in self.rows(live):
            mass = part.weighted.log_mass[part.row_of]
            log_mass[part.particles] = mass
            alive = mass > -np.inf
            particles, row_of = part.particles[alive], part.row_of[alive]
            drawn = self._draw(part.weighted, row_of, particles, seed, step)
            tokens[particles], log_twists[particles] = drawn, part.log_twist(row_of, drawn)
        return self._with(live, tokens, log_mass, log_twists)

    def _draw(
        self, weighted: Weighted, row_of: Ints, particles: Ints, seed: int, step: int
    ) -> Ints:
        return weighted.draw(row_of, uniforms(seed, self.slots[particles], step))

    def children(self) -> Children:
        """Every allowed token of every live text."""
        found = [
            Children.of(part, self.log_weights[part.particles])
            for part in self.rows(np.flatnonzero(self.live))
        ]
        return Children.joined(found)

    def grown(self, children: Children, totals: Floats) -> Self:
        """The texts that some children are, with these log-weights (twists included)."""
        parents, twists = children.parents, children.log_twists
        chosen = self.take(parents, self.totals[parents])
        weighed = replace(chosen, log_weights=totals - twists)
        zero = np.zeros(len(parents))
        grown = weighed._with(np.arange(len(parents)), children.tokens, zero, zero)
        going = np.flatnonzero(grown.live)
        log_twists = np.zeros(len(parents))
        log_twists[going] = twists[going]
        return replace(grown, log_twists=grown.log_twists + log_twists)

    def rows(self, which: Ints) -> Iterator[Rows]:
        """The proposals of some particles, in chunks.

        Particles with the same prefix and the same place share one row and one question.
        """
        if not len(which):
            return
        pairs = np.stack([self.lm_states[which], self.places[which]], -1)
        pairs, row_of = np.unique(pairs, axis=0, return_inverse=True)
        row_of = row_of.reshape(-1)
        vocab = len(self.target.lm.vocabulary)
        for begin, stop in _ranges(len(pairs), CHUNK_BYTES // (8 * vocab)):
            rows, normalized = self._asked(pairs[begin:stop, 0])
            for low, high in _ranges(stop - begin, PIECE_BYTES // (8 * vocab)):
                low, high = begin + low, begin + high
                factors, log_scale = self.guide.rows(pairs[low:high, 1], self.tokens.shape[1])
                piece = rows[low - begin : high - begin]
                weighted = weigh(piece, factors, normalized=normalized)
                weighted.log_scale[:] += log_scale
                here = (row_of >= low) & (row_of < high)
                yield Rows(which[here], row_of[here] - low, weighted, factors, log_scale)

    def _asked(self, states: Ints) -> tuple[NDArray[Any], bool]:
        """(the model's rows for some states, are they normalised?); equal states are asked once."""
        different, place = np.unique(states, return_inverse=True)
        ask = getattr(self.target.lm, "logits", None)
        rows = self.target.lm.log_probs(different) if ask is None else ask(different)
        return rows if len(different) == len(states) else rows[place.reshape(-1)], ask is None

    def _with(self, live: Ints, tokens: Ints, log_mass: Floats, log_twists: Floats) -> Self:
        """The population after the live particles drew these tokens (-1: none was allowed)."""
        dead = live[tokens[live] < 0]
        moved = live[tokens[live] >= 0]
        ended = moved[self.guide.is_end(tokens[moved])]
        going = np.setdiff1d(moved, ended, assume_unique=True)
        status, weights = self.status.copy(), self.log_weights.copy()
        states, places = self.lm_states.copy(), self.places.copy()
        status[dead], status[ended] = DEAD, FINISHED
        weights[moved] += log_mass[moved] - log_twists[moved]
        weights[dead] = -np.inf
        states[going] = self.target.lm.advance(states[going], tokens[going])
        places[going] = self.guide.advance(places[going], tokens[going])
        after = replace(
            self,
            tokens=np.concatenate([self.tokens, tokens[:, None].astype(np.int32)], 1),
            lm_states=states,
            places=places,
            log_weights=weights,
            log_twists=log_twists,
            status=status,
            log_mass=log_mass,
        )
        return after.judged(going, ended) if self.target.critics else after

    def judged(self, going: Ints, ended: Ints) -> Self:
        """With the critics' guesses in the twists and their verdicts in the weights."""
        weights, twists, status = (
            self.log_weights.copy(),
            self.log_twists.copy(),
            self.status.copy(),
        )
        for i in going.tolist():
            twists[i] += self.target.log_guess(self.tokens[i].tolist())
        for i in ended.tolist():
            weights[i] += self.target.log_potential(self.tokens[i].tolist())
        hopeless = (weights == -np.inf) | (twists == -np.inf)
        status[hopeless], weights[hopeless], twists[hopeless] = DEAD, -np.inf, 0.0
        return replace(self, log_weights=weights, log_twists=twists, status=status)

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """The particles of several populations of one target, one after the other."""
        first, width = parts[0], max(part.tokens.shape[1] for part in parts)
        names = ("lm_states", "places", "log_weights", "log_twists", "status", "log_mass")
        columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in names}
        padded = [
            np.pad(p.tokens, ((0, 0), (0, width - p.tokens.shape[1])), constant_values=-1)
            for p in parts
        ]
        slots = np.arange(sum(len(p) for p in parts))
        return replace(first, tokens=np.concatenate(padded), slots=slots, **columns)

    def values(self) -> tuple[tuple[int, ...], ...]:
        """The token ids of each text, without its end token."""
        eos = set(self.target.lm.vocabulary.eos_token_ids)
        return tuple(
            tuple(token for token in row if token >= 0 and token not in eos)
            for row in self.tokens.tolist()
        )

    def contents(self) -> tuple[str, ...]:
        """The texts."""
        return tuple(self.target.text(ids).decode(errors="replace") for ids in self.values())


def _ranges(n: int, size: int) -> Iterator[tuple[int, int]]:
    """0 to n in parts of at most `size`, and at least 1."""
    size = max(1, size)
    return ((begin, min(n, begin + size)) for begin in range(0, n, size))
