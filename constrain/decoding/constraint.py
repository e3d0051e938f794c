"""A grammar compiled for a vocabulary, and the states that sequences carry.

A State is a tuple whose first entry is an interned handle: two states are equal exactly if their
handles are the same object. A constraint holds handles weakly, so what no state refers to can be
forgotten. All questions about a state are pure; what they compute is kept in the handle.

Configurations have numbers only until the next sweep, which happens when there are many: then all
that no state needs is dropped and the handles in use learn their new numbers.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded, TokenRejected
from constrain.syntax.grammar import Grammar
from constrain.tokens.engine import Engine
from constrain.tokens.vocabulary import Vocabulary

Mask: TypeAlias = NDArray[np.uint32]

MAX_MASKS_BYTES = 1 << 27
MAX_CONFIGS = 50_000
"""Configurations, of somewhat over a kilobyte each, between two sweeps."""

P = ParamSpec("P")
T = TypeVar("T")


class Handle:
    """Stands for one configuration of one constraint; what is known about it is kept here."""

    __slots__ = ("__weakref__", "config", "mask", "next")

    def __init__(self, config: int):
        self.config = config  # -1: the text has ended
        self.mask: Mask | None = None
        self.next: dict[int, State] = {}

    def __repr__(self) -> str:
        return f"<state {self.config}>" if self.config >= 0 else "<end>"


State: TypeAlias = tuple[Handle]


class Constraint:
    """A Grammar for one Vocabulary. Made by `constrain.compile`; safe to share between threads.

    State and mask arguments are those of this constraint; another's give undefined answers.
    """

    def __init__(
        self,
        grammar: Grammar,
        vocabulary: Vocabulary,
        engine: Engine,
        max_configs: int = MAX_CONFIGS,
    ):
        self.grammar = grammar
        self.vocabulary = vocabulary
        self._engine = engine
        self._lock = threading.RLock()
        self._handles: dict[int, weakref.ref[Handle]] = {}
        self._eos = frozenset(vocabulary.eos_token_ids)
        self._tokens = vocabulary.tokens
        self._width = len(vocabulary)
        self._masked: list[Handle] = []  # those with a mask, oldest first
        self._max_masks = max(64, MAX_MASKS_BYTES // (4 * vocabulary.n_words))
        self._end: State = (Handle(-1),)
        self._end[0].mask = np.zeros(vocabulary.n_words, np.uint32)
        self._end[0].mask.setflags(write=False)
        self._max_configs = max_configs
        self._sweep_at = engine.n_configs + max_configs
        self._start = self._state(engine.start)
        weakref.finalize(self, _close, engine, self._handles)

    def __repr__(self) -> str:
        return f"Constraint({self.grammar!r}, {self.vocabulary!r})"

    def init(self) -> State:
        """The state of a text that has not begun."""
        return self._start

    def mask(self, state: State) -> Mask:
        """Which tokens may come next, as read-only uint32[ceil(vocab / 32)].

        Bit i of word w is token 32 * w + i. A terminal state allows nothing. Computed once per
        state (a few microseconds, more for states seen for the first time), then remembered.
        """
        mask = state[0].mask
        return self._mask(state[0]) if mask is None else mask

    def advance(self, state: State, token_id: int) -> State:
        """The state after a token. Raises TokenRejected; `state` itself never changes."""
        after = state[0].next.get(token_id)
        return self._advance(state, token_id) if after is None else after

    def advance_bytes(self, state: State, data: bytes) -> State:
        """The state after these bytes, however they are split into tokens."""
        after, taken = self._run(state, data)
        if after is None:
            message = f"byte {taken} of {data[:40]!r} does not fit"
            raise TokenRejected(message, data, state)
        return after

    def accepts(self, state: State) -> bool:
        """May the text end here?"""
        return state[0].config < 0 or self._ask(self._engine.accepts, state[0])

    def is_terminal(self, state: State) -> bool:
        """Has an end token been read?"""
        return state[0].config < 0

    def matches(self, text: str | bytes) -> bool:
        """Is this whole text in the language? No tokenizer is involved."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        after, _ = self._run(self._start, data)
        return after is not None and self.accepts(after)

    def fitting_prefix(self, text: str | bytes) -> int:
        """How many bytes of the text fit, from its start."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        return self._run(self._start, data)[1]

    # -- inside

    def _state(self, config: int) -> State:
        reference = self._handles.get(config)
        handle = reference() if reference is not None else None
        if handle is None:
            handle = Handle(config)
            self._handles[config] = weakref.ref(handle)
            if config >= self._sweep_at:
                self._sweep()
        return (handle,)

    def _ask(
        self, question: Callable[Concatenate[int, P], T], handle: Handle, *args: P.args, **_: P.kwargs
    ) -> T:
        """Ask the engine about a configuration; with more room if there is too little."""
        with self._lock:
            try:
                return question(handle.config, *args)
            except LimitExceeded as error:
                if error.limit not in ("arena bytes", "arena words"):
                    raise
                self._sweep()
            return question(handle.config, *args)

    def _sweep(self) -> None:
        """Forget all that no state refers to. States stay good and learn their new numbers."""
        handles = self._live()
        for handle in handles:
            handle.next.clear()
            handle.mask = None
        self._masked.clear()
        del handle, handles  # those that only memos referred to are gone now
        handles = self._live()
        numbers = self._engine.forget(handle.config for handle in handles)
        self._handles.clear()
        for handle in handles:
            handle.config = int(numbers[handle.config])
            self._handles[handle.config] = weakref.ref(handle)
        used = self._engine.n_configs
        self._sweep_at = used + max(used, self._max_configs)

    def _live(self) -> list[Handle]:
        return [handle for ref in self._handles.values() if (handle := ref()) is not None]

    def _mask(self, handle: Handle) -> Mask:
        with self._lock:
            mask = handle.mask = self._ask(self._engine.mask, handle)
            self._masked.append(handle)
            if self._engine.n_masks > self._max_masks:
                self._forget_masks()
        return mask

    def _forget_masks(self) -> None:
        """Drop the older half of all masks; states are good without theirs."""
        half = len(self._masked) // 2
        for handle in self._masked[:half]:
            handle.mask = None
        del self._masked[:half]
        self._engine.forget_masks(self._max_masks // 2)

    def _advance(self, state: State, token_id: int) -> State:
        handle = state[0]
        if handle.config < 0:
            raise TokenRejected("the text has already ended", token_id, state)
        if not 0 <= token_id < self._width:
            raise TokenRejected(
                f"token id {token_id} is outside the vocabulary (0 to {self._width - 1})",
                token_id,
                state,
            )
        after: State | None = None
        with self._lock:
            if self._tokens[token_id] is not None:
                target = self._ask(self._engine.advance, handle, token_id)
                if target >= 0:
                    after = self._state(target)
            elif token_id in self._eos and self._ask(self._engine.accepts, handle):
                after = self._end
            if after is None:
                raise TokenRejected(self._refusal(token_id), token_id, state)
            handle.next[token_id] = after
            return after

    def _refusal(self, token_id: int) -> str:
        token = self.vocabulary.tokens[token_id]
        if token_id in self._eos:
            return f"the text may not end here (token {token_id})"
        if token is None:
            return f"token {token_id} has no text and the grammar does not name it"
        return f"token {token_id} ({token!r}) may not come here"

    def _run(self, state: State, data: bytes) -> tuple[State | None, int]:
        if state[0].config < 0:
            return (None, 0) if data else (state, 0)
        with self._lock:
            after, taken = self._ask(self._engine.run, state[0], data)
            return (None if after < 0 else self._state(after)), taken


def _close(engine: Engine, handles: dict[int, weakref.ref[Handle]]) -> None:
    """Break the cycles between states, whose constraint is gone, and recycle its memory."""
    for reference in handles.values():
        handle = reference()
        if handle is not None:
            handle.next.clear()
            handle.mask = None
    engine.close()


__all__ = ["Constraint", "Handle", "LimitExceeded", "Mask", "State"]
