"""A logits processor for transformers' `generate`: plain, batched, n-best, beams, drafts, reuse."""

from __future__ import annotations

import warnings
import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from constrain.errors import VocabularyMismatch

from .masking import BiasRows, pack
from .prefixes import Constraint, Prefix, root
from .running import Running, running


class LogitsProcessor(transformers.LogitsProcessor):
    """Leaves of each row's logits what its constraint allows; the rest becomes -inf.

    constraint: one for all rows, or a list with one per prompt. With several rows per prompt
        (beams, `num_return_sequences`) rows go to prompts as `generate` lays them out.
    prompt_length: the columns that are prompt, padding included. Left out, the columns of the
        first call are: every `generate` call starts anew, and outside of `generate` a call does
        whose rows extend no row seen before. Give it to go on with an old text as prompt.
    measure: keep the log-mass of every step with its prefix; a float64 logsumexp per row and step.

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
    ):
        several = isinstance(constraint, Sequence)
        self.constraints: tuple[Constraint, ...] = tuple(constraint) if several else (constraint,)
        if not self.constraints:
            raise ValueError(
                "expected a constraint or a list with one per prompt, got no constraint"
            )
        widths = {len(c.vocabulary) for c in self.constraints}
        if len(widths) > 1:
            raise VocabularyMismatch(f"constraints for vocabularies of {sorted(widths)} ids")
        self._vocab = widths.pop()
        self._bias = BiasRows(self._vocab)
        self._end_masks = [pack(c.vocabulary.eos_token_ids, self._vocab) for c in self.constraints]
        self._given_length = prompt_length
        self._measure = measure
        self._warned = False
        self.reset()

    def reset(self) -> None:
        """Forget every prefix; the next call starts a new generation."""
        self._begin(0, None)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """input_ids (rows, length), scores (rows, width) -> scores (rows, width)."""
        now = running()
        rows = self._find(input_ids, now) if self._fits(scores, now) else None
        if rows is None:
            return scores.clone()
        out = torch.empty_like(scores)
        for i, prefix in enumerate(rows):
            mask = self._mask(prefix, self._item(i, len(rows)))
            torch.add(scores[i], self._bias.row(mask, scores), out=out[i])
        if self._measure and not now.nested:
            _record_log_masses(rows, scores, out)
        self._keep_one_finite(rows, out)
        return out

    @property
    def prompt_length(self) -> int:
        """Columns that are prompt, in the generation that was begun last."""
        return self._length

    def path(self, sequence: torch.Tensor, item: int = 0) -> list[Prefix]:
        """The prefixes of one sequence (prompt included), from none of its tokens on.

        Ends with the first prefix that is ended or dead. `item` is the number of its prompt.
        """
        here = self._root(sequence, item)
        path = [here]
        for token in sequence[self._length :].tolist():
            if not here.open:
                break
            here = here.child(token)
            path.append(here)
        return path

    # Which prefix each row is at.

    def _begin(self, length: int, call: weakref.ref[Any] | None) -> None:
        self._length = length  # of the prompt
        self._call = call
        self._roots: dict[tuple[int, bytes], Prefix] = {}
        self._seen: torch.Tensor | None = None  # the token ids of the last call,
        self._here: list[Prefix] = []  # and where its rows stand

    def _find(self, input_ids: torch.Tensor, now: Running) -> list[Prefix] | None:
        """Every row's prefix; None for a draft's rows that are none of this generation."""
        if not self._one_step_on(input_ids, now):
            if not self._goes_on(input_ids, now):
                if now.nested and self._same_call(now):
                    return None
                given = self._given_length
                self._begin(input_ids.shape[1] if given is None else given, now.call)
            rows = input_ids[:, self._length :].tolist()
            items = range(len(rows))
            roots = [self._root(input_ids[i], self._item(i, len(rows))) for i in items]
            self._here = [here.descend(row) for here, row in zip(roots, rows, strict=True)]
        else:
            last = input_ids[:, -1].tolist()
            self._here = [here.child(token) for here, token in zip(self._here, last, strict=True)]
        self._seen = input_ids.clone()
        return self._here

    def _one_step_on(self, input_ids: torch.Tensor, now: Running) -> bool:
        """Is every row what it was in the last call, and one token more?"""
        seen = self._seen
        if seen is None or seen.device != input_ids.device or not self._same_call(now):
            return False
        one_more = (seen.shape[0], seen.shape[1] + 1)
        return input_ids.shape == one_more and torch.equal(input_ids[:, :-1], seen)

    def _goes_on(self, input_ids: torch.Tensor, now: Running) -> bool:
        """Does this call belong to the generation that was begun?"""
        if not self._roots or not self._same_call(now) or input_ids.shape[1] < self._length:
            return False
        if now.call is not None and not now.nested:
            return True
        rows = input_ids[:, self._length : -1].tolist()
        keys = [self._key(row, self._item(i, len(rows))) for i, row in enumerate(input_ids)]
        if any(key not in self._roots for key in keys):
            return False
        if now.nested or self._given_length is not None:
            return True
        return all(self._roots[key].known(row) for key, row in zip(keys, rows, strict=True))

    def _same_call(self, now: Running) -> bool:
        if self._call is None or now.call is None:
            return self._call is now.call
        return self._call() is now.call()

    def _root(self, row: torch.Tensor, item: int) -> Prefix:
        key = self._key(row, item)
        if key not in self._roots:
            self._roots[key] = root(self.constraints[key[0]])
        return self._roots[key]

    def _key(self, row: torch.Tensor, item: int) -> tuple[int, bytes]:
        return item, row[: self._length].cpu().numpy().tobytes()

    def _item(self, row: int, rows: int) -> int:
        """The number of the prompt that a row belongs to; 0 if all share one constraint."""
        prompts = len(self.constraints)
        if rows % prompts:
            raise ValueError(f"expected rows for {prompts} constraints, one per prompt, got {rows}")
        return row // (rows // prompts)

    # What a row may continue with.

    def _fits(self, scores: torch.Tensor, now: Running) -> bool:
        """Are these logits over our vocabulary? A draft model's may be over another.

        They pass as they are then: the model itself checks what the draft proposes.
        """
        width = scores.shape[-1]
        if width < self._vocab and not now.nested:
            raise VocabularyMismatch(
                f"the model gives {width} logits, but the constraint's vocabulary has "
                f"{self._vocab} ids; build it with constrain.hf.vocabulary(tokenizer, model)"
            )
        return width == self._vocab or not now.nested

    def _mask(self, prefix: Prefix, item: int) -> NDArray[np.uint32]:
        if prefix.open:
            return self.constraints[item].mask(prefix.state)
        return self._end_masks[item]

    def _keep_one_finite(self, rows: list[Prefix], out: torch.Tensor) -> None:
        """Where nothing is left, allow all that the constraint allows, or else the end."""
        for i in (out.amax(dim=-1) == -torch.inf).nonzero().flatten().tolist():
            item = self._item(i, len(rows))
            out[i] = self._bias.row(self._mask(rows[i], item), out)
            if not (out[i] == 0).any():
                out[i] = self._bias.row(self._end_masks[item], out)
            elif rows[i].open and not self._warned:
                self._warned = True
                warnings.warn(
                    "other logits processors banned every token that the grammar allows "
                    "(min_new_tokens, suppress_tokens, ...); the grammar wins",
                    stacklevel=3,
                )


def _record_log_masses(rows: list[Prefix], scores: torch.Tensor, out: torch.Tensor) -> None:
    """Keep log P(allowed) of this step at each row's prefix."""
    masses = _log_sum(out) - _log_sum(scores)
    for prefix, mass in zip(rows, masses.tolist(), strict=True):
        if prefix.open:
            prefix.log_mass = mass


def _log_sum(scores: torch.Tensor) -> torch.Tensor:
    device = "cpu" if scores.device.type == "mps" else scores.device  # mps has no float64
    return torch.logsumexp(scores.to(device, torch.float64), dim=-1)
