"""Lowering: a grammar's expressions to program code, rule by rule, when text first needs them.

One small method for each kind of expression. The code of an expression matches it and falls
through to what follows, so a rule is the code of its expression and a RETURN.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Any

from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    Call,
    Choice,
    Expr,
    JsonArray,
    JsonObject,
    JsonString,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Words,
)

from . import json_text
from .json_layout import emit_array, emit_object
from .program import (
    AUTOMATON,
    CALL,
    COUNTED,
    JUMP,
    LEXEME,
    LOOP,
    NEXT,
    RETURN,
    SPACE,
    SPLIT,
    TERMINAL,
    WORDS,
    Program,
    TerminalCode,
    word,
)
from .regex_code import Fragment, FragmentWriter
from .resolve import resolve

INLINE_IN_LOOPS = (Literal, Call, Space, Lexeme)
QUOTE = 0x22


class Lowering:
    """Grows `program` with the rules of a grammar.

    `rules` must be in the form that `automata.normal_form` gives: no left recursion, no call
    that can match the empty string.
    """

    def __init__(
        self,
        program: Program,
        rules: Mapping[Hashable, Expr],
        terminals: Any = None,
        known: Mapping[Hashable, int] | None = None,
        entries: Mapping[Fragment, int] | None = None,
    ):
        """known: numbers of rules, entries: of fragments, that the program already has."""
        self.program = program
        self.rules = rules
        self.fragments = FragmentWriter(program)
        self.fragments.entries.update(entries or {})
        self.ids: dict[Hashable, int] = dict(known or {})
        self._pending: list[Expr | Hashable | None] = [None] * len(program.rules)
        self._terminal_ids: dict[str, int] = {}
        self._emit: dict[type, Callable[[Any], None]] = {
            Literal: self._literal,
            Regular: self._regular,
            Words: self._words,
            Sequence: self._sequence,
            Choice: self._choice,
            Repeat: self._repeat,
            Call: self._call,
            Lexeme: self._lexeme,
            Space: self._space,
            JsonString: self._string,
            JsonObject: lambda e: emit_object(self, e),
            JsonArray: lambda e: emit_array(self, e),
        }
        for terminal, ignored in terminals or ():
            self._terminal(terminal, ignored)

    # -- rules

    def rule(self, name: Hashable) -> int:
        """The number of a rule; it need not be lowered yet."""
        number = self.ids.get(name)
        if number is None:
            number = self.ids[name] = len(self.program.rules)
            self.program.rules.append(0)
            self._pending.append(name)
        return number

    def helper(self, expr: Expr) -> int:
        """A rule of its own for `expr`."""
        return self.rule(("helper", expr)) if ("helper", expr) in self.ids else self._new(expr)

    def _new(self, expr: Expr) -> int:
        number = self.ids["helper", expr] = len(self.program.rules)
        self.program.rules.append(0)
        self._pending.append(("helper", expr))
        return number

    def lower(self, number: int) -> None:
        """Write the code of rule `number`."""
        name = self._pending[number]
        if isinstance(name, tuple) and len(name) == 2 and name[0] == "helper":  # pyright: ignore
            expr: Any = name[1]  # pyright: ignore
        else:
            expr = self.rules[name]
        self.program.rules[number] = self.code(expr)

    def code(self, expr: Expr) -> int:
        """Write code for `expr` and a RETURN; return where it starts."""
        start = self.program.here()
        self.emit(expr)
        self.program.emit((word(RETURN),))
        self.fragments.flush()
        return start

    def regular_code(self, node: rx.Node) -> int:
        """Write a whole regular language as the program itself; return where it starts."""
        self.fragments.entries[node] = start = self.program.here()
        self.program.fragments.append((start, node))
        self.fragments.emit(node)
        self.program.emit((word(RETURN),))
        self.fragments.flush()
        return start

    def emit(self, expr: Expr) -> None:
        self._emit[type(expr)](expr)

    # -- leaves

    def _literal(self, expr: Literal) -> None:
        self.program.emit(expr.data)

    def _words(self, expr: Words) -> None:
        words = sorted(set(expr.words))
        if len(words) == 1:
            self.program.emit(words[0])
        else:
            self.program.emit((word(WORDS, self.program.trie(words)),))

    def _call(self, expr: Call) -> None:
        self.program.emit((word(CALL, self.rule(expr.rule)),))

    def _lexeme(self, expr: Lexeme) -> None:
        self.program.emit((word(LEXEME, self._terminal_ids[expr.terminal]),))

    def _space(self, expr: Space) -> None:
        self.space(expr)

    def space(self, space: Space) -> None:
        """White space of JSON; nothing where none is allowed."""
        self.program.emit(self.space_words(space))

    def space_words(self, space: Space) -> tuple[int, ...]:
        """The code of white space."""
        if space.limit == 0:
            return ()
        return (word(SPACE, 0 if space.limit is None else space.limit + 1),)

    def _string(self, expr: JsonString) -> None:
        self.program.emit((QUOTE,))
        if expr.lo == 0 and expr.hi is None:
            self.fragments.reference(AUTOMATON, json_text.any_string(), 0, 1)
        else:
            hi = -1 if expr.hi is None else expr.hi
            self.fragments.reference(COUNTED, json_text.counted_string(), 0, expr.lo, hi)
        self.program.emit((QUOTE,))

    def _regular(self, expr: Regular) -> None:
        node = resolve(expr.node)
        parts = node.items if isinstance(node, rx.Concat) else (node,)
        if not any(map(self.fragments.counted, parts)):
            self._automaton(node)
            return
        run: list[rx.Node] = []
        for part in parts:
            if self.fragments.counted(part) and isinstance(part, rx.Repeat):
                self._automaton(rx.concat(run))
                run = []
                self.fragments.emit_counted(part)
            else:
                run.append(part)
        self._automaton(rx.concat(run))

    def _automaton(self, node: rx.Node) -> None:
        if node == rx.EPSILON:
            return
        small = isinstance(node, rx.Text) or (
            isinstance(node, rx.Chars) and node.ranges[-1][1] < 0x80
        )
        if small:
            self.fragments.emit(node)
        else:
            self.fragments.reference(AUTOMATON, node, 0, 1)

    # -- structure

    def _sequence(self, expr: Sequence) -> None:
        for item in expr.items:
            self.emit(item)

    def _choice(self, expr: Choice) -> None:
        p = self.program
        n = len(expr.items)
        at = p.emit((word(SPLIT, n), *[0] * n))
        ends: list[int] = []
        for k, item in enumerate(expr.items):
            p.patch(at + 1 + k, p.here())
            self.emit(item)
            ends.append(p.emit((0,)))
        for end in ends:
            p.patch(end, word(JUMP, p.here()))

    def _repeat(self, expr: Repeat) -> None:
        p = self.program
        if (expr.lo, expr.hi) == (0, 1):
            at = p.emit((word(SPLIT, 2), 0, 0))
            p.patch(at + 1, p.here())
            self.emit(expr.item)
            p.patch(at + 2, p.here())
        elif expr.hi is None and expr.lo <= 1:
            self._star(expr)
        else:
            self.loop(expr.lo, expr.hi, lambda: self.loop_body(expr.item))

    def _star(self, expr: Repeat) -> None:
        p = self.program
        if expr.lo == 1:
            body = p.here()
            self.emit(expr.item)
            at = p.emit((word(SPLIT, 2), body, 0))
        else:
            at = p.emit((word(SPLIT, 2), 0, 0))
            p.patch(at + 1, p.here())
            self.emit(expr.item)
            p.emit((word(JUMP, at),))
        p.patch(at + 2, p.here())

    def loop(self, lo: int, hi: int | None, body: Callable[[], None]) -> None:
        """Code that runs `body` from `lo` to `hi` times, counting in the thread."""
        p = self.program
        at = p.emit((word(LOOP), lo, -1 if hi is None else hi, 0, 0))
        p.patch(at + 3, p.here())
        body()
        p.emit((word(NEXT, at),))
        p.patch(at + 4, word(JUMP, p.here()))

    def loop_body(self, expr: Expr) -> None:
        """Emit `expr` so that it leaves the count of the loop around it alone."""
        for item in expr.items if isinstance(expr, Sequence) else (expr,):
            if isinstance(item, INLINE_IN_LOOPS):
                self.emit(item)
            else:
                self.program.emit((word(CALL, self.helper(item)),))

    # -- terminals

    def _terminal(self, terminal: Any, ignored: bool) -> None:
        p = self.program
        number = len(p.terminals)
        self._terminal_ids[terminal.name] = number
        pc = p.emit((word(TERMINAL, number),))
        node = resolve(terminal.node)
        entry = 0 if node == rx.NOTHING else self.regular_code(node)
        p.terminals.append(
            TerminalCode(terminal.name, pc, entry, terminal.rank, terminal.lazy, ignored)
        )
