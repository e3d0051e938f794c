"""What may come next, in the words of the grammar, and why something else may not.

Nothing is recorded for this while a grammar is lowered: a thread's place in the program tells
the literal it is in, its fragment, its trie of words or names, its terminal and its rule.
"""

from __future__ import annotations

import codecs
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

from constrain.automata import json_text
from constrain.automata.json_rules import STANDARD
from constrain.automata.normal_form import END
from constrain.automata.program import (
    AUTOMATON,
    COUNTED,
    KEYS,
    LEXEME,
    RETURN,
    SET,
    SPACE,
    TERMINAL,
    WORDS,
)
from constrain.errors import render_caret
from constrain.syntax.grammar import Regular
from constrain.syntax.regex_ast import Text
from constrain.tokens import layout as at
from constrain.tokens.engine import Engine
from constrain.tokens.lookup import Words, below, chosen, path, token_at
from constrain.tokens.rows import Mask
from constrain.tokens.vocabulary import Vocabulary

from .places import rule_path
from .special_tokens import spelled_id

MAX_TERMS = 100
"""Expectations that are listed; with more of them the last one says so."""

END_OF_TEXT = "the end of the text"
MORE = "and more"
QUOTE = 0x22


@dataclass(frozen=True)
class Rejection:
    """Why a token may not come. `message` tells it all, with a caret."""

    token_id: int
    token: bytes | None  # None: a token without text
    offset: int  # its first byte that does not fit
    expected: tuple[str, ...]  # in place of that byte
    nearest: tuple[int, ...]  # allowed tokens that share the longest prefix with it
    rules: tuple[str, ...]  # those that are open there, outermost first
    message: str


@dataclass(frozen=True)
class TextFault:
    """Where a text stops fitting. `message` tells it all, with a caret."""

    offset: int  # of the first byte that does not fit
    column: int  # the same in characters
    expected: tuple[str, ...]  # in place of that byte
    rules: tuple[str, ...]  # those that are open there, outermost first
    too_short: bool  # all bytes fit, but the text may not end there
    message: str


# ------------------------------------------------------------------ expectations


def expected(engine: Engine, config: int) -> tuple[str, ...]:
    """What may come next in `config`: literals in quotes, names, classes of characters."""
    return Expectations(engine).of(config)


class Expectations:
    """Collects terms, and loose bytes that become one class of characters at the end."""

    def __init__(self, engine: Engine):
        self.engine = engine
        self.code = engine.program.code
        self.terms: dict[str, None] = {}
        self.bytes: set[int] = set()
        self.space = False
        self._of_thread: dict[int, Callable[[int, int, int], None]] = {
            SET: self._set,
            SPACE: self._space,
            AUTOMATON: self._automaton,
            COUNTED: self._automaton,
            WORDS: self._words,
            KEYS: self._keys,
            LEXEME: self._lexeme,
            TERMINAL: self._terminal,
        }

    def of(self, config: int) -> tuple[str, ...]:
        self.collect(config)
        terms = list(self.terms)[:MAX_TERMS]
        if len(self.terms) > MAX_TERMS:
            terms.append(MORE)
        if self.bytes:
            terms.append(show_class(self.bytes))
        if self.engine.accepts(config):
            terms.append(END_OF_TEXT)
        return tuple(terms) or (("white space",) if self.space else ())

    def collect(self, config: int) -> None:
        """Add what `config` takes; within a lexeme also what may come if it ends here."""
        while config:
            lexer, fallback = self.engine.lexing(config)
            for pc, sub, _, _ in self.engine.threads(lexer or config):
                if self.code[pc] < 256:
                    self._literal(pc)
                else:
                    self._of_thread[self.code[pc] & 15](pc, (self.code[pc] - 256) >> 4, sub)
            config = fallback if lexer else 0

    def _say(self, term: str) -> None:
        self.terms[term] = None

    # -- one method for each kind of thread

    def _literal(self, pc: int) -> None:
        """The bytes from here on; a quote at their end may open a string or a name."""
        stop = pc
        while self.code[stop] < 256:
            stop += 1
        data = bytes(self.code[pc:stop])
        if data[0] & 0xC0 == 0x80 or not n_characters(data[:4]):  # within a character
            self.bytes.add(data[0])
            return
        opened = self._opened(stop) if data.endswith(b'"') else None
        if opened is None or len(data) > 1:
            self._say(quoted(data if opened is None else data[:-1]))
            return
        for term in opened:
            self._say(term)

    def _opened(self, pc: int) -> Iterable[str] | None:
        """What the quote before `pc` opens: a string, or the names of an object's members."""
        word = self.code[pc]
        op, arg = word & 15, (word - 256) >> 4
        if op == KEYS:
            root = int(self.engine.arena.segment(at.TRIE)[self.code[arg]])
            names = [quoted(b'"' + name) for name in self._names(pc, arg, root)]
            return [*names, "another name"] if self.code[pc + 2] and names else names or ["a name"]
        return _OPENED.get(self._content(arg)) if op in (AUTOMATON, COUNTED) else None

    def _set(self, pc: int, arg: int, sub: int) -> None:
        bits = int.from_bytes(self.engine.program.sets[arg], "little")
        self.bytes |= {b for b in range(256) if bits >> b & 1}

    def _space(self, pc: int, arg: int, sub: int) -> None:
        self.space = True

    def _automaton(self, pc: int, arg: int, sub: int) -> None:
        content = self._content(arg)
        at_home = sub == self.engine.intern(arg)
        name = at_home and (_AT_HOME.get(content) or self._rule_of(pc))
        if name:
            self._say(name)
        else:
            self.collect(sub)

    def _words(self, pc: int, arg: int, sub: int) -> None:
        for word in self._below(sub, lambda _: True):
            if word:
                self._say(quoted(word))

    def _keys(self, pc: int, arg: int, sub: int) -> None:
        for name in self._names(pc, arg, sub):
            self._say(quoted(name))
        if self.code[pc + 2]:
            self._say("another name")

    def _lexeme(self, pc: int, arg: int, sub: int) -> None:
        terminal = self.engine.program.terminals[arg]
        content = self._content(terminal.entry) if terminal.entry else None
        if terminal.name == END.name:
            return
        if isinstance(content, Text):
            self._say(quoted(content.data))
        elif terminal.name.startswith("__"):  # the grammar gives it no name
            self.collect(self.engine.intern(terminal.entry))
        else:
            self._say(terminal.name)

    def _terminal(self, pc: int, arg: int, sub: int) -> None:
        if self.engine.program.terminals[arg].ignored:
            self.space = True
        else:
            self.collect(sub)

    # -- places

    def _content(self, entry: int) -> Hashable:
        """What the fragment that begins at `entry` matches."""
        fragments = self.engine.program.fragments
        i = bisect_right(fragments, entry, key=lambda f: f[0]) - 1
        return fragments[i][1] if i >= 0 and fragments[i][0] == entry else None

    def _rule_of(self, pc: int) -> str | None:
        """The name of the rule that is just the automaton at `pc`."""
        if self.code[pc + 3] != 256 + RETURN:
            return None
        entries = self.engine.program.rules
        for name, number in self.engine.lowering.ids.items():
            if entries[number] == pc and isinstance(name, str) and name.isidentifier():
                return name
        return None

    def _names(self, pc: int, record: int, node: int) -> Iterator[bytes]:
        """The rests of the member names below `node` that may come now, quote included."""
        code = self.code
        i = code[pc + 1]
        last, order = code[code[record + 1] + i], code[record + 3]
        members = range(i, last + 1)
        for rest in self._below(node, lambda word: code[order + word] in members):
            yield rest + b'"'

    def _below(self, node: int, wanted: Callable[[int], bool]) -> Iterator[bytes]:
        """The rests of the wanted words below a trie node, some more than are shown."""
        nodes = self.engine.arena.segment(at.TRIE_NODE)
        todo = [(node, b"")]
        found = 0
        while todo and found <= MAX_TERMS:
            x, rest = todo.pop()
            _, child, _, word, *_ = nodes[7 * x : 7 * x + 7].tolist()
            if word and wanted(word - 1):
                found += 1
                yield rest
            children: list[tuple[int, bytes]] = []
            while child:
                byte, _, sibling, *_ = nodes[7 * child : 7 * child + 7].tolist()
                children.append((child, rest + bytes((byte,))))
                child = sibling
            todo.extend(reversed(children))


def _node_of(rule: str) -> Hashable:
    expr = STANDARD[rule]
    assert isinstance(expr, Regular)
    return expr.node


_OPENED: dict[Hashable, list[str]] = {
    json_text.any_string(): ["a JSON string"],
    json_text.counted_string(): ["a JSON string"],
}
_AT_HOME: dict[Hashable, str] = {
    json_text.any_string(): "more of the string",
    json_text.counted_string(): "more of the string",
    json_text.canonical_name(): "more of the name",
    _node_of("json:number"): "a number",
    _node_of("json:integer"): "an integer",
    _node_of("json:plain-integer"): "an integer",
}


# ------------------------------------------------------------------ rendering


def quoted(data: bytes) -> str:
    """A literal in quotes; bytes that are no text as \\xNN; the spelling of a special token as
    its id, `<[12]>`.

    >>> print(quoted(b"true"), quoted(b'"'), quoted(bytes((255, 10))))
    "true" '"' "\\xff\\n"
    """
    if (token_id := spelled_id(data)) is not None:
        return f"<[{token_id}]>"
    text = data.decode("utf-8", "backslashreplace")
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return f"'{shown}'" if '"' in shown and "'" not in shown else f'"{shown}"'


def show_class(members: Iterable[int]) -> str:
    """The characters that can begin with one of these bytes, as a class.

    >>> print(show_class(b"0123abc-"), show_class(set(range(256)) - set(b'"')))
    [-0-3a-c] [^"]
    """
    found = set(members)
    if found and all(0x80 <= b < 0xC0 for b in found):
        return "the rest of a character"
    ascii_ = {b for b in found if b < 0x80}
    if found >= LEADS and len(ascii_) > 64:
        return f"[^{_ranges(set(range(0x80)) - ascii_)}]" if len(ascii_) < 128 else "any character"
    if found == ascii_:
        return f"[{_ranges(ascii_)}]"
    other = "any non-ASCII character" if found >= LEADS else "some non-ASCII characters"
    return f"[{_ranges(ascii_)}] or {other}" if ascii_ else other


LEADS = set(range(0xC3, 0xF4))
"""Bytes that begin a character wherever all characters beyond ASCII are allowed."""


def _ranges(members: set[int]) -> str:
    out: list[str] = []
    for lo in sorted(members):
        if lo - 1 in members:
            continue
        hi = lo
        while hi + 1 in members:
            hi += 1
        if lo == hi == 0x2D:
            out.insert(0, "-")
        elif hi - lo < 2:
            out.extend(_char(b) for b in range(lo, hi + 1))
        else:
            out.append(f"{_char(lo)}-{_char(hi)}")
    return "".join(out)


def _char(byte: int) -> str:
    char = chr(byte)
    if char in "\\]^-":
        return "\\" + char
    return char if char.isprintable() else repr(char)[1:-1]


def listed(terms: tuple[str, ...], most: int = 8) -> str:
    """The first few, for a line of text."""
    return ", ".join(terms[:most]) + (", ..." if len(terms) > most else "")


# ------------------------------------------------------------------ refusals


def misfit(offset: int, terms: tuple[str, ...]) -> str:
    """One line about bytes that stop fitting."""
    return f"byte {offset} does not fit; expected {listed(terms) or 'nothing more'}"


def refusal(engine: Engine, config: int, vocabulary: Vocabulary, token_id: int) -> str:
    """One line about a token that may not come in `config`."""
    token = vocabulary.tokens[token_id]
    taken, terms, _ = _stop(engine, config, token or b"")
    if token is not None:
        return f"token {token_id}, {quoted(token)}: {misfit(taken, terms)}"
    return f"token {token_id}: {_no_text(vocabulary, token_id)}; expected {listed(terms)}"


def _stop(engine: Engine, config: int, data: bytes) -> tuple[int, tuple[str, ...], tuple[str, ...]]:
    """How many bytes of `data` fit, what is expected then, and in which rules."""
    _, taken = engine.run(config, data)
    place, _ = engine.run(config, data[:taken])
    return taken, expected(engine, place), rule_path(engine, place)


def _no_text(vocabulary: Vocabulary, token_id: int) -> str:
    ends = token_id in vocabulary.eos_token_ids
    return "the text may not end here" if ends else "it has no text"


def rejection(
    engine: Engine, config: int, vocabulary: Vocabulary, token_id: int, mask: Mask, most: int = 5
) -> Rejection:
    """All about a token that may not come in `config`, whose mask is `mask`."""
    token = vocabulary.tokens[token_id]
    data = token or b""
    taken, terms, rules = _stop(engine, config, data)
    near = nearest(engine.tables.words, vocabulary, data[:taken], mask, most)
    if token is None:
        lines = [f"token {token_id}: {_no_text(vocabulary, token_id)}"]
    else:
        lines = [_caret(f"token {token_id} does not fit", data, taken)]
    lines += [f"expected: {listed(terms) or 'nothing more'}", *_inside(rules)]
    if near:
        shown = (f"{quoted(vocabulary.tokens[i] or b'')} ({i})" for i in near)
        lines.append(f"nearest: {', '.join(shown)}")
    return Rejection(token_id, token, taken, terms, near, rules, "\n".join(lines))


def _inside(rules: tuple[str, ...], most: int = 8) -> list[str]:
    """A line about the rules around a place; about one that is the whole grammar none."""
    shown = rules if len(rules) <= most else (*rules[: most // 2], "...", *rules[-most // 2 :])
    return [f"in: {' > '.join(shown)}"] if len(rules) > 1 else []


def _caret(message: str, data: bytes, offset: int) -> str:
    column = n_characters(data[:offset])
    return render_caret(message, data.decode("utf-8", "replace"), (column, column + 1))


def nearest(
    v: Words, vocabulary: Vocabulary, data: bytes, mask: Mask, most: int
) -> tuple[int, ...]:
    """Allowed tokens that share the longest prefix with `data`; short ones first, space last."""

    def order(i: int) -> tuple[bool, int, int]:
        token = vocabulary.tokens[i] or b""
        return token.isspace(), len(token), i

    for node in reversed(path(v, data)):
        own = token_at(v, node)
        ids = chosen(mask, np.append(below(v, node), np.int32(own))[: None if own >= 0 else -1])
        if len(ids):
            return tuple(sorted(ids.tolist(), key=order)[:most])
    return ()


def text_fault(
    data: bytes, taken: int, terms: tuple[str, ...], rules: tuple[str, ...] = ()
) -> TextFault:
    """About a text of which `taken` bytes fit, with these expectations after them."""
    too_short = taken == len(data)
    message = "does not fit yet: the text ends too early" if too_short else "does not fit"
    lines = [_caret(message, data, taken)]
    if terms:
        lines += [f"expected: {listed(terms)}", *_inside(rules)]
    column = n_characters(data[:taken])
    return TextFault(taken, column, terms, rules, too_short, "\n".join(lines))


def n_characters(data: bytes) -> int:
    """Characters before the end of `data`, which may stop within one (that one not counted)."""
    return len(_decoder("replace").decode(data))


_decoder = codecs.getincrementaldecoder("utf-8")
