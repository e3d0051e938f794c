"""Engines that look ahead: masks allow only what can still be finished.

Two things can make dead ends that the tables of an engine do not see. A vocabulary may lack
single bytes, so that not every text can be spelled with its tokens; and the longest match of a
contextual lexer may swallow what should have followed. Where either may be, configurations are
searched ahead for one in which the text may end, along tokens or along bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import heappop, heappush

import numpy as np

from constrain.automata.normal_form import NormalForm
from constrain.errors import LimitExceeded
from constrain.tokens import layout as at
from constrain.tokens.engine import Engine, Words
from constrain.tokens.rows import Mask
from constrain.tokens.storage import Tables

Successors = Callable[[int], Iterable[int]]

MAX_CONFIGURATIONS = 200_000
SEARCH_MASKS = 1_024


class Viability:
    """Which configurations can be led to one that accepts: memoised search, lowest stack first.

    What has been searched is kept with the way back, so that whatever is found to be viable
    makes all those before it viable at once, and no configuration is looked at twice.
    Raises LimitExceeded when one search, or the memo as a whole, outgrows `most`.
    """

    def __init__(
        self,
        successors: Successors,
        accepts: Callable[[int], bool],
        depth: Callable[[int], int],
        most: int = MAX_CONFIGURATIONS,
    ):
        self._successors = successors
        self._accepts = accepts
        self._depth = depth
        self._most = most
        self._known: dict[int, bool] = {}
        self._after: dict[int, list[int]] = {}
        self._before: dict[int, list[int]] = {}

    def __call__(self, config: int) -> bool:
        """Can a text that has led to `config` still be finished?"""
        if config not in self._known:
            if len(self._after) > self._most:
                self.forget()
            self._search(config)
        return self._known[config]

    def forget(self) -> None:
        """Drop the memo: configurations have new numbers."""
        self._known.clear()
        self._after.clear()
        self._before.clear()

    def _search(self, root: int) -> None:
        seen = {root}
        heap = [(self._depth(root), 0, root)]
        while heap and root not in self._known:
            _, _, config = heappop(heap)
            if self._accepts(config):
                self._settle(config)
                continue
            for target in self._expanded(config):
                if self._known.get(target):
                    self._settle(config)
                elif target not in self._known and target not in seen:
                    seen.add(target)
                    heappush(heap, (self._depth(target), len(seen), target))
            if len(seen) > self._most:
                note = "no end of a text was found among them; simplify the grammar's terminals"
                raise LimitExceeded("configurations searched ahead", len(seen), note)
        if root not in self._known:
            self._known.update(dict.fromkeys(seen, False))

    def _expanded(self, config: int) -> list[int]:
        targets = self._after.get(config)
        if targets is None:
            targets = self._after[config] = list(self._successors(config))
            for target in targets:
                self._before.setdefault(target, []).append(config)
        return targets

    def _settle(self, config: int) -> None:
        """`config` is viable, and so is all that leads to it."""
        todo = [config]
        while todo:
            config = todo.pop()
            if config not in self._known:
                self._known[config] = True
                todo.extend(self._before.get(config, ()))


class LookaheadEngine(Engine):
    """An engine that refuses what cannot be finished: by any bytes, or (`by_tokens`) by tokens.

    A mask costs a step for every token that the tables allow, and a search for every
    configuration seen for the first time.
    """

    def __init__(
        self,
        grammar: NormalForm,
        tables: Tables,
        n_words: int,
        max_bytes: int,
        *,
        by_tokens: bool,
        most: int = MAX_CONFIGURATIONS,
    ):
        super().__init__(grammar, tables, n_words, max_bytes)
        self._by_tokens = by_tokens
        successors = self._after_tokens if by_tokens else self.successors
        self.viable = Viability(successors, self.accepts, self.depth, most)
        words = self.tables.words
        self._ends = words[at.V_EOS_IDS : at.V_EOS_IDS + words[at.V_N_EOS]].copy()

    def mask(self, config: int) -> Mask:
        """The tokens that may follow `config`, read-only."""
        raw = super().mask(config)
        refused = [token for token, after in self._steps(config, raw) if not self.viable(after)]
        if not refused:
            return raw
        bits = np.unpackbits(raw.view(np.uint8), bitorder="little")
        bits[refused] = 0
        mask = np.packbits(bits, bitorder="little").view(np.uint32)
        mask.setflags(write=False)
        return mask

    def advance(self, config: int, token: int) -> int:
        """The configuration after `token`, or -1; also -1 for a token without bytes."""
        after = super().advance(config, token)
        return after if after >= 0 and self.viable(after) else -1

    def run(self, config: int, data: bytes) -> tuple[int, int]:
        """(configuration after `data` or -1, length of the longest viable start of it)."""
        after, taken = super().run(config, data)
        if after >= 0 and self.viable(after):
            return after, taken
        passed = [config]
        for byte in data[:taken]:
            passed.append(self.successor(passed[-1], byte))
        return -1, next((n for n in range(taken, 0, -1) if self.viable(passed[n])), 0)

    def live(self, config: int, most: int = 256) -> list[int]:
        """The bytes that may come next, or some `most` of them.

        By tokens: none, for bytes that must come need not be spelled by any tokens that fit.
        """
        return [] if self._by_tokens else super().live(config, most)

    def forget(self, roots: Iterable[int]) -> Words:
        """Forget all configurations but `roots` and what these need; return the new numbers."""
        numbers = super().forget(roots)
        self.viable.forget()
        return numbers

    def _after_tokens(self, config: int) -> list[int]:
        steps = self._steps(config, super().mask(config))
        if len(self._made) > SEARCH_MASKS:
            super().forget_masks(0)
        return list(dict.fromkeys(after for _, after in steps))

    def _steps(self, config: int, mask: Mask) -> list[tuple[int, int]]:
        """Each token of a mask that has bytes, with the configuration after it."""
        bits = np.unpackbits(mask.view(np.uint8), bitorder="little")
        bits[self._ends] = 0
        advance = super().advance
        return [(token, advance(config, token)) for token in np.flatnonzero(bits).tolist()]
