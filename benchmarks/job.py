"""A job: everything that a worker needs, as one JSON file, so that all engines get the same.

A *spec* says which language: {"kind": "json"}, {"kind": "json_schema", "text": ...} or
{"kind": "regex", "text": ...}. A *stream* is a text as token ids, with eos at its end.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import corpus

Job = dict[str, Any]


def tekken() -> Any:
    """The 131,072-token tokenizer that comes with mistral-common."""
    import mistral_common
    from mistral_common.tokens.tokenizers.tekken import Tekkenizer

    data = Path(mistral_common.__file__).parent / "data"
    return Tekkenizer.from_file(data / "tekken_240911.json")


def vocabulary(tokenizer: Any) -> dict[str, Any]:
    """The tokens' bytes (base64; null for special ones) and what else tokenizers are made of."""
    from mistral_common.tokens.tokenizers.tekken import SpecialTokenPolicy

    n_special = tokenizer.num_special_tokens
    ordinary = [
        base64.b64encode(tokenizer.id_to_byte_piece(i, SpecialTokenPolicy.RAISE)).decode()
        for i in range(n_special, tokenizer.n_words)
    ]
    return {
        "tokens": [None] * n_special + ordinary,
        "special": {tokenizer.id_to_piece(i): i for i in range(n_special)},
        "pattern": tokenizer._model._pat_str,
        "eos": tokenizer.eos_id,
    }


def decode_tokens(vocabulary: dict[str, Any]) -> list[bytes | None]:
    """The bytes of every token id; None for special tokens."""
    return [None if t is None else base64.b64decode(t) for t in vocabulary["tokens"]]


def make(seed: int, n_documents: int = 50, n_schemas: int = 20, n_regexes: int = 100) -> Job:
    """The whole job; the sizes may be cut for a quick look."""
    tokenizer = tekken()

    def stream(text: str) -> list[int]:
        return [*tokenizer.encode(text, bos=False, eos=False), tokenizer.eos_id]

    def documents(spec: dict[str, Any], texts: list[str]) -> dict[str, Any]:
        return {"spec": spec, "texts": texts, "streams": [stream(text) for text in texts]}

    schema = {"kind": "json_schema", "text": json.dumps(corpus.ORDER_SCHEMA)}
    return {
        "vocabulary": vocabulary(tokenizer),
        "warm_up": [{"spec": spec, "streams": [stream(text)]} for spec, text in corpus.WARM_UP],
        "documents": {
            "json": documents({"kind": "json"}, corpus.json_documents(seed, n_documents)),
            "orders": documents(schema, corpus.order_documents(seed, n_documents)),
        },
        "start": {
            name: [{"kind": "json_schema", "text": text} for text in texts]
            for name, texts in {
                "flat": corpus.flat_schemas(seed, n_schemas),
                "enum": corpus.enum_schemas(seed, n_schemas),
            }.items()
        },
        "regexes": [
            {
                "spec": {"kind": "regex", "text": pattern},
                "streams": [stream(text) for text in samples],
            }
            for pattern, samples in corpus.regexes()[:n_regexes]
        ],
    }
