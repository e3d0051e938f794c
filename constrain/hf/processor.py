"""A logits processor for transformers' `generate`: plain, batched, n-best, beams, drafts, reuse.

It holds nothing but a memo from the tokens of a row to its state, so that whatever `generate`
does with rows between two calls, a row's state is found by what the row says.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from constrain.decoding.processing.apply import Buffers, Masks, gather_masks
from constrain.errors import SpecError, VocabularyMismatch

from .finding import Finder
from .masking import apply_masks, pack
from .prefixes import Constraint, Prefix
from .running import Running, running


class LogitsProcessor(transformers.LogitsProcessor):
    """Leaves of each row's logits what its constraint allows; the rest becomes -inf.

    constraint: one for all rows, or a list with one per prompt. With several rows per prompt
        (beams, `num_return_sequences`) rows go to prompts as `generate` lays them out.
    prompt_length: the columns that are prompt, padding included. Left out, the columns of the
        first call are: every `generate` call starts anew, and outside of `generate` a call does
        whose rows extend no row seen before. Give it to go on with an old text as prompt.
    measure: keep the log-mass of every step with its prefix; a float64 logsumexp per row and step.
    report: with `measure`, keep also so many of the likeliest tokens that each step forbade.
    in_place: write into the logits that are given, on the host. Touches a fraction of the memory,
        but is not for calls with `output_logits` or prompt lookup, nor after processors that
        keep what they return.

    Returns a new tensor with at least one finite logit per row, whatever other processors banned:
    where they leave nothing that the grammar allows, the grammar wins with equal logits and a
    warning. A row that has ended, or has left the language, may only end.

    An instance serves one `generate` call at a time. What it remembers is a memo.
    """

    supports_continuous_batching = False  # there it would be shown the last token alone

    def __init__(
        self,
        constraint: Constraint | Sequence[Constraint],
        *,
        prompt_length: int | None = None,
        measure: bool = False,
        report: int = 0,
        in_place: bool = False,
    ):
        several = isinstance(constraint, Sequence)
        self.constraints: tuple[Constraint, ...] = tuple(constraint) if several else (constraint,)
        if not self.constraints:
            raise SpecError(
                "expected a constraint or a list with one per prompt, got no constraint"
            )
        widths = {len(c.vocabulary) for c in self.constraints}
        if len(widths) > 1:
            raise VocabularyMismatch(f"constraints for vocabularies of {sorted(widths)} ids")
        self._vocab = widths.pop()
        self._end_masks = [pack(c.vocabulary.eos_token_ids, self._vocab) for c in self.constraints]
        self._measure = measure
        self._report = report
        self._in_place = in_place
        self._warned = False
        self._buffers, self._scores = Buffers(), Buffers()
        self._finder = Finder(self.constraints, prompt_length)

    def reset(self) -> None:
        """Forget every prefix; the next call starts a new generation."""
        self._finder.reset()

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """input_ids (rows, length), scores (rows, width) -> scores (rows, width)."""
        now = running()
        fits = fits_vocabulary(scores, self._vocab, now)
        rows = self._finder.find(input_ids, now) if fits else None
        if rows is None:
            return scores.clone()
        words = gather_masks(self._masks(rows), scores.shape[1], self._buffers)
        measure = self._measure and not now.nested
        before = log_sum(scores) if measure else None
        raw = scores.clone() if measure and self._report and self._in_place else scores
        out, alive = apply_masks(words, scores, self._scores, self._in_place)
        if before is not None:
            record_log_masses(rows, log_sum(out) - before)
            if self._report:
                record_forbidden(rows, raw, out, self._report)
        if not alive.all():
            self._keep_one_finite(rows, words, out, alive)
        return out

    @property
    def prompt_length(self) -> int:
        """Columns that are prompt, in the generation that was begun last."""
        return self._finder.length

    def path(self, sequence: torch.Tensor, item: int = 0) -> list[Prefix]:
        """The prefixes of one sequence (prompt included), from none of its tokens on.

        Ends with the first prefix that is ended or dead. `item` is the number of its prompt.
        """
        return self._finder.path(sequence, item)

    def _masks(self, rows: list[Prefix]) -> list[Masks]:
        """What each row may continue with."""
        each = len(rows) // len(self.constraints)
        if each == len(rows):
            mask, end = self.constraints[0].mask, self._end_masks[0]
            return [mask(prefix.state) if prefix.open else end for prefix in rows]
        return [
            self.constraints[i // each].mask(prefix.state)
            if prefix.open
            else self._end_masks[i // each]
            for i, prefix in enumerate(rows)
        ]

    def _keep_one_finite(
        self, rows: list[Prefix], words: Masks, out: torch.Tensor, alive: NDArray[np.bool_]
    ) -> None:
        """Where nothing is left, allow all that the constraint allows, or else the end."""
        for i in np.flatnonzero(~alive).tolist():
            nothing = not words[i].any()
            mask = self._end_masks[self._finder.item(i, len(rows))] if nothing else words[i]
            allow_only(out, i, mask)
            if not nothing and rows[i].open and not self._warned:
                self._warned = True
                warn_of_bans()


def fits_vocabulary(scores: torch.Tensor, vocab: int, now: Running) -> bool:
    """Are these logits over our vocabulary? A draft model's may be over another.

    They pass as they are then: the model itself checks what the draft proposes.
    """
    width = scores.shape[-1]
    if width < vocab and not now.nested:
        raise VocabularyMismatch(
            f"the model gives {width} logits, but the constraint's vocabulary has "
            f"{vocab} ids; build it with constrain.hf.vocabulary(tokenizer, model)"
        )
    return width == vocab or not now.nested


def allow_only(out: torch.Tensor, row: int, mask: Masks) -> None:
    """Make the logits of a row 0 for the tokens of `mask` and -inf for all others."""
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little")[: out.shape[1]]
    out[row] = -torch.inf
    out[row, torch.from_numpy(np.flatnonzero(bits)).to(out.device)] = 0.0


def warn_of_bans() -> None:
    warnings.warn(
        "other logits processors banned every token that the grammar allows "
        "(min_new_tokens, suppress_tokens, ...); the grammar wins",
        stacklevel=4,
    )


def record_log_masses(rows: list[Prefix], masses: torch.Tensor) -> None:
    """Keep log P(allowed) of this step at each row's prefix."""
    for prefix, mass in zip(rows, masses.tolist(), strict=True):
        if prefix.open:
            prefix.log_mass = mass


def record_forbidden(
    rows: list[Prefix], scores: torch.Tensor, out: torch.Tensor, most: int
) -> None:
    """Keep the likeliest tokens that were forbidden, with their probabilities, at each prefix."""
    gone = torch.where(out == -torch.inf, scores.softmax(dim=-1), 0.0)
    top = gone.topk(min(most, gone.shape[1]))
    for prefix, ids, probs in zip(rows, top.indices.tolist(), top.values.tolist(), strict=True):
        if prefix.open:
            prefix.forbidden = [(i, p) for i, p in zip(ids, probs, strict=True) if p > 0]


def log_sum(scores: torch.Tensor) -> torch.Tensor:
    """log of the sum of exp over the vocabulary, float64 (rows,)."""
    device = "cpu" if scores.device.type == "mps" else scores.device  # mps has no float64
    return torch.logsumexp(scores.to(device, torch.float64), dim=-1)
