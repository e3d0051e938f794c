"""Real vocabularies: SentencePiece with 32,000 ids and tekken with 131,072."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import mistral_common
import pytest
from transformers import (
    AutoTokenizer,
    BertGenerationTokenizer,
    LlamaTokenizer,
    MistralCommonBackend,
)

from constrain import hf

DATA = Path(mistral_common.__file__).parent / "data"
TEXTS = ['{"a": [1, 2]}', " naïve <s> 中文", "  x\n\n y\t\x01", "\U0001f468\u200d\U0001f469"]


def spelled(vocabulary, text) -> bytes:
    return b"".join(vocabulary.tokens[i] for i in vocabulary.encode(text))


@pytest.fixture(scope="module")
def sentencepiece_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spm")
    shutil.copy(DATA / "tokenizer.model.v1", folder / "tokenizer.model")
    return folder


def test_one_sentencepiece_model_in_three_classes(sentencepiece_folder):
    path = sentencepiece_folder / "tokenizer.model"
    fast = hf.vocabulary(LlamaTokenizer.from_pretrained(sentencepiece_folder))
    wrapped = hf.vocabulary(MistralCommonBackend(path))
    slow = hf.vocabulary(BertGenerationTokenizer(str(path)))
    assert fast.tokens == wrapped.tokens == slow.tokens[:32000]
    assert set(slow.tokens[32000:]) == {None}
    assert sum(token is not None for token in fast.tokens) == 31997
    assert len(fast.single_bytes) == 256
    for text in TEXTS:
        assert spelled(fast, text) == spelled(slow, text) == text.encode()
        assert list(wrapped.encode(text)) == list(slow.encode(text))
        if "  " not in text:  # the two libraries merge runs of spaces in another order
            assert list(fast.encode(text)) == list(slow.encode(text))


def test_control_pieces_of_a_newer_model_have_no_bytes():
    tokenizer = MistralCommonBackend(DATA / "mistral_instruct_tokenizer_240323.model.v3")
    vocabulary = hf.vocabulary(tokenizer)
    inner = tokenizer.tokenizer.instruct_tokenizer.tokenizer
    assert inner.get_special_token("[INST]") < 10
    assert vocabulary.tokens[inner.get_special_token("[INST]")] is None
    assert b"[INST]" not in vocabulary.tokens


def test_tekken_whole():
    vocabulary = hf.vocabulary(MistralCommonBackend(DATA / "tekken_240911.json"))
    assert len(vocabulary) == 131072
    assert set(vocabulary.tokens[:1000]) == {None}
    assert len(set(vocabulary.tokens[1000:])) == 130072
    assert vocabulary.tokens[1000:1256] == tuple(bytes([b]) for b in range(256))
    for text in TEXTS:
        assert spelled(vocabulary, text) == text.encode()


def test_tekken_in_both_classes(tmp_path):
    content = json.loads((DATA / "tekken_240911.json").read_text(encoding="utf-8"))
    content["vocab"] = content["vocab"][:8000]  # the whole takes long to convert
    content["config"]["default_vocab_size"] = 9000
    (tmp_path / "tekken.json").write_text(json.dumps(content), encoding="utf-8")
    fast_tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    fast_tokenizer.eos_token = "</s>"
    fast = hf.vocabulary(fast_tokenizer)
    wrapped = hf.vocabulary(MistralCommonBackend.from_pretrained(tmp_path))
    assert fast.tokens == wrapped.tokens
    assert fast.eos_token_ids == wrapped.eos_token_ids
    for text in TEXTS:
        assert list(fast.encode(text)) == list(wrapped.encode(text))
