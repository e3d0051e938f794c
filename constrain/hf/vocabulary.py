"""A Vocabulary from a transformers tokenizer."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Sequence
from typing import Any
from weakref import WeakKeyDictionary

from constrain.errors import Unsupported
from constrain.tokens.vocabulary import Vocabulary

from .spelling import Spelling
from .token_checks import check_table
from .token_tables import AnyTokenizer, read_table

_cache: WeakKeyDictionary[Any, dict[tuple[object, ...], Vocabulary]] = WeakKeyDictionary()


def vocabulary(
    tokenizer: AnyTokenizer, model: Any = None, *, allow_inexact: bool = False
) -> Vocabulary:
    """Return the exact bytes of every id of `tokenizer`, as wide as the logits of `model`.

    Special ids, gaps and the padding rows of a model's head have no bytes; other added tokens
    are their literal text. The ids that end a text are those of the tokenizer and of
    `model.generation_config` together. `encode` gives ids that spell its text exactly, as the
    tokenizer splits it in the middle of a text: no special ids, no space put in front.

    Where a decoder drops a space at the start of a text (Llama 2, T5), tokens keep it here: the
    text of generated ids is the text after a prompt, whose first space is real.

    Costs about a second per 100,000 ids, once for a tokenizer. Raises Unsupported for decoders
    that read tokens in context (WordPiece, CTC, ...) unless `allow_inexact`, which takes what an
    id adds after another one; VocabularyMismatch for a tokenizer whose decoder does not fit its
    tokens, or without an eos id.
    """
    eos = eos_token_ids(tokenizer, model)
    width = None if model is None else logits_width(model)
    key = (*_content(tokenizer), eos, width, allow_inexact)
    entries = _cache.setdefault(tokenizer, {})
    if key not in entries:
        tokens, encode = _tokens(tokenizer, allow_inexact)
        fitted = _fitted(tokens, width)
        entries[key] = Vocabulary(fitted, eos, encode, _special_tokens(tokenizer, fitted))
    return entries[key]


def _special_tokens(tokenizer: AnyTokenizer, tokens: Sequence[bytes | None]) -> dict[str, int]:
    """Added tokens without text, by name."""
    added: dict[str, int] = getattr(tokenizer, "get_added_vocab", dict)()
    return {name: i for name, i in added.items() if i < len(tokens) and tokens[i] is None}


def eos_token_ids(tokenizer: AnyTokenizer, model: Any = None) -> tuple[int, ...]:
    """Ids that end a text, by the tokenizer or by the model's generation config."""
    config = getattr(model, "generation_config", None)
    named = getattr(config, "eos_token_id", None)
    ids: Iterable[int] = [named] if isinstance(named, int) else named or []
    own: int | None = tokenizer.eos_token_id
    return tuple(sorted({*ids, *([] if own is None else [own])}))


def logits_width(model: Any) -> int:
    """Columns of the model's logits: its vocabulary with padding rows."""
    return int(model.config.get_text_config().vocab_size)


def _content(tokenizer: AnyTokenizer) -> tuple[object, ...]:
    """What may change about a tokenizer in a running program."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    added = backend.get_added_tokens_decoder() if backend else {}
    decoder = backend.decoder.__getstate__() if backend and backend.decoder else None
    flags = tuple(sorted((i, token.content, token.special) for i, token in added.items()))
    return len(tokenizer), tuple(tokenizer.all_special_ids), flags, decoder


def _tokens(
    tokenizer: AnyTokenizer, allow_inexact: bool
) -> tuple[Sequence[bytes | None], Spelling | None]:
    try:
        table = read_table(tokenizer)
        check_table(table)
    except Unsupported as error:
        if not allow_inexact:
            raise
        warnings.warn(f"token bytes are approximate: {error}", stacklevel=3)
        return _tokens_after_another(tokenizer), None
    return table.tokens, Spelling(table)


def _tokens_after_another(tokenizer: AnyTokenizer) -> list[bytes | None]:
    """What each id adds to the decoded text after an ordinary token; loses incomplete UTF-8."""

    def decode(*ids: int) -> str:
        return tokenizer.decode(list(ids), clean_up_tokenization_spaces=False)

    first: int = tokenizer.encode("a", add_special_tokens=False)[0]
    special = set(tokenizer.all_special_ids)
    before = decode(first)
    tokens: list[bytes | None] = []
    for i in range(len(tokenizer)):
        text = decode(first, i)
        known = i not in special and text.startswith(before) and "\ufffd" not in text
        tokens.append(text[len(before) :].encode() if known else None)
    return tokens


def _fitted(tokens: Sequence[bytes | None], width: int | None) -> Sequence[bytes | None]:
    """`tokens` cut or filled up with None to `width`."""
    if width is None:
        return tokens
    return [*tokens[:width], *[None] * (width - len(tokens))]
