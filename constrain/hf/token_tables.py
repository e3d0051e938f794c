"""The bytes of every token id, read from each kind of tokenizer that transformers has.

Nothing here decodes: a piece of text that `tokenizer.decode` gives for one id alone has lost
incomplete UTF-8 and, in some families, its leading space.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

from tokenizers import Tokenizer

from constrain.errors import Unsupported

from .decoders import BYTE_FALLBACK, WORD_BOUNDARY, Decoding, read_decoder

AnyTokenizer: TypeAlias = Any
"""A transformers tokenizer; its classes are told apart by name, since some need extras."""

Encode: TypeAlias = Callable[[str], list[int]]
Decode: TypeAlias = Callable[[list[int]], str]


@dataclass(frozen=True, eq=False)
class TokenTable:
    """What a tokenizer says about its ids.

    tokens: the bytes of each id; None for special ids and for gaps.
    encode: text -> ids, without special tokens; special names in the text are plain text.
    decode: ids -> text, the tokenizer's own way, to compare with; None where it has none.
    plain_ids: ids on which `decode` should agree with `tokens` in any order.
    strips_first_space: `decode` drops a space at the start of a whole text.
    normalize: text -> the bytes that its ids should spell.

    Holds parts of the tokenizer, but not the tokenizer, so that it can be cached by it weakly.
    """

    tokens: Sequence[bytes | None]
    encode: Encode
    decode: Decode | None
    plain_ids: Sequence[int]
    strips_first_space: bool
    normalize: Callable[[str], bytes] = field(default=str.encode)


def read_table(tokenizer: AnyTokenizer) -> TokenTable:
    """Return the exact table of a tokenizer; raise Unsupported for one that has none."""
    for cls in type(tokenizer).__mro__:
        if cls.__name__ in READERS:
            return READERS[cls.__name__](tokenizer)
    raise Unsupported(
        f"tokenizer class {type(tokenizer).__name__}",
        note="load it as a fast tokenizer (AutoTokenizer), or pass allow_inexact=True",
    )


# Tokenizers of the `tokenizers` library.


def _read_fast(tokenizer: AnyTokenizer) -> TokenTable:
    backend: Tokenizer = tokenizer.backend_tokenizer
    base: dict[str, int] = backend.get_vocab(with_added_tokens=False)
    decoder: Any = backend.decoder
    decoding = read_decoder(json.loads(decoder.__getstate__()) if decoder else None, base)
    tokens: dict[int, bytes | None] = {i: decoding.bytes_of(piece) for piece, i in base.items()}
    for i in range(len(base)):  # two ids may share their text
        if i not in tokens and (piece := backend.id_to_token(i)) is not None:
            tokens[i] = decoding.bytes_of(piece)
    added: dict[int, Any] = backend.get_added_tokens_decoder()
    bytewise = {i for piece, i in base.items() if piece in BYTE_FALLBACK}
    plain = [i for i in tokens if i not in added and i not in bytewise]
    tokens |= _added_tokens(added, base)
    unknown = getattr(backend.model, "unk_token", None)
    special = {*tokenizer.all_special_ids, *([base[unknown]] if unknown in base else [])}
    return TokenTable(
        tokens=_as_list(tokens, special),
        encode=_FastEncode(backend),
        decode=_fast_decode(backend) if decoder else None,
        plain_ids=[i for i in plain if i not in special],
        strips_first_space=decoding.strips_first_space,
        normalize=_fast_normalize(backend, decoding),
    )


def _added_tokens(added: Mapping[int, Any], base: Mapping[str, int]) -> dict[int, bytes | None]:
    """Special tokens have no text; others are literal unless the model itself knows the piece."""
    return {
        i: None if token.special else token.content.encode()
        for i, token in added.items()
        if token.special or base.get(token.content) != i
    }


def _as_list(tokens: Mapping[int, bytes | None], special: Iterable[int]) -> list[bytes | None]:
    hidden = set(special)
    width = max(tokens, default=-1) + 1
    return [None if i in hidden else tokens.get(i) for i in range(width)]


def _fast_decode(backend: Tokenizer) -> Decode:
    return lambda ids: backend.decode(ids, skip_special_tokens=False)


def _fast_normalize(backend: Tokenizer, decoding: Decoding) -> Callable[[str], bytes]:
    def normalize(text: str) -> bytes:
        normalizer = backend.normalizer
        text = normalizer.normalize_str(text) if normalizer else text
        return text.encode() if decoding.family == "byte-level" else decoding.bytes_of(text)

    return normalize


class _FastEncode:
    """Encodes with a private twin of the tokenizer, made on first use.

    Padding, truncation and the reading of special tokens are settings of the shared one, which
    its other users change; the twin shares only the model.
    """

    def __init__(self, backend: Tokenizer):
        self._backend = backend
        self._twin: Tokenizer | None = None

    def __call__(self, text: str) -> list[int]:
        if self._twin is None:
            self._twin = _twin(self._backend)
        return self._twin.encode(text, add_special_tokens=False).ids


def _twin(backend: Tokenizer) -> Tokenizer:
    twin: Any = Tokenizer(backend.model)
    twin.normalizer = backend.normalizer
    twin.pre_tokenizer = backend.pre_tokenizer
    added = sorted(backend.get_added_tokens_decoder().items())
    for _, token in added:
        (twin.add_special_tokens if token.special else twin.add_tokens)([token])
    if any(twin.token_to_id(token.content) != i for i, token in added):
        twin = Tokenizer.from_str(backend.to_str())
        twin.no_padding()
        twin.no_truncation()
    twin.encode_special_tokens = True
    return twin


# Tokenizers that wrap a SentencePiece model.


def _read_sentencepiece(tokenizer: AnyTokenizer) -> TokenTable:
    model: Any = tokenizer.sp_model
    count: int = tokenizer.vocab_size
    pieces: list[str] = tokenizer.convert_ids_to_tokens(list(range(count)))
    ids = {piece: i for i, piece in reversed(list(enumerate(pieces)))}
    tokens = {i: _sentencepiece_bytes(model, piece) for i, piece in enumerate(pieces)}
    added: dict[int, Any] = tokenizer.added_tokens_decoder
    tokens |= _added_tokens(added, ids)
    special = set(tokenizer.all_special_ids)
    unknown: int = tokenizer.unk_token_id
    return TokenTable(
        tokens=_as_list(tokens, special),
        encode=lambda text: [ids.get(p, unknown) for p in model.encode(text, out_type=str)],
        decode=lambda ids: model.decode_pieces([pieces[i] for i in ids]),
        plain_ids=[
            i
            for i, piece in enumerate(pieces)
            if tokens[i] is not None and not {i} & (special | added.keys())
            if piece not in BYTE_FALLBACK
        ],
        strips_first_space=True,
        normalize=partial(_normal_bytes, model),
    )


def _sentencepiece_bytes(model: Any, piece: str) -> bytes | None:
    i = model.piece_to_id(piece)
    if model.id_to_piece(i) != piece:
        return None  # an id that the wrapping class put in: a control token
    if model.is_control(i) or model.is_unknown(i) or model.is_unused(i):
        return None
    if model.is_byte(i):
        return bytes([BYTE_FALLBACK[piece]])
    return piece.replace(WORD_BOUNDARY, " ").encode()


def _normal_bytes(model: Any, text: str) -> bytes:
    return model.normalize(text).replace(WORD_BOUNDARY, " ").encode()


# Tokenizers of mistral-common: tekken, and its own wrapping of SentencePiece.


def _read_mistral(tokenizer: AnyTokenizer) -> TokenTable:
    inner: Any = tokenizer.tokenizer.instruct_tokenizer.tokenizer
    read = _read_tekken if hasattr(inner, "id_to_byte_piece") else _read_wrapped_sentencepiece
    tokens = read(inner)
    special = {i for i in tokens if inner.is_special(i)}
    return TokenTable(
        tokens=_as_list(tokens, special),
        encode=lambda text: inner.encode(text, bos=False, eos=False),
        decode=inner.decode,
        plain_ids=[
            i
            for i, token in tokens.items()
            if token and i not in special and inner.id_to_piece(i) not in BYTE_FALLBACK
        ],
        strips_first_space=read is not _read_tekken,
        normalize=str.encode if read is _read_tekken else partial(_normal_bytes, inner._model),
    )


def _read_tekken(inner: Any) -> dict[int, bytes | None]:
    return {i: inner.id_to_byte_piece(i) for i in range(inner.n_words)}


def _read_wrapped_sentencepiece(inner: Any) -> dict[int, bytes | None]:
    pieces: list[str] = inner.vocab()
    return {i: _sentencepiece_bytes(inner._model, piece) for i, piece in enumerate(pieces)}


READERS: Mapping[str, Callable[[AnyTokenizer], TokenTable]] = {
    "TokenizersBackend": _read_fast,
    "PreTrainedTokenizerFast": _read_fast,
    "SentencePieceBackend": _read_sentencepiece,
    "MistralCommonBackend": _read_mistral,
}
