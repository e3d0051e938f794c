"""`reparam`: a choice made of other choices.

A token may be drawn from Gumbel noise (so that two models can be fed the same noise), byte by
byte, or in stages (first whether it is in a mask, then which one it is). The site keeps its name
and value, and what is random happens at auxiliary sites before it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from constrain.errors import Unsupported
from constrain.lm.distributions import Bernoulli, Choice, Delta, logsumexp
from constrain.lm.keys import Key

from .messages import Sample
from .runtime import Messenger, apply_stack_async
from .wrapping import as_token, handler, settled


class Reparam(Protocol):
    """A way to make a site of others."""

    async def apply(self, msg: Sample) -> Any:
        """Perform the auxiliary sites and give the value; `msg.value` if it is observed."""
        ...


Config: TypeAlias = "Mapping[str, Reparam] | Callable[[Sample], Reparam | None]"


class ReparamMessenger(Messenger):
    def __init__(self, config: Config):
        self.config = config

    def process_sample(self, msg: Sample) -> Sample:
        if msg.infer.get("reparametrized"):
            return msg
        config = self.config
        chosen = config.get(msg.name) if isinstance(config, Mapping) else config(msg)
        if chosen is None:
            return msg
        if "proposal" in msg.infer:
            raise Unsupported(f"a proposal for site {msg.name!r}, which is made of others")
        return _Composed.of(msg, chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Composed(Sample):
    """A site whose value other sites decide; by itself it is certain and scores 0.

    On its way outward it is no random choice any more, so it goes by a type of its own.
    """

    type: ClassVar[str] = "composed"

    how: Reparam

    @classmethod
    def of(cls, msg: Sample, how: Reparam) -> _Composed:
        shared = {field.name: getattr(msg, field.name) for field in fields(Sample)}
        return cls(**shared, how=how)

    async def default(self) -> Sample:
        value = await self.how.apply(self)
        if self.value is None and isinstance(value, int):
            value = as_token(self.fn, value)
        await settled(self.fn.log_prob(value))  # moves a context on, where there is one
        infer = {**self.infer, "reparametrized": True}
        shared: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(Sample)}
        shared |= {"fn": Delta(value), "infer": infer}
        certain = Sample(**shared)
        return certain.replace(value=value, log_prob=0.0, is_observed=True, done=True)


async def _site(msg: Sample, suffix: str, fn: Any, part: Any = None) -> Any:
    """Perform an auxiliary site of `msg`; `part` is its value if the whole is observed."""
    site = Sample(name=msg.name + suffix, fn=fn, infer={"reparametrized": True})
    if msg.is_observed:
        site = site.replace(value=part, is_observed=True)
    return (await apply_stack_async(site)).value


@handler
def reparam(*, config: Config) -> ReparamMessenger:
    """Make the sites that `config` names (or picks) of auxiliary ones, by `GumbelReparam`, ...

    Auxiliary sites are called `<name>_...` and carry the score; the site itself becomes certain,
    so that data for it belong inside of this handler.

    >>> from constrain import poutine
    >>> from constrain.lm.distributions import LogCategorical
    >>> def token():
    ...     return poutine.sample("t", LogCategorical(np.log([0.2, 0.3, 0.5])), obs=2)
    >>> staged = poutine.reparam(token, config={"t": poutine.StagedReparam([1, 2])})
    >>> record = poutine.trace(staged).get_trace()
    >>> [name for name in record if not name.startswith("_")]
    ['t_inside', 't_which', 't']
    >>> round(float(np.exp(record.log_prob_sum())), 4)
    0.5
    """
    return ReparamMessenger(config)


def _log_probs(msg: Sample) -> NDArray[np.float64]:
    rows: Any = getattr(msg.fn, "log_probs", None)
    if rows is None or np.ndim(rows) != 1:
        raise Unsupported(
            f"reparametrizing {type(msg.fn).__name__} at site {msg.name!r}",
            note="a distribution with log_probs, float64[n], is expected",
        )
    return np.asarray(rows, np.float64)


class _Gumbel:
    """n independent standard Gumbel numbers."""

    def __init__(self, n: int):
        self.n = n

    def sample(self, key: Key) -> tuple[NDArray[np.float64], float]:
        # (0, 1), open on both sides
        u = (key.uniforms(self.n) * (1 - 2**-52)) + 2**-53
        noise = -np.log(-np.log(u))
        return noise, self.log_prob(noise)

    def log_prob(self, value: Any) -> float:
        return float((-value - np.exp(-value)).sum())


class GumbelReparam:
    """The index of the largest of log_probs + Gumbel noise, at `<name>_noise` (Gumbel 1954).

    With the noise of one trace replayed into another, two models draw with common random numbers.
    Raises Unsupported for an observed site: the noise behind a value is not determined.
    """

    async def apply(self, msg: Sample) -> Any:
        log_probs = _log_probs(msg)
        if msg.is_observed or msg.value is not None:
            raise Unsupported(f"Gumbel noise behind the given value at site {msg.name!r}")
        noise = await _site(msg, "_noise", _Gumbel(len(log_probs)))
        return int(np.argmax(log_probs + noise))


class StagedReparam:
    """First whether the token is `inside` a set (`<name>_inside`), then which one (`..._which`)."""

    def __init__(self, inside: Collection[int]):
        self.inside = frozenset(inside)

    async def apply(self, msg: Sample) -> Any:
        log_probs = _log_probs(msg)
        member = np.zeros(len(log_probs), np.bool_)
        member[list(self.inside)] = True
        mass = float(np.exp(logsumexp(log_probs[member])))
        value = msg.value
        bit = await _site(msg, "_inside", Bernoulli(min(mass, 1.0)), value in self.inside)
        left = np.flatnonzero(member == bit)
        return await _site(msg, "_which", Choice(left.tolist(), log_probs[left]), value)


END = 256


class BytesReparam:
    """Byte by byte: `<name>_byte0`, ...; 256 ends the token, and `<name>_which` tells equals apart.

    tokens: the bytes of every id. Ids without bytes are drawn by `<name>_which` alone, behind a
    first 256.
    """

    def __init__(self, tokens: Sequence[bytes | None]):
        self.tokens = [*tokens]

    async def apply(self, msg: Sample) -> Any:
        log_probs = _log_probs(msg)
        left = np.flatnonzero(np.isfinite(log_probs))
        target = (self.tokens[msg.value] or b"") if msg.is_observed else b""
        depth = 0
        while True:
            groups: dict[int, list[int]] = {}
            for i in left.tolist():
                text = self.tokens[i] or b""
                groups.setdefault(text[depth] if depth < len(text) else END, []).append(i)
            masses = [logsumexp(log_probs[ids]) for ids in groups.values()]
            part = target[depth] if depth < len(target) else END
            byte = await _site(msg, f"_byte{depth}", Choice(list(groups), masses), part)
            left = np.asarray(groups[byte])
            if byte == END:
                return await _site(msg, "_which", Choice(left.tolist(), log_probs[left]), msg.value)
            depth += 1
