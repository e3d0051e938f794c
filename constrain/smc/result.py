"""What a run of inference gives: weighted particles, the evidence, and how it went."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

import numpy as np

from constrain.lm.keys import SHARED, Key, Seed, seed_of

from . import record, report
from .population import Moment, Population
from .resampling import multinomial
from .weights import Floats, Ints, logsumexp, normalized, relative_variance

Pop = TypeVar("Pop", bound=Population)


@dataclass(frozen=True, eq=False)
class Result(Generic[Pop]):
    """particles: the last population; moments: the run, from the first population to the last.

    A run of an algorithm that keeps no history has one moment or none.
    """

    particles: Pop
    moments: tuple[Moment, ...] = ()

    @property
    def log_weights(self) -> Floats:
        """float64[n], nats; their exponentials sum to the estimate of the evidence."""
        return self.particles.log_weights

    @property
    def sequences(self) -> tuple[Any, ...]:
        """Token ids of each text without its end token; for programs, the programs."""
        return self.particles.values()

    @cached_property
    def texts(self) -> tuple[str, ...]:
        return self.particles.contents()

    @property
    def log_evidence(self) -> float:
        """Estimate of log Z, nats: exp of it is without bias. -inf if every particle is dead."""
        return logsumexp(self.log_weights)

    @property
    def log_evidence_error(self) -> float:
        """Standard error of `log_evidence` from this run alone (Lee and Whiteley 2018).

        inf where one founder is left or every particle is dead: then the run says nothing about
        its error. NaN for algorithms whose particles are not exchangeable (`particle_filter`,
        `steering`): run several times instead.
        """
        resampled = [m for m in self.moments if m.kind == "resample"]
        first = self.moments[0] if self.moments else None
        if first is None or any(len(m.totals) != len(first.totals) for m in self.moments):
            return float("nan")
        n = len(first.totals)
        variance = relative_variance(self.log_weights, self.founders, n, len(resampled))
        return float("inf") if variance >= 1.0 else float(np.sqrt(variance))

    @property
    def ess(self) -> list[float]:
        """Effective sample size after each moment, before what it led to."""
        return [m.ess for m in self.moments]

    @property
    def log_mass(self) -> list[Floats]:
        """For each step, float64[n] nats: what the grammars left of the model's probability."""
        return [m.log_mass for m in self.moments if m.kind == "step"]

    @cached_property
    def genealogy(self) -> tuple[Ints, ...]:
        """For each moment, which of its particles each last particle descends from."""
        lines = [np.arange(len(self.particles))]
        for m in reversed(self.moments[1:]):
            lines.append(m.ancestors[lines[-1]])
        return tuple(reversed(lines))

    @property
    def founders(self) -> Ints:
        """int64[n]: the first particle that each last one descends from."""
        return self.genealogy[0]

    @property
    def unique_ancestors(self) -> list[int]:
        """For each moment, how many of its particles have descendants with weight at the end."""
        alive = np.isfinite(self.log_weights)
        return [len(np.unique(line[alive])) for line in self.genealogy]

    @property
    def dead_fraction(self) -> list[float]:
        return [m.n_dead / max(1, len(m.totals)) for m in self.moments]

    def posterior(self) -> dict[Hashable, float]:
        """Probability of each text (of each program's text), most probable first.

        Empty if every particle is dead.
        """
        shares: defaultdict[Hashable, float] = defaultdict(float)
        for text, share in zip(self.texts, normalized(self.log_weights).tolist(), strict=True):
            if share > 0:
                shares[text] += share
        return dict(sorted(shares.items(), key=lambda item: -item[1]))

    def mean(self, value: Callable[[str], float]) -> tuple[float, float]:
        """(posterior mean of a function of the text, its standard error from this run alone).

        The error takes descendants of one first particle as one sample, so it is an upper guess
        for few founders; without a history of the run each text counts for itself.
        """
        weights = normalized(self.log_weights)
        alive = np.flatnonzero(weights)
        values = np.array([value(self.texts[i]) for i in alive.tolist()])
        found = float(weights[alive] @ values)
        groups = self.founders[alive] if self.moments else alive
        shares = np.bincount(groups, weights[alive] * (values - found))
        return found, float(np.sqrt((shares * shares).sum()))

    def resample(self, n: int, rng: Seed | None = None) -> list[str]:
        """n texts drawn from the posterior, with replacement."""
        return [self.texts[i] for i in self.resampled(n, rng)]

    def resampled(self, n: int, rng: Seed | None = None) -> list[int]:
        """The numbers of n particles drawn by weight, with replacement, in random order."""
        if not np.isfinite(self.log_weights).any():
            raise ValueError("every particle is dead: there is no posterior to draw from")
        key = Key(seed_of(rng), SHARED)
        indices, _ = multinomial(self.log_weights, n, key)
        return indices[np.argsort(key.at(site=1).uniforms(n))].tolist()

    def to_json(self) -> str:
        """The run in LLaMPPL's record format; needs `record=True` when it was made."""
        return json.dumps(record.steps(self.moments), ensure_ascii=False)

    def to_html(self, title: str = "Inference", sections: Sequence[str] = ()) -> str:
        """The run as one HTML page that needs nothing else; needs `record=True`.

        sections: HTML for the end of the page, such as `constrain.hf.introspection.html_section`.
        """
        posterior = {str(text): share for text, share in self.posterior().items()}
        summary = report.Summary(title, self.log_evidence, self.log_evidence_error, posterior)
        return report.page(summary, self.moments, record.steps(self.moments), sections)
