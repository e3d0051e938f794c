"""Grammars in transformers' continuous batching, one for each request.

    manager = model.init_continuous_batching(generation_config, batching_config)
    constrain.hf.attach(manager, [people, dates])
    manager.start()
    manager.add_request(ids, grammar=1)  # the second; without `grammar` a request is free

There, classic logits processors see one token of each request at a time and are dropped; this
is a processor of the library's own per-request kind. Masks are made on the host before each
forward pass and applied by tensor operations, which a captured graph may hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from transformers.generation.continuous_batching import cb_logits_processors as library

from constrain.errors import LimitExceeded, SpecError, Unsupported, VocabularyMismatch

from .masking import apply_plainly, pack
from .prefixes import Constraint, Prefix, root
from .vocabulary import logits_width

FREE = -1
MAX_REQUESTS = 1024


def attach(
    manager: Any, constraints: Sequence[Constraint], max_requests: int = MAX_REQUESTS
) -> None:
    """Let requests of a manager that has not started name one of these by its index.

    max_requests: how many are in one forward pass at most (LimitExceeded beyond).
    Raises Unsupported where tokens are prepared before the last one is known
    (`use_async_batching`), or once the manager runs.
    """
    if manager.is_running():
        raise Unsupported("attaching grammars to a running manager", note="do it before start()")
    if manager.continuous_batching_config.use_async_batching is not False:
        raise Unsupported(
            "asynchronous continuous batching",
            note="masks need the last token: set use_async_batching=False in the batching config",
        )
    hook = GrammarHook(constraints, logits_width(manager.model), manager.model.device, max_requests)
    processors = manager.logit_processor
    processors.logits_processor.insert(0, hook)
    processors.tensors_required += 1
    processors.supported_keys.update(hook.supported_kwargs)
    processors.do_processing = True


class GrammarHook(library.ContinuousBatchingLogitsProcessor):
    """Masks the logits of each request by the grammar that it names. Made by `attach`."""

    def __init__(
        self, constraints: Sequence[Constraint], width: int, device: Any, max_requests: int
    ):
        widths = {len(c.vocabulary) for c in constraints}
        if not constraints or max(widths) > width:
            raise VocabularyMismatch(f"vocabularies of {sorted(widths)} ids, {width} logits")
        self.supported_kwargs: dict[str, type] = {"grammar": int}
        self.ignored_kwargs: tuple[str, ...] = ()
        self._constraints = list(constraints)
        self._roots = [root(constraint) for constraint in constraints]
        self._ends = [pack(c.vocabulary.eos_token_ids, len(c.vocabulary)) for c in constraints]
        words = (width + 31) // 32
        self._host = np.zeros((max_requests, words), np.uint32)
        self._masks = torch.zeros((max_requests, words), dtype=torch.int32, device=device)

    def fill_defaults(self, int32_tensor: torch.Tensor) -> None:
        """Rows of masks go by position."""
        int32_tensor.copy_(torch.arange(len(int32_tensor), dtype=torch.int32))

    def prepare_tensor_args(self, requests_with_new_token: list[Any]) -> torch.Tensor:
        """Find the masks of these requests, in order; returns their rows."""
        n = len(requests_with_new_token)
        if n > len(self._host):
            raise LimitExceeded("requests in one forward pass", n, "see attach(max_requests=...)")
        for row, request in zip(self._host, requests_with_new_token, strict=False):
            self._fill(row, request.state)
        self._masks[:n].copy_(torch.from_numpy(self._host[:n].view(np.int32)))
        return torch.arange(n, dtype=torch.int32)

    def __call__(self, scores: torch.Tensor, tensor_arg: torch.Tensor) -> torch.Tensor:
        """scores (requests, width) -> scores; tensor_arg: rows of masks, int32."""
        return apply_plainly(self._masks[tensor_arg[: scores.shape[0]].long()], scores)

    def _fill(self, row: np.ndarray[Any, Any], state: Any) -> None:
        number = state.logit_processor_kwargs.get("grammar", FREE)
        if number == FREE:
            row[:] = 0xFFFFFFFF
            return
        if not 0 <= number < len(self._roots):
            raise SpecError(f"grammar={number} names none of {len(self._roots)} grammars")
        here = self._roots[number].descend(_generated(state))
        mask = self._allowed(here, number)
        row[: len(mask)] = mask
        row[len(mask) :] = 0

    def _allowed(self, here: Prefix, number: int) -> np.ndarray[Any, Any]:
        return self._constraints[number].mask(here.state) if here.open else self._ends[number]


def _generated(state: Any) -> list[int]:
    """All tokens that a request has generated, also those before it was put back to wait."""
    before: int = state._true_initial_tokens
    return [*(state.initial_tokens[before:] if before else []), *state.generated_tokens]
