"""The decoder interpreter against the decoders of the tokenizers library."""

from __future__ import annotations

import json

import pytest
from hypothesis import assume, given, strategies as st
from tokenizers import Regex, decoders

from constrain.errors import Unsupported, VocabularyMismatch
from constrain.hf.decoders import BYTE_FALLBACK, BYTE_LEVEL, read_decoder

LLAMA = decoders.Sequence(
    [
        decoders.Replace("▁", " "),
        decoders.ByteFallback(),
        decoders.Fuse(),
        decoders.Strip(" ", 1, 0),
    ]
)
GEMMA = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
CHAINS = {
    "byte-level": decoders.ByteLevel(),
    "llama": LLAMA,
    "gemma": GEMMA,
    "metaspace": decoders.Metaspace(),
    "metaspace-never": decoders.Metaspace(prepend_scheme="never"),
    "two-replacements": decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.Replace("ab", "x"), decoders.Fuse()]
    ),
}

alphabet = [*'abĠĊé中{}<>" ', "▁", "\u0120\u010a"]
pieces = st.one_of(
    st.lists(st.sampled_from(alphabet), min_size=1, max_size=4).map("".join),
    st.sampled_from(sorted(BYTE_FALLBACK)),
    st.sampled_from(["<0xE4>", "<0x41>", "<0x4>", "<0xGG>", "<0xAB"]),
)


def description(decoder) -> dict:
    return json.loads(decoder.__getstate__())


@pytest.mark.parametrize("name", CHAINS)
@given(tokens=st.lists(pieces, max_size=6))
def test_bytes_of_tokens_join_to_what_the_library_decodes(name, tokens):
    decoding = read_decoder(description(CHAINS[name]), ())
    ours = b"".join(decoding.bytes_of(token) for token in ["x", *tokens])
    try:
        text = ours.decode()
    except UnicodeDecodeError:  # the library replaces whole runs of bytes
        assume(False)
    assert text == CHAINS[name].decode(["x", *tokens])


@pytest.mark.parametrize(
    ("name", "strips"),
    [("llama", True), ("gemma", False), ("metaspace", True), ("metaspace-never", False)],
)
def test_the_space_at_the_start_of_a_text(name, strips):
    assert read_decoder(description(CHAINS[name]), ()).strips_first_space is strips
    assert CHAINS[name].decode(["▁a", "▁b"]) == ("a b" if strips else " a b")


def test_bytes_that_are_no_text_on_their_own():
    assert read_decoder(description(GEMMA), ()).bytes_of("<0xC3>") == b"\xc3"
    assert read_decoder(description(decoders.ByteLevel()), ()).bytes_of("Ã") == b"\xc3"


def test_every_byte_has_one_sign():
    decoding = read_decoder(description(decoders.ByteLevel()), ())
    assert sorted(decoding.bytes_of(sign) for sign in BYTE_LEVEL) == [
        bytes([b]) for b in range(256)
    ]


def chain(*elements):
    return decoders.Sequence(list(elements))


REFUSED = [
    (decoders.WordPiece(), "/decoder"),
    (decoders.BPEDecoder(), "/decoder"),
    (decoders.CTC(), "/decoder"),
    (chain(decoders.Replace(Regex("a+"), "b")), "/decoder/decoders/0"),
    (chain(decoders.Fuse(), decoders.Replace("ab", "c")), "/decoder/decoders/1"),
    (chain(decoders.Fuse(), decoders.ByteLevel()), "/decoder/decoders/1"),
    (chain(decoders.Fuse(), decoders.Metaspace()), "/decoder/decoders/1"),
    (chain(decoders.Fuse(), decoders.Strip(" ", 0, 1)), "/decoder/decoders/1"),
    (chain(decoders.Strip(" ", 1, 0)), "/decoder/decoders/0"),
    (chain(decoders.ByteFallback(), decoders.Replace("a", "b")), "/decoder/decoders/1"),
]


@pytest.mark.parametrize(("decoder", "where"), REFUSED)
def test_decoders_that_read_tokens_in_context_are_refused(decoder, where):
    with pytest.raises(Unsupported) as refusal:
        read_decoder(description(decoder), ())
    assert refusal.value.where == where
    assert "allow_inexact" in str(refusal.value)


def test_without_a_decoder_the_alphabet_decides():
    assert read_decoder(None, set(BYTE_LEVEL)).bytes_of("Ġa") == b" a"
    assert read_decoder(None, set(BYTE_FALLBACK)).bytes_of("▁a") == b" a"
    with pytest.raises(Unsupported, match="without a decoder"):
        read_decoder(None, {"a", "b"})


MISMATCHED = [
    (LLAMA, BYTE_LEVEL),
    (decoders.Metaspace(), BYTE_FALLBACK),
    (decoders.ByteLevel(), BYTE_FALLBACK),
]


@pytest.mark.parametrize(("decoder", "alphabet"), MISMATCHED)
def test_a_decoder_for_another_alphabet_is_a_mismatch(decoder, alphabet):
    with pytest.raises(VocabularyMismatch, match="AutoTokenizer"):
        read_decoder(description(decoder), set(alphabet))
