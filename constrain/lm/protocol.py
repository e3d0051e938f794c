"""What a language model is here: a state machine with a row of log-probabilities per state.

A state is an int that stands for a prefix (for an n-gram model: for its last tokens). Copying one
is assignment and resampling is indexing, whatever stands behind it.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from constrain.tokens.vocabulary import Vocabulary

States: TypeAlias = NDArray[np.int64]
Tokens: TypeAlias = NDArray[np.int64]
LogProbs: TypeAlias = NDArray[np.floating[Any]]


@runtime_checkable
class LanguageModel(Protocol):
    """Answers for a batch of prefixes at once; what a state stands for never changes.

    A model whose rows are cheaper without normalising may also have `logits(states)`, which gives
    them so; `log_probs` is then `logits` minus their logsumexp.
    """

    @property
    def vocabulary(self) -> Vocabulary: ...

    def init(self, prompt: Sequence[int] = ()) -> int:
        """The state after a prompt."""
        ...

    def advance(self, states: States, tokens: Tokens) -> States:
        """int64[n] states, int64[n] tokens -> the states after one more token each."""
        ...

    def log_probs(self, states: States) -> LogProbs:
        """int64[n] -> float[n, vocab]: nats, each row normalised over the whole vocabulary."""
        ...


@dataclass(frozen=True, eq=False, slots=True)
class Request:
    """A question to a language model, which a program awaits: `row = await Request(lm, state)`.

    Whoever runs the program gets the request and sends back the row, float[vocab]; requests of
    many programs are answered together. Where nobody does (under plain asyncio), the model is
    called at once.
    """

    lm: LanguageModel
    state: int

    def __await__(self) -> Generator[Request, LogProbs, LogProbs]:
        return (yield self) if _DRIVEN.get() else answer([self])[0]


_DRIVEN: ContextVar[bool] = ContextVar("constrain_program_is_driven", default=False)


def send(program: Any, value: Any) -> Any:
    """`program.send(value)` by somebody who will answer its requests."""
    token = _DRIVEN.set(True)
    try:
        return program.send(value)
    finally:
        _DRIVEN.reset(token)


def answer(requests: Iterable[Request]) -> list[LogProbs]:
    """The row of each request: one call per model, equal questions asked once."""
    asked = list(requests)
    rows: list[Any] = [None] * len(asked)
    for lm in {id(request.lm): request.lm for request in asked}.values():
        mine = [i for i, request in enumerate(asked) if request.lm is lm]
        states, place = np.unique([asked[i].state for i in mine], return_inverse=True)
        table = lm.log_probs(states)
        for i, j in zip(mine, place.tolist(), strict=True):
            rows[i] = table[j]
    return rows


def run_alone(program: Any) -> Any:
    """Run a coroutine to its end, each of its requests answered by a call of its own."""
    row: LogProbs | None = None
    while True:
        try:
            request = send(program, row)
        except StopIteration as stop:
            return stop.value
        if request is None:  # a bare yield, as of asyncio.sleep(0)
            row = None
            continue
        if not isinstance(request, Request):
            program.close()
            raise RuntimeError(
                f"the program awaits {request!r}, which needs an event loop; "
                "run it with the `async` form of the inference function"
            )
        row = answer([request])[0]
