"""Coroutines that ask language models, run side by side.

Batching is by quiescence: every program runs until it asks a model or ends; when all do, the
models answer all questions in one call each. No timers, no event loop; what a batch holds depends
on the programs alone.
"""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass
from typing import Any

from constrain.errors import Unsupported
from constrain.lm.protocol import Request, answer, send
from constrain.poutine import NonlocalExit


@dataclass(frozen=True)
class Outcome:
    """How a program ended: with a value, or by an exit at a site (`DeadEnd` and the like)."""

    value: Any = None
    exit: NonlocalExit | None = None


def run(
    programs: Sequence[Coroutine[Any, Any, Any]], contexts: Sequence[Context] | None = None
) -> list[Outcome]:
    """Run programs to their ends, each in a context of its own.

    Raises what a program raises (the others are closed), Unsupported for one that waits for
    something else than a model.
    """
    own = [copy_context() for _ in programs] if contexts is None else contexts
    outcomes: list[Outcome] = [Outcome()] * len(programs)
    answers: dict[int, Any] = dict.fromkeys(range(len(programs)))
    try:
        while answers:
            asked: dict[int, Request] = {}
            for i, row in answers.items():
                found = own[i].run(_until_blocked, programs[i], row)
                if isinstance(found, Request):
                    asked[i] = found
                else:
                    outcomes[i] = found
            answers = dict(zip(asked, answer(asked.values()), strict=True))
    finally:
        for program in programs:
            program.close()
    return outcomes


def _until_blocked(program: Coroutine[Any, Any, Any], row: Any) -> Request | Outcome:
    while True:
        try:
            asked = send(program, row)
        except StopIteration as stop:
            return Outcome(stop.value)
        except NonlocalExit as left:
            return Outcome(exit=left)
        if isinstance(asked, Request):
            return asked
        if asked is not None:  # None: a bare yield, as of asyncio.sleep(0)
            raise Unsupported(
                f"awaiting {type(asked).__name__} inside a program",
                note="a program may wait for language models only; gather results one by one",
            )
        row = None
