"""What is inferred: the texts of a language model, within some languages, judged by critics.

The target is p(text) * 1[text in every language] * exp(critics' score), over texts of at most
`max_tokens` tokens and an end token. Its total mass Z is the *evidence*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, TypeAlias

from constrain.decoding.constraint import Constraint
from constrain.errors import VocabularyMismatch
from constrain.lm.protocol import LanguageModel

from .future import FutureMass
from .guide import Guide

MAX_TOKENS = 256

Twist: TypeAlias = Callable[[Constraint, int], FutureMass]
"""(constraint, max_tokens) -> its future mass; `FutureMass` itself is the uniform one."""


class Critic(Protocol):
    """A potential that only judges: log-scores in nats, -inf to forbid."""

    def complete(self, text: bytes) -> float:
        """Log-potential of a whole text: a part of the target."""
        ...

    def prefix(self, text: bytes) -> float:
        """A guess at it from the text so far: a twist. -inf only if no text can go on well."""
        ...


@dataclass(frozen=True)
class CompleteOnly:
    """A critic that has no opinion before the text has ended."""

    judge: Callable[[bytes], float]

    def complete(self, text: bytes) -> float:
        return self.judge(text)

    def prefix(self, text: bytes) -> float:
        return 0.0


@dataclass(frozen=True, eq=False)
class Target:
    """See above. `twist` leads particles and leaves the target as it is; None gives none."""

    lm: LanguageModel
    prompt: tuple[int, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    critics: tuple[Critic, ...] = ()
    max_tokens: int = MAX_TOKENS
    twist: Twist | None = None

    @cached_property
    def _future(self) -> tuple[FutureMass, ...]:
        return (
            ()
            if self.twist is None
            else tuple(self.twist(c, self.max_tokens) for c in self.constraints)
        )

    def guide(self) -> Guide:
        """A new guide, which numbers states as it meets them."""
        return Guide(self.lm.vocabulary, self.constraints, self._future, self.max_tokens)

    def text(self, tokens: Sequence[int]) -> bytes:
        """The bytes of some ids; those without bytes (end tokens) give none."""
        spelled = self.lm.vocabulary.tokens
        return b"".join(spelled[token] or b"" for token in tokens if token >= 0)

    def log_potential(self, tokens: Sequence[int]) -> float:
        """Sum of the critics' scores of a whole text."""
        text = self.text(tokens) if self.critics else b""
        return sum((critic.complete(text) for critic in self.critics), 0.0)

    def log_guess(self, tokens: Sequence[int]) -> float:
        """Sum of the critics' guesses from a text that has not ended."""
        text = self.text(tokens) if self.critics else b""
        return sum((critic.prefix(text) for critic in self.critics), 0.0)


def target(
    lm: LanguageModel,
    prompt: str | Sequence[int] = (),
    constraint: Constraint | Sequence[Constraint] | None = None,
    *,
    critic: Critic | Callable[[bytes], float] | Sequence[Critic] | None = None,
    max_tokens: int = MAX_TOKENS,
    twist: Twist | None = None,
) -> Target:
    """A target from what a user has at hand: a prompt as text or ids, one of each or several."""
    ids = _encoded(lm, prompt) if isinstance(prompt, str) else tuple(int(t) for t in prompt)
    several = constraint if isinstance(constraint, Sequence) else [constraint]
    critics = critic if isinstance(critic, Sequence) else [critic]
    return Target(
        lm=lm,
        prompt=ids,
        constraints=tuple(c for c in several if c is not None),
        critics=tuple(_critic(c) for c in critics if c is not None),
        max_tokens=max_tokens,
        twist=twist,
    )


def _critic(given: Critic | Callable[[bytes], float]) -> Critic:
    return given if hasattr(given, "complete") else CompleteOnly(given)  # type: ignore[arg-type]


def _encoded(lm: LanguageModel, prompt: str) -> tuple[int, ...]:
    encode = lm.vocabulary.encode
    if encode is None and prompt:
        raise VocabularyMismatch("the model's vocabulary has no `encode`; give the prompt as ids")
    return tuple(encode(prompt)) if encode and prompt else ()
