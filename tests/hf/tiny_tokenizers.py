"""Tokenizers of every family, trained on a few sentences."""

from __future__ import annotations

from tokenizers import (
    AddedToken,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    trainers,
)
from transformers import PreTrainedTokenizerFast

from constrain.hf.decoders import BYTE_FALLBACK
from constrain.hf.demo.corpus import documents

TEXTS = list(documents(7, 300))
SPECIAL = ["<unk>", "<s>", "</s>"]


def fast(tokenizer: Tokenizer, **names) -> PreTrainedTokenizerFast:
    names = {"bos_token": "<s>", "eos_token": "</s>", **names}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, clean_up_tokenization_spaces=False, **names
    )


def byte_level(normalizer=None) -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.normalizer = normalizer
    trainer = trainers.BpeTrainer(
        vocab_size=500,
        special_tokens=["<s>", "</s>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return fast(tokenizer)


def byte_fallback(prefix: bool) -> PreTrainedTokenizerFast:
    """As Llama 2 (prefix: a space in front, which decoding drops) or Gemma."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    space = [normalizers.Replace(" ", "▁")]
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), *space] if prefix else space
    )
    chain = [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()]
    tokenizer.decoder = decoders.Sequence([*chain, decoders.Strip(" ", 1, 0)] if prefix else chain)
    trainer = trainers.BpeTrainer(
        vocab_size=700, special_tokens=[*SPECIAL, *BYTE_FALLBACK], show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS[:100], trainer)
    # The trainer made the bytes special; the model alone keeps them as plain pieces.
    rebuilt = Tokenizer(tokenizer.model)
    rebuilt.normalizer, rebuilt.decoder = tokenizer.normalizer, tokenizer.decoder
    rebuilt.add_special_tokens([AddedToken(name, special=True) for name in SPECIAL])
    return fast(rebuilt, unk_token="<unk>")


def unigram() -> PreTrainedTokenizerFast:
    """As T5: words with a space in front, no bytes."""
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return fast(tokenizer, unk_token="<unk>")


def word_piece() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.WordPiece(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    trainer = trainers.WordPieceTrainer(vocab_size=400, special_tokens=SPECIAL, show_progress=False)
    tokenizer.train_from_iterator(TEXTS, trainer)
    return fast(tokenizer, unk_token="<unk>")


def end_of_word() -> PreTrainedTokenizerFast:
    """As GPT-1: `</w>` ends words."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.BPEDecoder()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=SPECIAL,
        end_of_word_suffix="</w>",
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    return fast(tokenizer, unk_token="<unk>")
