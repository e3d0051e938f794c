"""A memo from the tokens generated so far to the state they lead to: a trie of prefixes.

It may be dropped at any time, since every entry can be computed again from its tokens. With it a
row's state is found by what the row says, so that it does not matter which row it was a step ago:
beams that were reordered, drafts that were rejected, rows that ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from constrain.errors import TokenRejected
from constrain.tokens.vocabulary import Vocabulary


class Language(Protocol):
    """What can be followed token by token."""

    def init(self) -> Any: ...
    def advance(self, state: Any, token_id: int) -> Any: ...
    def is_terminal(self, state: Any) -> bool: ...


class Constraint(Language, Protocol):
    """What this floor asks of a compiled grammar."""

    @property
    def vocabulary(self) -> Vocabulary: ...
    def mask(self, state: Any) -> NDArray[np.uint32]: ...


class Anything:
    """The language of all texts, which never end."""

    def init(self) -> tuple[()]:
        return ()

    def advance(self, state: tuple[()], token_id: int) -> tuple[()]:
        return ()

    def is_terminal(self, state: tuple[()]) -> bool:
        return False


class Prefix:
    """The tokens on the way here from the root. Never raises for tokens that do not fit.

    state: the constraint's state; None for a prefix that is outside the language (`dead`).
    ended: an end token was read; whatever follows is padding and leads nowhere else.
    log_mass: log of the probability that the mask left at the step after this prefix, in nats;
        None until a model has been asked.
    forbidden: (token, probability) of the likeliest tokens that the mask forbade at that step.
    """

    __slots__ = ("children", "constraint", "ended", "forbidden", "log_mass", "state")

    def __init__(self, constraint: Language, state: Any):
        self.constraint = constraint
        self.state = state
        self.ended = state is not None and constraint.is_terminal(state)
        self.children: dict[int, Prefix] = {}
        self.log_mass: float | None = None
        self.forbidden: list[tuple[int, float]] = []

    @property
    def open(self) -> bool:
        """May tokens other than an end token follow?"""
        return self.state is not None and not self.ended

    def child(self, token: int) -> Prefix:
        """The prefix with one more token. O(1) when it was asked for before."""
        if not self.open:
            return self
        found = self.children.get(token)
        if found is None:
            found = self.children[token] = Prefix(self.constraint, self._after(token))
        return found

    def descend(self, tokens: Iterable[int]) -> Prefix:
        """The prefix with these tokens more."""
        here = self
        for token in tokens:
            here = here.child(token)
        return here

    def known(self, tokens: Iterable[int]) -> bool:
        """Have these tokens been followed before?"""
        here = self
        for token in tokens:
            if here.open and token not in here.children:
                return False
            here = here.child(token)
        return True

    def _after(self, token: int) -> Any:
        try:
            return self.constraint.advance(self.state, token)
        except TokenRejected:
            return None


def root(constraint: Language) -> Prefix:
    """The empty prefix."""
    return Prefix(constraint, constraint.init())
