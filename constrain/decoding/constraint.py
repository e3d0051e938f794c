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
from operator import index
from typing import TypeAlias, TypeVar, TypeVarTuple

import numpy as np
from numpy.typing import NDArray

from constrain.errors import LimitExceeded, SpecError, TokenRejected
from constrain.syntax.grammar import Grammar
from constrain.tokens.engine import Engine
from constrain.tokens.vocabulary import Vocabulary

from . import dump, explain, forced
from .places import rule_path

Mask: TypeAlias = NDArray[np.uint32]

MAX_MASKS_BYTES = 1 << 27
MAX_CONFIGS = 50_000
"""Configurations, of somewhat over a kilobyte each, between two sweeps."""

PART = 1 << 14
"""Bytes of a long text that are read at once."""

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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
        self._texts = {engine.start: b""}  # known before any way between states is
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
        if after is not None:
            return after
        if state[0].config < 0:
            raise TokenRejected("the text has already ended", data, state)
        terms = self._expected_after(state, data[:taken])
        raise TokenRejected(explain.misfit(taken, terms), data, state)

    def accepts(self, state: State) -> bool:
        """May the text end here?"""
        return state[0].config < 0 or self._ask(self._engine.accepts, state[0])

    def is_terminal(self, state: State) -> bool:
        """Has an end token been read?"""
        return state[0].config < 0

    def matches(self, text: str | bytes) -> bool:
        """Is this whole text in the language? No tokenizer is involved."""
        after, _ = self._run(self._start, _utf8(text))
        return after is not None and self.accepts(after)

    def dump(self, state: State) -> bytes:
        """The state as bytes, for `load` of a constraint on the same grammar in any process.

        Inside is a text that leads to the state; it need not be the one that was read. Costs
        milliseconds where thousands of states are known.
        """
        with self._lock:
            config = state[0].config
            text = b"" if config < 0 else self._text(config)
        return dump.pack(self.grammar, dump.Place(text, ended=config < 0))

    def load(self, data: bytes) -> State:
        """The state that was dumped. Raises SpecError for bytes that are no state of this grammar.

        Law: c.load(c.dump(s)) == s.
        """
        place = dump.unpack(self.grammar, data)
        if place.ended:
            return self._end
        state, _ = self._run(self._start, place.text)
        if state is None:
            raise SpecError("the dumped state is damaged: its text does not fit the grammar")
        return state

    def forget(self) -> None:
        """Drop all that is known but needed by no state in use; it comes back on demand.

        Happens by itself when there is much of it. States stay good.
        """
        with self._lock:
            self._sweep()

    def forced(self, state: State) -> list[int]:
        """Token ids that must come next, as far as can be told; often none.

        Their bytes are the only way to go on. The spelling is the tokenizer's where the
        vocabulary has `encode` (less the tokens at the end that longer ones may replace), else
        the longest tokens. Advancing by them never fails. A lone end token counts as well.
        """
        return forced.forced(self, state, self._engine.tables.words)

    def forced_bytes(self, state: State) -> bytes:
        """The bytes that must come next, however they are spelled; empty if there is a choice."""
        if state[0].config < 0:
            return b""
        return self._ask(lambda config: forced.forced_bytes(self._engine, config), state[0])

    def expected(self, state: State) -> list[str]:
        """What may come next, in the words of the grammar.

        Literals stand in quotes, terminals and rules by name, other text as classes of
        characters; a long list is cut short.
        """
        return list(self._expected_after(state, b""))

    def explain(self, state: State, token_id: int) -> explain.Rejection | None:
        """Why a token may not come next: where it stops fitting and what would fit instead.

        None if it may. Raises TokenRejected for an id that is no token, and once the text has
        ended, where nothing can be expected.
        """
        token_id = index(token_id)
        try:
            self.advance(state, token_id)
        except TokenRejected:
            self._check(state, token_id)
            rest = (self.vocabulary, token_id, self.mask(state))
            return self._ask(lambda c: explain.rejection(self._engine, c, *rest), state[0])
        return None

    def explain_text(self, text: str | bytes) -> explain.TextFault | None:
        """Where a whole text stops fitting and what would fit instead; None if it fits."""
        data = _utf8(text)
        after, taken = self._run(self._start, data)
        if after is not None and self.accepts(after):
            return None
        fits = data[:taken]
        rules = self._rules_after(self._start, fits)
        return explain.text_fault(data, taken, self._expected_after(self._start, fits), rules)

    def _state(self, config: int) -> State:
        reference = self._handles.get(config)
        handle = reference() if reference is not None else None
        if handle is None:
            handle = Handle(config)
            self._handles[config] = weakref.ref(handle)
            if config >= self._sweep_at:
                self._sweep()
        return (handle,)

    def _ask(self, question: Callable[[int, *Ts], T], handle: Handle, *args: *Ts) -> T:
        """Ask the engine about a configuration."""
        with self._lock:
            try:
                return question(handle.config, *args)
            except LimitExceeded as error:
                return self._ask_again(error, question, handle, *args)

    def _ask_again(
        self,
        error: LimitExceeded,
        question: Callable[[int, *Ts], T],
        handle: Handle,
        *args: *Ts,
    ) -> T:
        """Make room and ask once more, if that can help."""
        if error.limit not in ("arena bytes", "arena words"):
            raise error
        self._sweep()
        return question(handle.config, *args)

    def _sweep(self) -> None:
        """Forget all that no state refers to. States stay good and learn their new numbers."""
        self._forget_memos()  # what only these referred to is gone then
        handles = self._live()
        texts = dump.texts(self._engine, self._texts, {handle.config for handle in handles})
        numbers = self._engine.forget(texts)
        self._texts = {int(numbers[config]): text for config, text in texts.items()}
        self._handles.clear()
        for handle in handles:
            handle.config = int(numbers[handle.config])
            self._handles[handle.config] = weakref.ref(handle)
        used = self._engine.n_configs
        self._sweep_at = used + max(used, self._max_configs)

    def _text(self, config: int) -> bytes:
        return dump.texts(self._engine, self._texts, {config})[config]

    def _forget_memos(self) -> None:
        for handle in self._live():
            handle.next.clear()
            handle.mask = None
        self._masked.clear()

    def _live(self) -> list[Handle]:
        return [handle for ref in self._handles.values() if (handle := ref()) is not None]

    def _mask(self, handle: Handle) -> Mask:
        with self._lock:
            try:
                mask = self._engine.mask(handle.config)
            except LimitExceeded as error:
                mask = self._ask_again(error, self._engine.mask, handle)
            handle.mask = mask
            self._masked.append(handle)
            if len(self._masked) > self._max_masks:
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
        token_id = index(token_id)
        handle = state[0]
        with self._lock:
            try:
                target = self._engine.advance(handle.config, token_id)
            except LimitExceeded as error:
                target = self._ask_again(error, self._engine.advance, handle, token_id)
            except OverflowError:  # too large an id for a kernel, and for any vocabulary
                target = -1
            if target >= 0:
                reference = self._handles.get(target)
                known = reference() if reference is not None else None
                after = self._state(target) if known is None else (known,)
            else:
                after = self._after_last(state, token_id)
            handle.next[token_id] = after
            return after

    def _after_last(self, state: State, token_id: int) -> State:
        """The end state, if `token_id` ends the text in `state`; else TokenRejected."""
        self._check(state, token_id)
        is_end = token_id in self._eos and self._tokens[token_id] is None
        if is_end and self._ask(self._engine.accepts, state[0]):
            return self._end
        args = (self._engine, state[0].config, self.vocabulary, token_id)
        raise TokenRejected(explain.refusal(*args), token_id, state)

    def _check(self, state: State, token_id: int) -> None:
        """Raise TokenRejected where no token, or not this id, can come at all."""
        if state[0].config < 0:
            raise TokenRejected("the text has already ended", token_id, state)
        if not 0 <= token_id < self._width:
            message = f"token id {token_id} is outside the vocabulary (0 to {self._width - 1})"
            raise TokenRejected(message, token_id, state)

    def _run(self, state: State, data: bytes) -> tuple[State | None, int]:
        """(state after `data` or None, bytes that fit); in parts, for sweeps to come between."""
        if state[0].config < 0:
            return (None, 0) if data else (state, 0)
        for start in range(0, len(data), PART):
            with self._lock:
                part = data[start : start + PART]
                after, taken = self._ask(self._engine.run, state[0], part)
                if after < 0:
                    return None, start + taken
                state = self._state(after)
        return state, len(data)

    def rules(self, state: State) -> list[str]:
        """The rules that are open, outermost first: those of which some text is still to come."""
        return list(self._rules_after(state, b""))

    def _rules_after(self, state: State, data: bytes) -> tuple[str, ...]:
        place, _ = self._run(state, data)
        if place is None or place[0].config < 0:
            return ()
        return self._ask(lambda config: rule_path(self._engine, config), place[0])

    def _expected_after(self, state: State, data: bytes) -> tuple[str, ...]:
        place, _ = self._run(state, data)
        if place is None or place[0].config < 0:
            return ()
        return self._ask(lambda config: explain.expected(self._engine, config), place[0])


def _utf8(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


def _close(engine: Engine, handles: dict[int, weakref.ref[Handle]]) -> None:
    """Break the cycles between states, whose constraint is gone, and recycle its memory."""
    for reference in handles.values():
        handle = reference()
        if handle is not None:
            handle.next.clear()
            handle.mask = None
    engine.close()


__all__ = ["Constraint", "Handle", "LimitExceeded", "Mask", "State"]
