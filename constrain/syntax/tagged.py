"""Free text with tagged parts: tool calls, blocks of thought, data between prose.

A tag begins where its opening text, or a special token, comes for the first time; from there on
its grammar holds, until the text that closes it. Everything is an ordinary grammar, so masks are
exact, tokens may reach over the borders, and what can be asked of grammars can be asked of these.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from constrain.errors import SpecError

from . import regex_ast as rx
from .grammar import Grammar, Regular, alternated, concatenated, grammar_of
from .token_names import read_token

ANY = rx.repeat(rx.ANY_CHAR, 0, None)


@dataclass(frozen=True)
class Tag:
    """A part of a text that a grammar holds for.

    begin: the text that opens it, or (`special=True`) a special token as grammars name it, such as
        "<|tool|>" or, by its id, "<[12]>".
    grammar: what follows, without the text that closes it.
    end: the text, possibly empty, that closes it.
    """

    begin: str
    grammar: Grammar
    end: str = ""
    special: bool = False


def free_text(without: Iterable[str] = ()) -> Grammar:
    """Any text in which none of these stands.

    >>> free_text(["<tool>"]).key
    ('free text', ('<tool>',))
    """
    words = tuple(without)
    return _regular(("free text", words), _free(words))


def tagged(tags: Sequence[Tag], at_least: int = 0, at_most: int | None = None) -> Grammar:
    """Free text with from `at_least` to `at_most` tagged parts, in any order.

    Free text never holds the opening text of a tag. Raises SpecError for tags that open with
    nothing, or alike.
    """
    names = [tag.begin for tag in tags]
    if not tags or not all(names) or len(set(names)) < len(names):
        raise SpecError(f"expected tags that begin with different texts, got {names}")
    words = tuple(tag.begin for tag in tags if not tag.special)
    parts = [concatenated((_opening(tag, words), tag.grammar, grammar_of(tag.end))) for tag in tags]
    return alternated(parts).repeat(at_least, at_most) + free_text(words)


def _opening(tag: Tag, words: tuple[str, ...]) -> Grammar:
    """Free text and the beginning of a tag, which comes there for the first time."""
    key = ("opening", tag.begin, tag.special, words)
    if tag.special:
        token = read_token(tag.begin)
        return _regular(key, rx.concat([_free(words), token]), (token,))
    begins = rx.concat([ANY, rx.text(tag.begin)])
    earlier = rx.concat([ANY, _any_of(words), rx.repeat(rx.ANY_CHAR, 1, None)])
    return _regular(key, rx.Intersect((begins, rx.Complement(earlier))))


def _free(words: tuple[str, ...]) -> rx.Node:
    return rx.Complement(rx.concat([ANY, _any_of(words), ANY])) if words else ANY


def _any_of(words: tuple[str, ...]) -> rx.Node:
    return rx.union(map(rx.text, words))


def _regular(key: tuple[object, ...], node: rx.Node, tokens: tuple[rx.Token, ...] = ()) -> Grammar:
    return Grammar(key, {"start": Regular(node)}, tokens=tokens)
