"""Ids that spell a text exactly, as the tokenizer would split it in the middle of a text."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from constrain.errors import VocabularyMismatch

from .token_tables import TokenTable

ANCHOR = "\n"


class Spelling:
    """text -> ids whose bytes are exactly those of the text.

    They are the tokenizer's own ids where these spell the text. A tokenizer that puts a space in
    front is asked for a line feed and the text, and the ids of the line feed are cut off. What it
    cannot spell at all (it rewrites some characters) is spelled by longest match. Raises
    VocabularyMismatch for a text that no tokens spell so.
    """

    def __init__(self, table: TokenTable):
        self._table = table
        self._anchor = table.encode(ANCHOR)

    def __call__(self, text: str) -> Sequence[int]:
        data = text.encode()
        if self._spells(ids := self._table.encode(text), data):
            return ids
        cut = len(self._anchor)
        ids = self._table.encode(ANCHOR + text)
        if ids[:cut] == self._anchor and self._spells(ids[cut:], data):
            return ids[cut:]
        return self._longest_match(data)

    def _spells(self, ids: list[int], data: bytes) -> bool:
        tokens = self._table.tokens
        return b"".join(tokens[i] or b"\xff" for i in ids) == data

    @cached_property
    def _by_bytes(self) -> dict[bytes, int]:
        tokens = self._table.tokens
        return {t: i for i, t in reversed(list(enumerate(tokens))) if t}

    @cached_property
    def _longest(self) -> int:
        return max(map(len, self._by_bytes), default=0)

    def _longest_match(self, data: bytes) -> list[int]:
        ids: list[int] = []
        start = 0
        while start < len(data):
            stops = range(min(len(data), start + self._longest), start, -1)
            stop = next((s for s in stops if data[start:s] in self._by_bytes), None)
            if stop is None:
                raise VocabularyMismatch(f"no token starts with the bytes at {data[start:]!r}")
            ids.append(self._by_bytes[data[start:stop]])
            start = stop
        return ids
