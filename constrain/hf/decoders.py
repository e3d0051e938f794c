"""From a token's text to its bytes: a tokenizer's decoder chain, interpreted token by token.

A Hugging Face decoder is a chain of elements with a JSON description. Most treat each token on
its own, and then a token stands for the same bytes wherever it is; those that look at a token's
neighbours (WordPiece, CTC, an end-of-word suffix, ...) have no such reading and are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from constrain.errors import Unsupported, VocabularyMismatch

Piece: TypeAlias = "str | bytes"
Step: TypeAlias = Callable[[Piece], Piece]
Family: TypeAlias = Literal["byte-level", "byte-fallback", "text"]
Element: TypeAlias = Mapping[str, Any]

WORD_BOUNDARY = "▁"


def _byte_level_alphabet() -> dict[str, int]:
    """The GPT-2 alphabet: printable Latin-1 bytes are themselves, the others follow U+0100."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in set(printable)]
    table = {chr(b): b for b in printable}
    return table | {chr(0x100 + i): b for i, b in enumerate(others)}


BYTE_LEVEL: Mapping[str, int] = _byte_level_alphabet()
BYTE_FALLBACK: Mapping[str, int] = {f"<0x{b:02X}>": b for b in range(256)}


@dataclass(frozen=True)
class Decoding:
    """How a decoder reads one token.

    strips_first_space: at the start of a whole text, and only there, one space is dropped.
    fused: (while a chain is read) elements from here on see the whole text, not tokens.
    """

    steps: tuple[Step, ...] = ()
    family: Family = "text"
    strips_first_space: bool = False
    fused: bool = False

    def bytes_of(self, piece: str) -> bytes:
        """Return the bytes that the token written `piece` stands for."""
        value: Piece = piece
        for step in self.steps:
            value = step(value)
        return value.encode() if isinstance(value, str) else value


def read_decoder(description: Element | None, vocabulary: Collection[str]) -> Decoding:
    """Return the per-token reading of a decoder, given as the JSON value in `tokenizer.json`.

    vocabulary: the written form of all tokens; decides where there is no decoder, and must fit
    the one there is. Raises Unsupported for a decoder that reads tokens in context, and
    VocabularyMismatch where the decoder is not the one these tokens were made for.

    >>> read_decoder({"type": "ByteLevel"}, ()).bytes_of("Ġa")
    b' a'
    """
    evidence = written_family(vocabulary)
    if description is None:
        if evidence == "text":
            raise Unsupported("a tokenizer without a decoder", "/decoder")
        return _read_chain(WITHOUT_DECODER[evidence], "/decoder")
    decoding = _read_chain(description, "/decoder")
    if evidence not in ("text", decoding.family):
        raise VocabularyMismatch(
            f"the tokens are written in the {evidence} alphabet, but the decoder is of the "
            f"{decoding.family} kind, so text would come out wrong; load the tokenizer with "
            "AutoTokenizer or PreTrainedTokenizerFast instead of a class that puts in its own "
            "decoder (LlamaTokenizer does so)"
        )
    return decoding


def written_family(vocabulary: Collection[str]) -> Family:
    """Which alphabet the tokens are written in, where they hold all 256 signs of one."""
    if all(sign in vocabulary for sign in BYTE_FALLBACK):
        return "byte-fallback"
    if all(sign in vocabulary for sign in BYTE_LEVEL):
        return "byte-level"
    return "text"


def _read_chain(description: Element, where: str) -> Decoding:
    decoding = Decoding()
    for place, element in _elements(description, where):
        reader = READERS.get(element["type"])
        if reader is None:
            raise Unsupported(f"decoder {element['type']}", place, note=CONTEXT_NOTE)
        decoding = reader(decoding, element, place)
    return decoding


CONTEXT_NOTE = (
    "its tokens stand for different text in different places; "
    "allow_inexact=True takes what each gives after another token"
)


def _elements(description: Element, where: str) -> Iterator[tuple[str, Element]]:
    if description["type"] != "Sequence":
        yield where, description
        return
    for i, element in enumerate(description["decoders"]):
        yield from _elements(element, f"{where}/decoders/{i}")


# One reader per kind of element: what was read so far, the element, its place -> the longer chain.


def _then(decoding: Decoding, step: Step) -> Decoding:
    return replace(decoding, steps=(*decoding.steps, step))


def _check_first(decoding: Decoding, element: Element, where: str) -> None:
    """Refuse an element that reads whole tokens after one that joins them or makes bytes."""
    if decoding.fused or decoding.family != "text":
        raise Unsupported(f"decoder {element['type']} across tokens", where, note=CONTEXT_NOTE)


def _byte_level(decoding: Decoding, element: Element, where: str) -> Decoding:
    _check_first(decoding, element, where)

    def step(piece: Piece) -> Piece:
        if isinstance(piece, str) and all(c in BYTE_LEVEL for c in piece):
            return bytes(BYTE_LEVEL[c] for c in piece)
        return piece

    return replace(_then(decoding, step), family="byte-level", fused=True)


def _byte_fallback(decoding: Decoding, element: Element, where: str) -> Decoding:
    def step(piece: Piece) -> Piece:
        if isinstance(piece, str) and (byte := _fallback_byte(piece)) is not None:
            return bytes([byte])
        return piece

    return replace(_then(decoding, step), family="byte-fallback")


def _fallback_byte(piece: str) -> int | None:
    """The byte that `<0xNN>` names; None for any other token."""
    if len(piece) != 6 or not piece.startswith("<0x") or not piece.endswith(">"):
        return None
    return BYTE_FALLBACK.get(f"<0x{piece[3:5].upper()}>")


def _substitute(old: str, new: str) -> Step:
    return lambda piece: piece.replace(old, new) if isinstance(piece, str) else piece


def _replace(decoding: Decoding, element: Element, where: str) -> Decoding:
    pattern = element["pattern"].get("String")
    if pattern is None:
        raise Unsupported("decoder Replace with a regular expression", where, note=CONTEXT_NOTE)
    if decoding.family != "text" or (decoding.fused and len(pattern) != 1):
        raise Unsupported("decoder Replace across tokens", where, note=CONTEXT_NOTE)
    return _then(decoding, _substitute(pattern, element["content"]))


def _metaspace(decoding: Decoding, element: Element, where: str) -> Decoding:
    _check_first(decoding, element, where)
    default = "always" if element.get("add_prefix_space", True) else "never"
    strips = element.get("prepend_scheme", default) != "never"
    decoding = _then(decoding, _substitute(element["replacement"], " "))
    return replace(decoding, strips_first_space=decoding.strips_first_space or strips)


def _fuse(decoding: Decoding, element: Element, where: str) -> Decoding:
    return replace(decoding, fused=True)


def _strip(decoding: Decoding, element: Element, where: str) -> Decoding:
    ends = (element["content"], element["start"], element["stop"])
    if ends[1:] == (0, 0):
        return decoding
    if not decoding.fused or ends != (" ", 1, 0):
        raise Unsupported(
            f"decoder Strip of {ends[1]} and {ends[2]} times {ends[0]!r}", where, note=CONTEXT_NOTE
        )
    return replace(decoding, strips_first_space=True)


READERS: Mapping[str, Callable[[Decoding, Element, str], Decoding]] = {
    "ByteLevel": _byte_level,
    "ByteFallback": _byte_fallback,
    "Replace": _replace,
    "Metaspace": _metaspace,
    "Fuse": _fuse,
    "Strip": _strip,
}

WITHOUT_DECODER: Mapping[Family, Element] = {
    "byte-level": {"type": "ByteLevel"},
    "byte-fallback": {
        "type": "Sequence",
        "decoders": [
            {"type": "Replace", "pattern": {"String": WORD_BOUNDARY}, "content": " "},
            {"type": "ByteFallback"},
        ],
    },
}
