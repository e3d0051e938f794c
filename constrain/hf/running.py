"""Which call of transformers' `generate` is running, as seen from inside of it.

A logits processor is called with token ids alone. They do not say whether a row goes on with an
old text or is the prompt of a new call, nor whether a draft model is asking; the stack does.
"""

from __future__ import annotations

import inspect
import weakref
from dataclasses import dataclass
from typing import Any

from transformers import GenerationMixin

GENERATE = inspect.unwrap(vars(GenerationMixin)["generate"]).__code__


@dataclass(frozen=True, eq=False)
class Running:
    """The `generate` calls on this thread's stack.

    call: stands for the outermost one and dies with it; None outside of any.
    nested: there is another inside it, that of a draft model.
    """

    call: weakref.ref[Any] | None
    nested: bool


def running() -> Running:
    """Look down the stack for calls of `generate`. O(depth of the stack), some microseconds."""
    found: list[Any] = []
    frame = inspect.currentframe()
    while frame is not None:
        if frame.f_code is GENERATE:
            found.append(frame)
        frame = frame.f_back
    config = found[-1].f_locals.get("generation_config") if found else None
    # each call makes its own copy of the config before it asks any processor
    return Running(None if config is None else weakref.ref(config), len(found) > 1)
