"""`constrain`: a grammar as a handler that proposes tokens, with their exact weight."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from constrain.errors import TokenRejected, Unsupported
from constrain.lm.distributions import LogCategorical, logsumexp
from constrain.lm.keys import Key

from .intervening import MARK
from .messages import Message, Sample
from .runtime import DeadEnd, Messenger
from .wrapping import as_token, handler

if TYPE_CHECKING:  # loads numba
    from constrain.decoding.constraint import Constraint


class _Masked(LogCategorical):
    """Tokens as `fn` gives them, by the log-probabilities that are left."""

    def __init__(self, fn: Any, logits: NDArray[np.float64]):
        super().__init__(logits)
        self._fn = fn

    def sample(self, key: Key) -> tuple[Any, float]:
        token_id, log_prob = super().sample(key)
        return as_token(self._fn, token_id), log_prob


class ConstraintMessenger(Messenger):
    """Follows a grammar along the token sites of one run; `state` is where it stands."""

    def __init__(self, constraint: Constraint, sites: Callable[[Message], bool] | None = None):
        self.constraint = constraint
        self.state = constraint.init()
        self._sites = sites
        self._at: str | None = None

    def __enter__(self) -> Self:
        self.state, self._at = self.constraint.init(), None
        return super().__enter__()

    def _is_token(self, msg: Sample) -> bool:
        if self._sites is not None:
            return self._sites(msg)
        log_probs: Any = getattr(msg.fn, "log_probs", None)
        return np.shape(log_probs) == (len(self.constraint.vocabulary),)

    def process_sample(self, msg: Sample) -> Sample:
        if not self._is_token(msg):
            return msg
        if MARK in msg.infer:  # happens aside of the text, which `do` has given another token
            if self._at != msg.name:
                raise ValueError(
                    f"`do` on token {msg.name!r} is inside the grammar; put it outside"
                )
            return msg
        self._at = msg.name
        allowed = self._allowed() & msg.infer.get("allowed", True)
        fn: Any = msg.fn
        prior: Any = msg.infer.get("prior_proposal", msg.infer.get("proposal", fn))
        infer = {
            **msg.infer,
            "allowed": allowed,
            "log_mass": logsumexp(fn.log_probs[allowed]),
            "prior_proposal": prior,
            "grammar_states": (*msg.infer.get("grammar_states", ()), self.state),
        }
        if msg.is_observed or msg.value is not None:
            return msg.replace(infer=infer)
        masked = np.where(allowed, prior.log_probs, -np.inf)
        if not np.isfinite(masked).any():
            raise DeadEnd(msg.replace(infer=infer))
        return msg.replace(infer={**infer, "proposal": _Masked(fn, masked)})

    def process_composed(self, msg: Sample) -> Sample:
        if self._is_token(msg):
            raise Unsupported(f"a grammar over token {msg.name!r}, which is made of other sites")
        return msg

    def _allowed(self) -> NDArray[np.bool_]:
        octets = self.constraint.mask(self.state).astype("<u4", copy=False).view(np.uint8)
        count = len(self.constraint.vocabulary)
        return np.unpackbits(octets, count=count, bitorder="little").view(np.bool_)

    def postprocess_sample(self, msg: Sample) -> Sample:
        # `process` knew a token by its distribution, which may stand at the next one by now
        if msg.name not in (self._at, f"{self._at}__CF") or MARK in msg.infer:
            return msg
        self._at = None
        try:
            self.state = self.constraint.advance(self.state, int(msg.value))
        except TokenRejected as error:  # a token that was given, not drawn
            raise DeadEnd(msg) from error
        return msg


@handler
def constrain(
    constraint: Constraint, *, sites: Callable[[Message], bool] | None = None
) -> ConstraintMessenger:
    """Draw tokens that a grammar allows, and weigh the run by the mass it left: exact.

    At every token site the masked distribution is proposed; so the site weighs
    log p(token) - log q(token), the log of the allowed mass, which is in `infer["log_mass"]`. The
    target is the model's distribution restricted to the grammar, and nested grammars restrict it
    further: their masks meet, with one renormalisation. The run ends in DeadEnd where a token is
    observed, replayed or set that is not allowed, after the end token too, and where nothing is
    allowed that has any probability. A `do` on tokens belongs outside of the grammar.

    sites: which sample sites are tokens; by default those whose distribution has `log_probs` of
    the vocabulary's width.

    >>> import constrain as package
    >>> from constrain import poutine
    >>> from constrain.lm.distributions import LogCategorical
    >>> vocabulary = package.Vocabulary([b"a", b"b", None], eos_token_ids=[2])
    >>> ab = package.compile(package.regex("ab?"), vocabulary)
    >>> def text():
    ...     tokens = []
    ...     while tokens[-1:] != [2]:
    ...         name = f"t{len(tokens)}"
    ...         tokens.append(poutine.sample(name, LogCategorical(np.log([0.5, 0.25, 0.25]))))
    ...     return tokens
    >>> record = poutine.trace(poutine.constrain(text, ab)).get_trace()
    >>> [round(float(np.exp(record.nodes[t].infer["log_mass"])), 2) for t in ("t0", "t1")]
    [0.5, 0.5]
    """
    return ConstraintMessenger(constraint, sites)
