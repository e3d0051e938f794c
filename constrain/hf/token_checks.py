"""Does a token table tell the truth? Two checks that need no second opinion but the tokenizer's.

Each finds what the other cannot: a decoder that does not belong to its tokens decodes
consistently wrong text (only encoding shows it), and a misread decoder may go unnoticed on the
few tokens that ordinary text uses (only decoding random ids shows it).
"""

from __future__ import annotations

from random import Random

from constrain.errors import Unsupported, VocabularyMismatch

from .token_tables import TokenTable

PLAIN_TEXTS = (
    "The quick brown fox jumps over the lazy dog",
    "Numbers 0 12 345 and words in between",
)
TEXTS = (
    *PLAIN_TEXTS,
    '{"name": "Ada", "tags": ["x", "y z"], "size": -1.5e+10}',
    "def f(x):\n    return x ** 2  # comment\n\n\tdone\n",
    "naïve café, Ærøskøbing, Łódź",
    "中文字符和日本語のテキスト",
    "family \U0001f468\u200d\U0001f469\u200d\U0001f467 and flag \U0001f1eb\U0001f1f7",
    "<s>not special</s> <|im_start|> [INST] <0x41>",
    "  two spaces  and a tab\tin between ",
    "a\x01\x7fb \\u0000 \"quoted\" 'single'",
)
SEQUENCES = 300


def check_table(table: TokenTable) -> None:
    """Raise where the tokenizer contradicts `table`.

    VocabularyMismatch: text and ids do not belong together, whatever reading is taken.
    Unsupported: the tokenizer decodes ids in a way of its own.
    """
    check_encoding(table)
    check_decoding(table)


def check_encoding(table: TokenTable) -> None:
    """What texts are encoded to must spell them (or what the normalizer makes of them).

    A text with characters that the tokenizer does not know is passed over. Outside of plain
    words, white space may get lost: pre-tokenizers that split at it do that.
    """
    checked = 0
    for text in TEXTS:
        spelled = spell(table, table.encode(text))
        if spelled is None:
            continue
        expected = table.normalize(text)
        if table.strips_first_space:
            spelled, expected = spelled.removeprefix(b" "), expected.removeprefix(b" ")
        if text not in PLAIN_TEXTS:
            spelled, expected = b"".join(spelled.split()), b"".join(expected.split())
        if spelled != expected:
            raise VocabularyMismatch(
                f"the ids that the tokenizer gives for {text!r} spell {spelled!r}: its decoder "
                "does not belong to its tokens; load it with AutoTokenizer or "
                "PreTrainedTokenizerFast"
            )
        checked += 1
    if not checked:
        raise Unsupported("a tokenizer that knows no plain text")


def check_decoding(table: TokenTable) -> None:
    """Random ids must decode to what their bytes give. Spaces at the ends are not compared."""
    if table.decode is None or not table.plain_ids:
        return
    rng = Random(0)
    for _ in range(SEQUENCES):
        ids = rng.choices(table.plain_ids, k=rng.randint(1, 8))
        ours = (spell(table, ids) or b"").decode(errors="replace")
        theirs = table.decode(ids)
        if table.strips_first_space:
            ours, theirs = ours.strip(" "), theirs.strip(" ")
        if ours != theirs:
            raise Unsupported(
                "a tokenizer that decodes otherwise than its decoder says",
                note=f"ids {ids} are {ours!r} but decode to {theirs!r}; "
                "allow_inexact=True goes by what it decodes",
            )


def spell(table: TokenTable, ids: list[int]) -> bytes | None:
    """The bytes of `ids`, or None if one of them has no text."""
    parts = [table.tokens[i] for i in ids]
    return None if any(p is None for p in parts) else b"".join(p for p in parts if p is not None)
