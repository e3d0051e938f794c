"""Sets of tokens as bits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Bits: TypeAlias = NDArray[np.bool_]


class TokenMask:
    """A set of token ids, bool[vocab]. A value, with the operators of a set.

    >>> mask = TokenMask.of([1, 3], 5)
    >>> 3 in mask, list(mask - {3}), len(~mask)
    (True, [1], 3)
    """

    __slots__ = ("bits",)

    def __init__(self, bits: Bits):
        self.bits = bits
        bits.setflags(write=False)

    @classmethod
    def of(cls, tokens: Any, vocab: int) -> TokenMask:
        """From token ids (a set, a list), bool[vocab], packed uint32 words, or a mask itself."""
        if isinstance(tokens, TokenMask):
            return tokens
        if isinstance(tokens, np.ndarray) and tokens.dtype == np.bool_:
            return cls(tokens.copy())
        if isinstance(tokens, np.ndarray) and tokens.dtype == np.uint32:
            bits = np.unpackbits(tokens.view(np.uint8), count=vocab, bitorder="little")
            return cls(bits.view(np.bool_))
        bits = np.zeros(vocab, np.bool_)
        ids = np.fromiter((int(token) for token in tokens), np.int64)
        bits[ids[(ids >= 0) & (ids < vocab)]] = True
        return cls(bits)

    def _bits(self, other: Any) -> Bits:
        return TokenMask.of(other, len(self.bits)).bits

    def __and__(self, other: Any) -> TokenMask:
        return TokenMask(self.bits & self._bits(other))

    def __or__(self, other: Any) -> TokenMask:
        return TokenMask(self.bits | self._bits(other))

    def __sub__(self, other: Any) -> TokenMask:
        return TokenMask(self.bits & ~self._bits(other))

    def __rsub__(self, other: Any) -> TokenMask:
        return TokenMask(self._bits(other) & ~self.bits)

    __rand__, __ror__ = __and__, __or__

    def __invert__(self) -> TokenMask:
        return TokenMask(~self.bits)

    def union(self, *others: Iterable[int]) -> TokenMask:
        for other in others:
            self = self | other
        return self

    def intersection(self, *others: Iterable[int]) -> TokenMask:
        for other in others:
            self = self & other
        return self

    def __contains__(self, token: Any) -> bool:
        i = int(token)
        return 0 <= i < len(self.bits) and bool(self.bits[i])

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self.bits).tolist())

    def __len__(self) -> int:
        return int(np.count_nonzero(self.bits))

    def __eq__(self, other: object) -> bool:
        if isinstance(other, TokenMask):
            return np.array_equal(self.bits, other.bits)
        return isinstance(other, set | frozenset) and set(self) == other

    def __hash__(self) -> int:
        return hash(self.bits.tobytes())

    def __repr__(self) -> str:
        return f"TokenMask({len(self)} of {len(self.bits)} tokens)"
