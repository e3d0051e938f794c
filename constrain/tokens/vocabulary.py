"""A model's vocabulary: the exact bytes of every token id."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from constrain.errors import VocabularyMismatch

Encode = Callable[[str], Sequence[int]]


class Vocabulary:
    """What each token id stands for, and which ids end a text.

    tokens: the bytes of id 0, 1, ...; None for an id that has no text (special, padding).
        An empty byte string counts as None. Its length is the width of every mask.
    eos_token_ids: the ids that end a text; their own bytes, if any, are ignored.
    encode: text -> ids, the canonical tokenisation; None where there is no tokenizer.
    special_tokens: ids of special tokens by name, as grammars may name them (`<|tool|>`).

    Raises VocabularyMismatch without an eos id, or for one out of range.
    Immutable; compared by identity, cached tables go by `content_hash`.
    """

    def __init__(
        self,
        tokens: Iterable[bytes | None],
        eos_token_ids: Iterable[int],
        encode: Encode | None = None,
        special_tokens: Mapping[str, int] | None = None,
    ):
        self.eos_token_ids = tuple(sorted({int(i) for i in eos_token_ids}))
        eos = set(self.eos_token_ids)
        self.tokens = tuple(
            None if not token or i in eos else bytes(token) for i, token in enumerate(tokens)
        )
        self.encode = encode
        self.special_tokens = dict(special_tokens or {})
        if not self.eos_token_ids:
            raise VocabularyMismatch("a vocabulary needs at least one eos token id; got none")
        for i in (self.eos_token_ids[0], self.eos_token_ids[-1]):
            if not 0 <= i < len(self.tokens):
                raise VocabularyMismatch(
                    f"eos token id {i} is outside the vocabulary (0 to {len(self.tokens) - 1})"
                )
        for name, i in self.special_tokens.items():
            if not 0 <= i < len(self.tokens):
                raise VocabularyMismatch(f"special token {name} ({i}) is outside the vocabulary")

    def __len__(self) -> int:
        return len(self.tokens)

    def __repr__(self) -> str:
        return f"Vocabulary({len(self)} ids, eos {list(self.eos_token_ids)})"

    @property
    def n_words(self) -> int:
        """Words in a mask: ceil(len(self) / 32)."""
        return (len(self) + 31) // 32

    @cached_property
    def single_bytes(self) -> frozenset[int]:
        """Bytes that are a token of their own."""
        return frozenset(t[0] for t in self.tokens if t is not None and len(t) == 1)

    @cached_property
    def content_hash(self) -> str:
        """Hash of every token's bytes (eos ids and `encode` left out), as 32 hex digits."""
        digest = hashlib.blake2b(digest_size=16)
        lengths = [0xFFFFFFFF if t is None else len(t) for t in self.tokens]
        digest.update(b"".join(n.to_bytes(4, "little") for n in lengths))
        digest.update(b"".join(t for t in self.tokens if t is not None))
        return digest.hexdigest()
