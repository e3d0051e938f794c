"""A chain of processors with explicit state as one logits processor for `generate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import transformers

from constrain.decoding.processing import Chain, Context, GrammarProcessor
from constrain.errors import Unsupported

from .finding import Finder
from .masking import pack
from .prefixes import Anything, Constraint, Prefix
from .processor import allow_only, fits_vocabulary, record_log_masses, warn_of_bans
from .running import running

MAX_STEPS = 64
"""Steps whose states are remembered; what is older is read again from the tokens."""


class ChainProcessor(transformers.LogitsProcessor):
    """Runs a Chain in every mode of `generate`: each row has the state its own tokens lead to.

    The state of a row is looked up by the row without its last token; where that is not known,
    the chain reads on from the longest beginning that is, or from the prompt.

    prompt_length, measure and what is done with rows that have ended, or have nothing left: as
    in `LogitsProcessor`, with the chain's first grammar. Raises Unsupported for critics, which
    `generate` has no place for.
    """

    supports_continuous_batching = False

    def __init__(self, chain: Chain, *, prompt_length: int | None = None, measure: bool = False):
        if any(p.role == "critic" for p in chain.processors):
            raise Unsupported("a critic in generate", note="it weighs texts: use constrain.smc")
        self.chain = chain
        grammars = [p for p in chain.processors if isinstance(p, GrammarProcessor)]
        self.constraints: tuple[Constraint, ...] = grammars[0].constraints if grammars else ()
        self._vocab = grammars[0].width if grammars else 0
        self._finder = Finder(self.constraints or (Anything(),), prompt_length)
        self._measure = measure
        self._known: dict[tuple[Prefix, int], tuple[Any, int]] = {}  # -> state, row of it
        self._generation: object = None
        self._warned = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """input_ids (rows, length), scores (rows, width) -> scores (rows, width)."""
        now = running()
        fits = not self.constraints or fits_vocabulary(scores, self._vocab, now)
        rows = self._finder.find(input_ids, now) if fits else None
        if rows is None:
            return scores.clone()
        state = self._state_before(input_ids)
        context = Context(input_ids, self._finder.length)
        if self._measure and not now.nested:
            step = self.chain.step(state, scores, context)
            state, out = step.state, step.logits
            record_log_masses(rows, step.log_mass)
        else:
            state, out = self.chain.process(state, scores, context)
        self._remember(rows, context.length, state)
        return self._kept_alive(rows, scores.clone() if out is scores else out)

    @property
    def prompt_length(self) -> int:
        """Columns that are prompt, in the generation that was begun last."""
        return self._finder.length

    def path(self, sequence: torch.Tensor, item: int = 0) -> list[Prefix]:
        """As `LogitsProcessor.path`."""
        return self._finder.path(sequence, item)

    def _state_before(self, input_ids: torch.Tensor) -> Any:
        """The chain's state for these rows at the longest length at which all are known."""
        start, (rows, length) = self._finder.length, input_ids.shape
        if self._generation is not self._finder.generation:
            self._generation = self._finder.generation
            self._known.clear()
        trails = [
            self._finder.trail(row, self._finder.item(i, rows)) for i, row in enumerate(input_ids)
        ]
        for at in range(length - 1, start - 1, -1):
            found = [self._known.get((trail[at - start], at)) for trail in trails]
            known = [entry for entry in found if entry is not None]
            if len(known) == len(found):
                return self._gathered(known)
        return self.chain.init(Context(input_ids[:, :start], start))

    def _gathered(self, entries: list[tuple[Any, int]]) -> Any:
        state = entries[0][0]
        if all(other is state for other, _ in entries):
            order = [row for _, row in entries]
            return self.chain.take(state, order)
        return self.chain.join([self.chain.take(state, [row]) for state, row in entries])

    def _remember(self, rows: list[Prefix], length: int, state: Any) -> None:
        for i, prefix in enumerate(rows):
            self._known[prefix, length] = state, i
        oldest = length - MAX_STEPS
        if any(at < oldest for _, at in self._known):
            self._known = {key: entry for key, entry in self._known.items() if key[1] >= oldest}

    def _kept_alive(self, rows: list[Prefix], out: torch.Tensor) -> torch.Tensor:
        """Rows that are over may only end; in the others something is left to choose from."""
        dead = (out.amax(dim=-1) == -torch.inf).tolist()
        for i, prefix in enumerate(rows):
            if not self.constraints or (prefix.open and not dead[i]):
                continue
            constraint = self.constraints[self._finder.item(i, len(rows))]
            mask = pack(constraint.vocabulary.eos_token_ids, self._vocab)
            allowed = constraint.mask(prefix.state) if prefix.open else mask
            if prefix.open and not self._warned:
                self._warned = True
                warn_of_bans()
            allow_only(out, i, allowed if np.any(allowed) else mask)
        return out
