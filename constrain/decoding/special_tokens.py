"""Grammars that name special tokens, which have no text.

Each special token gets a spelling of its own, in bytes that no UTF-8 text holds: the digits of
its id as F5 to FE, and FF behind them. So the grammar becomes one over bytes, and the vocabulary
one in which these tokens have them; masks are about the same ids as before.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Mapping
from dataclasses import replace
from typing import cast
from weakref import WeakKeyDictionary

from constrain.errors import Unsupported
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    Both,
    Composition,
    Embedded,
    Expr,
    Grammar,
    Literal,
    Regular,
    Without,
    Words,
    map_leaves,
)
from constrain.syntax.regex_analysis import walk
from constrain.tokens.vocabulary import Vocabulary

PRIVATE = frozenset(range(0xF5, 0x100))

_DIGITS = bytes.maketrans(b"0123456789", bytes(range(0xF5, 0xFF)))

_TO_DIGITS = bytes.maketrans(bytes(range(0xF5, 0xFF)), b"0123456789")

_derived: WeakKeyDictionary[Vocabulary, Vocabulary] = WeakKeyDictionary()


def spelling(token_id: int) -> bytes:
    """The private bytes of a special token.

    >>> spelling(12).hex()
    'f6f7ff'
    """
    return str(token_id).encode().translate(_DIGITS) + b"\xff"


def spelled_id(data: bytes) -> int | None:
    """The special token that these bytes spell, if they do.

    >>> spelled_id(spelling(12))
    12
    """
    digits = data[:-1].translate(_TO_DIGITS)
    return int(digits) if data[-1:] == b"\xff" and digits.isdigit() and data[0] > 0xF4 else None


class _Spelled(Vocabulary):
    """A vocabulary with all bytes that spellings are made of."""

    @property
    def single_bytes(self) -> frozenset[int]:  # pyright: ignore[reportIncompatibleVariableOverride]
        return super().single_bytes | PRIVATE


def with_special_tokens(vocabulary: Vocabulary) -> Vocabulary:
    """The vocabulary with spellings for its special tokens, made once.

    Tokens that hold a byte of them have none: no text does either.
    """
    if vocabulary not in _derived:
        special = _special(vocabulary)
        tokens = (
            spelling(i) if i in special else None if token and PRIVATE & {*token} else token
            for i, token in enumerate(vocabulary.tokens)
        )
        _derived[vocabulary] = _Spelled(tokens, vocabulary.eos_token_ids, vocabulary.encode)
    return _derived[vocabulary]


def _special(vocabulary: Vocabulary) -> Collection[int]:
    """Ids without text; of those that the tokenizer has names for, where that is known."""
    named = vocabulary.special_tokens.values() or range(len(vocabulary))
    eos = set(vocabulary.eos_token_ids)
    return {i for i in named if vocabulary.tokens[i] is None and i not in eos}


def spelled_out(grammar: Grammar, vocabulary: Vocabulary) -> Grammar:
    """The grammar with each token that it names in its bytes.

    Raises Unsupported for a token that the vocabulary does not have, that is ordinary text, or
    that ends a text.
    """
    nodes = {token: _node(token, vocabulary) for token in grammar.tokens}
    return _put(grammar, nodes)


def _node(token: rx.Token, vocabulary: Vocabulary) -> rx.Node:
    ids = _ids(token, vocabulary)
    special = set(_special(vocabulary))
    for i in sorted(ids - special)[: not token.others]:
        what = "ends a text" if i in vocabulary.eos_token_ids else "is ordinary text"
        name = token.text or f"<[{i}]>"
        raise Unsupported(f"the token {name}, which {what},", note="name special tokens only")
    if token.others:
        return rx.union([rx.ANY_CHAR, *(rx.Text(spelling(i)) for i in sorted(special - ids))])
    return rx.union(rx.Text(spelling(i)) for i in sorted(ids))


def _ids(token: rx.Token, vocabulary: Vocabulary) -> set[int]:
    if token.text is None:
        width = len(vocabulary)
        found = {i for lo, hi in token.ids for i in range(lo, min(hi + 1, width))}
        named = set(vocabulary.special_tokens.values())
        found = {i for i in found if vocabulary.tokens[i] or i in named or not named}
        if found:
            return found
        raise Unsupported(f"a token id beyond the vocabulary, {token.ids[0][0]}")
    if token.text in vocabulary.special_tokens:
        return {vocabulary.special_tokens[token.text]}
    known = ", ".join(list(vocabulary.special_tokens)[:8]) or "none by name"
    note = f"special tokens are {known}; ids stand as in <[12]>"
    raise Unsupported(f"the token {token.text}, which the vocabulary does not have,", note=note)


Nodes = Mapping[rx.Token, rx.Node]


def _put(grammar: Grammar, nodes: Nodes) -> Grammar:
    def change(leaf: Expr) -> Expr:
        if isinstance(leaf, Regular):
            return Regular(_put_in(leaf.node, nodes))
        if isinstance(leaf, Embedded):
            return Embedded(_put(leaf.grammar, nodes))
        if isinstance(leaf, Both | Without):
            return replace(leaf, left=_put(leaf.left, nodes), right=_put(leaf.right, nodes))
        if isinstance(leaf, Literal | Words):
            data = leaf.data if isinstance(leaf, Literal) else b"".join(leaf.words)
            _check_text(data)
        return leaf

    rules = {name: map_leaves(expr, change) for name, expr in grammar.rules.items()}
    terminals = {
        name: replace(terminal, node=_put_in(terminal.node, nodes))
        for name, terminal in grammar.terminals.items()
    }
    key = _keyed(grammar, tuple(nodes.items()))
    return replace(grammar, key=key, rules=rules, terminals=terminals, tokens=())


def _keyed(grammar: Grammar, texts: tuple[tuple[rx.Token, rx.Node], ...]) -> Hashable:
    """A key of the same kind, so that what is composed stays known as that."""
    if isinstance(grammar.key, Composition):
        return replace(grammar.key, operator=("tokens", grammar.key.operator, texts))
    return "tokens", grammar.key, texts


def _put_in(node: rx.Node, nodes: Nodes) -> rx.Node:
    """`node` with tokens replaced."""
    if not any(isinstance(part, rx.Token) for part in walk(node)):
        for part in walk(node):
            if isinstance(part, rx.Text):
                _check_text(part.data)
        return node
    if isinstance(node, rx.Token):
        return nodes[node]
    if isinstance(node, rx.Concat | rx.Union | rx.Intersect):
        return replace(node, items=tuple(_put_in(item, nodes) for item in node.items))
    item = _put_in(cast(rx.Repeat, node).item, nodes)
    return replace(cast(rx.Repeat, node), item=item)


def _check_text(data: bytes) -> None:
    if PRIVATE & {*data}:
        raise Unsupported("bytes that are no UTF-8, in a grammar that names special tokens")
