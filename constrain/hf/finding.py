"""Which prefix each row of a call stands at, whatever `generate` did with rows in between."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import torch

from constrain.errors import SpecError

from .prefixes import Language, Prefix, root
from .running import Running


class Finder:
    """Finds rows by their tokens, and begins anew with every `generate` call.

    languages: one for all rows, or one per prompt; rows go to prompts as `generate` lays them out.
    prompt_length: the columns that are prompt; None: those of the first call of a generation.
    """

    def __init__(self, languages: Sequence[Language], prompt_length: int | None):
        self.languages = languages
        self._given_length = prompt_length
        self.reset()

    def reset(self) -> None:
        """Forget every prefix; the next call starts a new generation."""
        self._begin(0, None)

    def path(self, sequence: torch.Tensor, item: int) -> list[Prefix]:
        """The prefixes of one sequence (prompt included), from none of its tokens on.

        Ends with the first prefix that is ended or dead. `item` is the number of its prompt.
        """
        here = self._root(sequence, item)
        path = [here]
        for token in sequence[self.length :].tolist():
            if not here.open:
                break
            here = here.child(token)
            path.append(here)
        return path

    def trail(self, sequence: torch.Tensor, item: int) -> list[Prefix]:
        """As `path`, but with an entry for every column after the prompt."""
        trail = [self._root(sequence, item)]
        for token in sequence[self.length :].tolist():
            trail.append(trail[-1].child(token))
        return trail

    def find(self, input_ids: torch.Tensor, now: Running) -> list[Prefix] | None:
        """Every row's prefix; None for a draft's rows that are none of this generation."""
        self.one_on = self._one_step_on(input_ids, now)
        if not self.one_on:
            if not self._goes_on(input_ids, now):
                if now.nested and self._same_call(now):
                    return None
                given = self._given_length
                self._begin(input_ids.shape[1] if given is None else given, now.call)
            rows = input_ids[:, self.length :].tolist()
            items = range(len(rows))
            roots = [self._root(input_ids[i], self.item(i, len(rows))) for i in items]
            self._here = [here.descend(row) for here, row in zip(roots, rows, strict=True)]
        else:
            last = input_ids[:, -1].tolist()
            self._here = [here.child(token) for here, token in zip(self._here, last, strict=True)]
        self._seen = input_ids.clone()
        return self._here

    def item(self, row: int, rows: int) -> int:
        """The number of the prompt that a row belongs to; 0 if all share one language."""
        prompts = len(self.languages)
        if rows % prompts:
            raise SpecError(f"expected rows for {prompts} constraints, one per prompt, got {rows}")
        return row // (rows // prompts)

    def _begin(self, length: int, call: weakref.ref[Any] | None) -> None:
        self.length = length  # of the prompt
        self.one_on = False  # was the last call one step on from the one before it?
        self.generation = object()
        self._call = call
        self._roots: dict[tuple[int, bytes], Prefix] = {}
        self._seen: torch.Tensor | None = None  # the token ids of the last call,
        self._here: list[Prefix] = []  # and where its rows stand

    def _one_step_on(self, input_ids: torch.Tensor, now: Running) -> bool:
        """Is every row what it was in the last call, and one token more?"""
        seen = self._seen
        if seen is None or seen.device != input_ids.device or not self._same_call(now):
            return False
        one_more = (seen.shape[0], seen.shape[1] + 1)
        return input_ids.shape == one_more and torch.equal(input_ids[:, :-1], seen)

    def _goes_on(self, input_ids: torch.Tensor, now: Running) -> bool:
        """Does this call belong to the generation that was begun?"""
        if not self._roots or not self._same_call(now) or input_ids.shape[1] < self.length:
            return False
        if now.call is not None and not now.nested:
            return True
        rows = input_ids[:, self.length : -1].tolist()
        keys = [self._key(row, self.item(i, len(rows))) for i, row in enumerate(input_ids)]
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
            self._roots[key] = root(self.languages[key[0]])
        return self._roots[key]

    def _key(self, row: torch.Tensor, item: int) -> tuple[int, bytes]:
        return item, row[: self.length].cpu().numpy().tobytes()
