"""Token bytes of every family of tokenizers, and refusals of those that have none."""

from __future__ import annotations

import gc
import random
import weakref
from types import SimpleNamespace

import pytest
import tiny_tokenizers as tiny
from tokenizers import AddedToken, normalizers
from transformers import LlamaTokenizer

from constrain import hf
from constrain.errors import Unsupported, VocabularyMismatch
from constrain.hf import token_checks
from constrain.hf.token_tables import read_table

TEXTS = [
    '{"name": "Ada", "age": 36}',
    " two words",
    "a\n\n\tb  c",
    "naïve 中文 \U0001f468\u200d\U0001f469\u200d\U0001f467",
    "<s> is text here </s>",
    "\x00\x7f",
]
FAMILIES = {
    "byte-level": tiny.byte_level,
    "llama": lambda: tiny.byte_fallback(prefix=True),
    "gemma": lambda: tiny.byte_fallback(prefix=False),
    "unigram": tiny.unigram,
}


@pytest.fixture(scope="module", params=FAMILIES)
def tokenizer(request):
    return FAMILIES[request.param]()


def spelled(vocabulary, ids) -> bytes:
    return b"".join(vocabulary.tokens[i] for i in ids)


def fake_model(width: int, eos: int | list[int] | None = None):
    config = SimpleNamespace(get_text_config=lambda: SimpleNamespace(vocab_size=width))
    return SimpleNamespace(config=config, generation_config=SimpleNamespace(eos_token_id=eos))


def test_ids_decode_to_their_bytes(tokenizer):
    vocabulary = hf.vocabulary(tokenizer)
    rng = random.Random(1)
    live = [i for i, token in enumerate(vocabulary.tokens) if token and token.isascii()]
    anchor = next(i for i in live if vocabulary.tokens[i] == b"a")
    for _ in range(100):
        ids = [anchor, *rng.choices(live, k=rng.randint(1, 6))]
        assert spelled(vocabulary, ids).decode() == tokenizer.decode(ids)


@pytest.mark.parametrize("text", TEXTS)
def test_encode_spells_the_text_exactly(tokenizer, text):
    vocabulary = hf.vocabulary(tokenizer)
    if tokenizer.unk_token_id in tokenizer.encode(text, add_special_tokens=False):
        with pytest.raises(VocabularyMismatch, match="no token"):
            vocabulary.encode(text)
    else:
        assert spelled(vocabulary, vocabulary.encode(text)) == text.encode()


def test_encode_is_the_tokenizers_own_inside_a_text(tokenizer):
    line = tokenizer.encode("\n", add_special_tokens=False)
    if tokenizer.unk_token_id in line:
        pytest.skip("knows no line feed")
    whole = tokenizer.encode("\nAda lives in Oslo", add_special_tokens=False)
    assert [*line, *hf.vocabulary(tokenizer).encode("Ada lives in Oslo")] == whole


def test_special_ids_have_no_bytes(tokenizer):
    vocabulary = hf.vocabulary(tokenizer)
    assert all(vocabulary.tokens[i] is None for i in tokenizer.all_special_ids)
    assert vocabulary.eos_token_ids == (tokenizer.eos_token_id,)


@pytest.mark.parametrize("name", ["byte-level", "llama", "gemma"])
def test_every_byte_is_a_token_where_the_family_has_bytes(name):
    assert len(hf.vocabulary(FAMILIES[name]()).single_bytes) == 256


def test_duplicate_bytes_keep_all_their_ids():
    tokens = hf.vocabulary(tiny.byte_fallback(prefix=False)).tokens
    assert tokens.count(b"a") == 2  # the letter and <0x61>


def test_added_tokens_special_names_and_padding_rows():
    tokenizer = tiny.byte_level()
    size = len(tokenizer)
    tokenizer.add_tokens([AddedToken("<tool>", special=False), AddedToken("naïve", special=False)])
    tokenizer.add_special_tokens({"pad_token": "<pad>"})
    vocabulary = hf.vocabulary(tokenizer, fake_model(size + 40, eos=[1, size + 2]))
    assert vocabulary.tokens[size : size + 4] == (b"<tool>", "naïve".encode(), None, None)
    assert len(vocabulary) == size + 40
    assert vocabulary.eos_token_ids == (1, size + 2)
    assert vocabulary.encode("x<tool>")[-1] == size


def test_special_names_in_a_text_are_text():
    vocabulary = hf.vocabulary(tiny.byte_level())
    assert spelled(vocabulary, vocabulary.encode("a</s>b")) == b"a</s>b"


def test_a_piece_of_the_model_that_is_also_an_added_token_is_read_as_a_piece():
    tokenizer = tiny.byte_fallback(prefix=False)
    backend = tokenizer.backend_tokenizer
    piece = next(p for p in backend.get_vocab() if p.startswith("▁") and len(p) > 2)
    backend.add_tokens([AddedToken(piece, normalized=False)])
    token = hf.vocabulary(tokenizer).tokens[backend.token_to_id(piece)]
    assert token == piece.replace("▁", " ").encode()


def test_a_narrow_head_cuts_the_vocabulary():
    tokenizer = tiny.byte_level()
    assert len(hf.vocabulary(tokenizer, fake_model(300))) == 300
    with pytest.raises(VocabularyMismatch, match="outside the vocabulary"):
        hf.vocabulary(tokenizer, fake_model(300, eos=400))


def test_the_tokenizers_settings_neither_matter_nor_change():
    tokenizer = tiny.byte_level()
    vocabulary = hf.vocabulary(tokenizer)
    tokenizer.backend_tokenizer.enable_truncation(2)
    tokenizer.backend_tokenizer.enable_padding(length=9)
    assert spelled(vocabulary, vocabulary.encode("a longer text")) == b"a longer text"
    assert tokenizer.backend_tokenizer.truncation["max_length"] == 2


def test_what_a_normalizer_rewrites_is_spelled_by_longest_match():
    tokenizer = tiny.byte_level(normalizers.Lowercase())
    vocabulary = hf.vocabulary(tokenizer)
    assert spelled(vocabulary, vocabulary.encode("Ada IN oslo")) == b"Ada IN oslo"


def test_the_same_tokenizer_gives_the_same_vocabulary_until_it_changes():
    tokenizer = tiny.byte_level()
    first = hf.vocabulary(tokenizer)
    assert hf.vocabulary(tokenizer) is first
    assert hf.vocabulary(tokenizer, fake_model(600)) is not first
    tokenizer.add_tokens(["<new>"])
    assert b"<new>" in hf.vocabulary(tokenizer).tokens


def test_the_cache_does_not_keep_tokenizers_alive():
    tokenizer = tiny.byte_level()
    vocabulary = hf.vocabulary(tokenizer)
    gone = weakref.ref(tokenizer)
    del tokenizer
    gc.collect()
    assert gone() is None
    assert spelled(vocabulary, vocabulary.encode("still here")) == b"still here"


@pytest.mark.parametrize("make", [tiny.word_piece, tiny.end_of_word])
def test_tokens_that_depend_on_their_neighbours_are_refused(make):
    tokenizer = make()
    with pytest.raises(Unsupported, match="allow_inexact"):
        hf.vocabulary(tokenizer)
    with pytest.warns(UserWarning, match="approximate"):
        vocabulary = hf.vocabulary(tokenizer, allow_inexact=True)
    assert vocabulary.encode is None
    ids = tokenizer.encode("a book in Oslo", add_special_tokens=False)
    assert spelled(vocabulary, ids).replace(b" ", b"") == b"abookinOslo"


def test_without_any_eos_id():
    tokenizer = tiny.byte_level()
    tokenizer.eos_token = None
    with pytest.raises(VocabularyMismatch, match="eos"):
        hf.vocabulary(tokenizer)
    assert hf.vocabulary(tokenizer, fake_model(500, eos=7)).eos_token_ids == (7,)


def test_the_wrong_class_over_byte_level_tokens_is_found(tmp_path):
    tiny.byte_level().save_pretrained(tmp_path)
    broken = LlamaTokenizer.from_pretrained(tmp_path)
    with pytest.raises(VocabularyMismatch, match="AutoTokenizer"):
        hf.vocabulary(broken)
    with pytest.raises(VocabularyMismatch, match="AutoTokenizer"):
        hf.vocabulary(broken, allow_inexact=True)


def test_encoding_finds_a_decoder_that_only_loses_spaces():
    table = read_table(tiny.byte_level())
    wrong = [t.replace(b" ", b"") if t else t for t in table.tokens]
    decode = lambda ids: b"".join(wrong[i] for i in ids).decode(errors="replace")  # noqa: E731
    broken = SimpleNamespace(**{**vars(table), "tokens": wrong, "decode": decode})
    token_checks.check_decoding(broken)  # consistent, and wrong
    with pytest.raises(VocabularyMismatch, match="does not belong"):
        token_checks.check_encoding(broken)


def test_decoding_finds_a_token_that_texts_do_not_use():
    table = read_table(tiny.byte_level())
    used = {i for text in token_checks.TEXTS for i in table.encode(text)}
    wrong = [t if t is None or i in used else t + b"?" for i, t in enumerate(table.tokens)]
    broken = SimpleNamespace(**{**vars(table), "tokens": wrong})
    token_checks.check_encoding(broken)
    with pytest.raises(Unsupported, match="decodes otherwise"):
        token_checks.check_decoding(broken)
