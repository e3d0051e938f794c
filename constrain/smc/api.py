"""One door to all algorithms: texts of a language model under grammars and critics."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from typing import Any

from constrain.decoding.constraint import Constraint
from constrain.errors import SpecError
from constrain.lm.keys import Seed, seed_of
from constrain.lm.protocol import LanguageModel

from .asap import asap
from .awrs import awrs
from .beam import beam
from .cars import cars
from .chained import Chained
from .enumeration import enumeration
from .mcmc import mcmc
from .modeling import Model
from .particle_filter import particle_filter
from .programs import Programs
from .result import Result
from .sequential import importance, sequential
from .steering import steering
from .target import MAX_TOKENS, Critic, Target, Twist, target as target_of
from .texts import Texts
from .warning import InferenceWarning, findings

Method = Callable[..., Result[Any]]
"""(target, n_particles, seed, **options) -> Result."""


def smc(target: Target, n_particles: int, seed: int, **options: Any) -> Result[Texts]:
    """`sequential` on texts."""
    return sequential(Texts.start(target, n_particles), seed, **options)


def importance_sampling(
    target: Target, n_particles: int, seed: int, **options: Any
) -> Result[Texts]:
    """`importance` on texts."""
    return importance(Texts.start(target, n_particles), seed, **options)


def steer(
    target: Target, n_particles: int, seed: int, n_beam: int = 3, **options: Any
) -> Result[Texts]:
    """`steering` on texts."""
    return steering(Texts.start(target, n_particles), seed, n_beam, **options)


METHODS: dict[str, Method] = {
    "importance": importance_sampling,
    "smc": smc,
    "steering": steer,
    "particle_filter": particle_filter,
    "awrs": awrs,
    "cars": cars,
    "asap": asap,
    "mcmc": mcmc,
    "beam": beam,
    "enumeration": enumeration,
}


def sample(
    lm: LanguageModel,
    prompt: str | Sequence[int] = (),
    constraint: Constraint | Sequence[Constraint] | None = None,
    *,
    n_particles: int = 32,
    method: str | Method = "smc",
    rng: Seed | None = None,
    critic: Critic | Callable[[bytes], float] | Sequence[Critic] | None = None,
    max_tokens: int = MAX_TOKENS,
    twist: Twist | None = None,
    **options: Any,
) -> Result[Any]:
    """Weighted texts of `lm` after `prompt` that fit every constraint.

    method: a name ("smc", "particle_filter", ...; see METHODS) or a function like those.
    rng: a seed or a generator. The same seed gives the same texts, whatever the batch.
    max_tokens: tokens before the end token. The target holds the texts that are no longer.
    twist: for example `FutureMass`: leads particles by what the grammar can still finish.
    options: those of the method.

    A run that ended badly (most particles dead, one ancestor left) is told by an
    InferenceWarning.
    """
    if isinstance(method, str) and method not in METHODS:
        raise SpecError(f"unknown method {method!r}; there are {', '.join(sorted(METHODS))}")
    algorithm = METHODS[method] if isinstance(method, str) else method
    wanted = target_of(lm, prompt, constraint, critic=critic, max_tokens=max_tokens, twist=twist)
    found = algorithm(wanted, n_particles, seed_of(rng), **options)
    for text in findings(found):
        warnings.warn(text, InferenceWarning, stacklevel=2)
    return found


def sample_through(
    lm: LanguageModel,
    prompt: str | Sequence[int],
    processors: Sequence[Any],
    *,
    n_particles: int = 32,
    rng: Seed | None = None,
    max_tokens: int = MAX_TOKENS,
    **options: Any,
) -> Result[Chained]:
    """`sample` by sequential Monte Carlo through processors with roles, grammars among them."""
    wanted = target_of(lm, prompt, max_tokens=max_tokens)
    start = Chained.through(wanted, processors, n_particles)
    return sequential(start, seed_of(rng), **options)


def run(
    model: Model, n_particles: int = 32, *, rng: Seed | None = None, **options: Any
) -> Result[Programs]:
    """Sequential Monte Carlo over programs; options are those of `sequential`."""
    seed = seed_of(rng)
    return sequential(Programs.start(model, n_particles, seed), seed, **options)
