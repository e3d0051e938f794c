"""What is worth knowing about a grammar before it is used."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from constrain.errors import EmptyLanguage, LimitExceeded, Unsupported
from constrain.syntax import regex_ast as rx
from constrain.syntax.grammar import (
    Choice,
    Expr,
    Grammar,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Terminal,
)
from constrain.syntax.regex_analysis import walk as walk_regex

from . import ambiguity
from .ambiguity import Ambiguity, Atom, show
from .analysis import left_calls, nullable, productive, trim
from .assembly import assembled
from .language import shown, to_dfa
from .lookahead import is_deterministic
from .normal_form import NormalForm, normal_form
from .productions import Productions, productions
from .regex_to_dfa import NFA, States, Steps, from_node
from .resolve import resolve
from .rule_graph import Rules, cyclic, reachable, walk

STATE_BYTES = 1_100
"""What one visited state of the engine takes: a row of 256 successors and its record."""

MAX_LENGTH = 24
MAX_STEPS = 30_000
MAX_LEXER_STATES = 5_000


@dataclass(frozen=True)
class Collision:
    """A text that two terminals match; the lexer takes it for the first."""

    winner: str
    loser: str
    example: bytes


@dataclass(frozen=True)
class Report:
    """All that `inspect` found. `str()` of it is for reading."""

    is_empty: bool
    is_regular: bool
    n_rules: int
    n_terminals: int
    n_states: int | None  # of the minimal automaton, or of all pieces of a recursive grammar
    n_bytes: int | None  # what the engine holds once it has visited as many states
    unreachable: tuple[str, ...]
    unproductive: tuple[str, ...]
    left_recursive: tuple[tuple[str, ...], ...]
    collisions: tuple[Collision, ...]
    blank_loops: tuple[str, ...]  # where white space may go on without end
    ambiguity: Ambiguity | None
    ambiguous_text: bytes | None  # its text; between lexemes the shortest that is ignored
    is_unambiguous: bool  # proved
    unambiguous_up_to: int  # bytes, or lexemes

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def inspect(grammar: Grammar, max_length: int = MAX_LENGTH, max_steps: int = MAX_STEPS) -> Report:
    """Look a grammar over: dead rules, recursion, ambiguity, collisions, endless white space.

    max_length: of texts (in bytes, with a contextual lexer in lexemes) that are searched for one
    with two derivations; max_steps: bound on that search, some 10 us each.

    Raises SpecError and Unsupported for what cannot be assembled.
    """
    grammar = assembled(grammar)
    rules = reachable(grammar.rules, grammar.start)
    dead = rules.keys() - productive(rules, is_empty=_has_no_member)
    form = _form(grammar)
    flat = None if form is None else _flat(grammar)
    n_states, is_regular = _size(form, flat)
    proved = flat is not None and _is_proved(flat)
    found, up_to = _ambiguity(None if proved else flat, max_length, max_steps)
    return Report(
        is_empty=form is None,
        is_regular=is_regular,
        n_rules=len(rules),
        n_terminals=len(grammar.terminals),
        n_states=n_states,
        n_bytes=None if n_states is None else n_states * STATE_BYTES,
        unreachable=_names(_written(grammar) - {shown(name).lstrip("%") for name in rules}),
        unproductive=_names(map(shown, dead)),
        left_recursive=_left_recursive(rules),
        collisions=tuple(_collisions(grammar.terminals)),
        blank_loops=tuple(dict.fromkeys(_blank_loops(grammar, rules))),
        ambiguity=found,
        ambiguous_text=None if found is None else _text(found, grammar),
        is_unambiguous=proved,
        unambiguous_up_to=up_to,
    )


def _has_no_member(node: rx.Node) -> bool:
    return resolve(node) == rx.NOTHING


def _names(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({*names} - {""}))


def _form(grammar: Grammar) -> NormalForm | None:
    try:
        return normal_form(grammar)
    except EmptyLanguage:
        return None


def _flat(grammar: Grammar) -> Productions | None:
    """The productions of the rules as they are written, less what is dead; None if too many."""
    trimmed = grammar if grammar.ready else trim(grammar, _has_no_member)
    try:
        return productions(reachable(trimmed.rules, trimmed.start), trimmed.start)
    except LimitExceeded:
        return None


def _size(form: NormalForm | None, flat: Productions | None) -> tuple[int | None, bool]:
    """(states, is it regular)."""
    if form is None:
        return 0, True
    try:
        return to_dfa(form).n_states - 1, True
    except Unsupported:
        pieces = 0 if flat is None else len(flat.rows)
        lexers = sum(from_node(resolve(t.node)).n_states for t in form.terminals)
        return pieces + lexers, False
    except LimitExceeded:
        return None, True


# ------------------------------------------------------------------ rules


_HEADS = {
    "lark": r"(?m)^[ \t]*[?!]*([a-z_]\w*)(?:\.-?\d+)?[ \t]*:",
    "gbnf": r"(?m)^([\w-]+)[ \t]*::=",
}
"""How a rule begins in a text; readers keep only rules that the start reaches."""


def _written(grammar: Grammar) -> set[str]:
    """The names of all rules that the author wrote."""
    match grammar.key:
        case ("lark" | "gbnf" as syntax, str(text) | ((_, str(text)), *_), *_):
            return set(re.findall(_HEADS[syntax], text))
        case _:
            return {shown(name) for name in grammar.rules} if not grammar.ready else set()


def _left_recursive(rules: Rules) -> tuple[tuple[str, ...], ...]:
    empty = nullable(rules)
    graph: dict[Hashable, list[Hashable]] = {
        name: list(left_calls(expr, empty)) for name, expr in rules.items()
    }
    groups = (_names(map(shown, group)) for group in cyclic(graph))
    return tuple(group for group in groups if group)


# ------------------------------------------------------------------ ambiguity


def _is_proved(flat: Productions) -> bool:
    try:
        return is_deterministic(flat)
    except LimitExceeded:
        return False


def _ambiguity(
    flat: Productions | None, max_length: int, max_steps: int
) -> tuple[Ambiguity | None, int]:
    return (None, 0) if flat is None else ambiguity.search(flat, max_length, max_steps)


def _text(found: Ambiguity, grammar: Grammar) -> bytes:
    ignored = [_example(grammar.terminals[name]) for name in grammar.ignore]
    parts = (
        part if isinstance(part, bytes) else _example(grammar.terminals[part.terminal])
        for part in found.text
    )
    return min(ignored, key=len, default=b"").join(parts)


def _example(terminal: Terminal) -> bytes:
    """A shortest text of a terminal, with readable bytes where there is a choice."""
    return next(text for text, matched in _matches([terminal.node]) if matched)


# ------------------------------------------------------------------ terminals


def _collisions(terminals: Mapping[str, Terminal]) -> Iterator[Collision]:
    """Pairs of terminals with a text in common, the shortest one for each."""
    ranked = sorted(terminals.values(), key=lambda terminal: terminal.rank)
    found: dict[tuple[str, str], bytes] = {}
    for text, matched in _matches([terminal.node for terminal in ranked]):
        for winner, loser in combinations((ranked[i].name for i in sorted(matched)), 2):
            found.setdefault((winner, loser), text)
    for (winner, loser), text in found.items():
        yield Collision(winner, loser, text)


def _matches(nodes: list[rx.Node]) -> Iterator[tuple[bytes, set[int]]]:
    """Texts that some of the nodes match, shorter ones first; one for each set of states."""
    nfa = NFA()
    starts = [nfa.state() for _ in nodes]
    finals = {
        nfa.add(resolve(node), s): i for i, (node, s) in enumerate(zip(nodes, starts, strict=True))
    }
    steps = Steps(nfa, finals)
    bytes_of: dict[int, list[int]] = {}
    for byte, byte_class in enumerate(steps.classes):
        bytes_of.setdefault(byte_class, []).append(byte)
    best = {c: min(found, key=_unreadable) for c, found in bytes_of.items()}
    first = frozenset[int]().union(*map(steps.closure, starts))
    texts: dict[States, bytes] = {first: b""}
    todo = [first]
    for states in todo:  # grows
        yield texts[states], {finals[s] for s in states if s in finals}
        for byte_class, target in steps.moves(states).items():
            if target not in texts and len(texts) < MAX_LEXER_STATES:
                texts[target] = texts[states] + bytes((best[byte_class],))
                todo.append(target)


def _unreadable(byte: int) -> int:
    at = ambiguity.READABLE.find(byte)
    return at if at >= 0 else 256 + byte


# ------------------------------------------------------------------ white space


def _blank_loops(grammar: Grammar, rules: Rules) -> Iterator[str]:
    for name in grammar.ignore:
        blank = _is_blank(grammar.terminals[name].node)
        yield f"{name}, which is ignored" + ("" if blank else " (not only white space)")
    for name, expr in rules.items():
        if any(_LOOPS.get(type(part), _never)(part) for part in walk(expr)):
            yield f"rule {shown(name)}" if shown(name) else "a part without a name"
    for terminal in grammar.terminals.values():
        if terminal.name not in grammar.ignore and _regex_loops(terminal.node):
            yield f"terminal {terminal.name}"


def _is_blank(node: rx.Node) -> bool:
    """Do all its texts consist of white space?"""
    leaves = [part for part in walk_regex(node) if isinstance(part, rx.Chars | rx.Text)]
    return bool(leaves) and all(map(_is_blank_leaf, leaves))


def _is_blank_leaf(leaf: rx.Chars | rx.Text) -> bool:
    if isinstance(leaf, rx.Text):
        return leaf.data.decode("utf-8", "replace").isspace()
    size = sum(hi - lo + 1 for lo, hi in leaf.ranges)
    return size < 100 and all(chr(c).isspace() for lo, hi in leaf.ranges for c in range(lo, hi + 1))


def _never(expr: Expr) -> bool:
    return False


def _repeat_loops(expr: Repeat) -> bool:
    leaves = [part for part in walk(expr) if not isinstance(part, _STRUCTURE)]
    return expr.hi is None and all(
        isinstance(leaf, Literal | Regular) and _is_blank(_node(leaf)) for leaf in leaves
    )


_STRUCTURE = Sequence | Choice | Repeat


def _node(leaf: Literal | Regular) -> rx.Node:
    return leaf.node if isinstance(leaf, Regular) else rx.Text(leaf.data)


def _regex_loops(node: rx.Node) -> bool:
    return any(
        isinstance(part, rx.Repeat) and part.hi is None and _is_blank(part.item)
        for part in walk_regex(node)
    )


_LOOPS: dict[type, Callable[[Any], bool]] = {
    Space: lambda expr: expr.limit is None,
    Repeat: _repeat_loops,
    Regular: lambda expr: _regex_loops(expr.node),
}

# ------------------------------------------------------------------ reading


def _lines(report: Report) -> Iterator[str]:
    kind = "regular" if report.is_regular else "context-free"
    lexer = f", {report.n_terminals} terminals" if report.n_terminals else ""
    yield "no text fits it" if report.is_empty else f"{kind}: {report.n_rules} rules{lexer}"
    if report.n_states is None:
        yield "states: too many to be listed; they are made as text needs them"
    elif not report.is_empty:
        size = (report.n_bytes or 0) / 1e6
        each = "" if report.is_regular else ", at each depth of nesting"
        yield f"states: {report.n_states:,}{each}; {size:.1f} MB if all are visited"
    for title, names in (
        ("never reached", report.unreachable),
        ("without any text", report.unproductive),
        ("left recursion", [" <-> ".join(group) for group in report.left_recursive]),
        ("white space without end in", report.blank_loops),
    ):
        if names:
            yield f"{title}: {', '.join(names)}"
    for collision in report.collisions:
        example = show(collision.example)
        yield f"collision: {example} is {collision.winner}, though {collision.loser} matches it too"
    yield from _ambiguity_lines(report)


def _ambiguity_lines(report: Report) -> Iterator[str]:
    if report.ambiguity:
        first, second = map(show, report.ambiguity.derivations)
        yield f"ambiguous: {show(report.ambiguous_text or b'')} is both"
        yield f"  {first}"
        yield f"  {second}"
    elif report.is_unambiguous:
        yield "unambiguous"
    elif not report.is_empty:
        unit = "lexemes" if report.n_terminals else "bytes"
        yield f"no ambiguous text of up to {report.unambiguous_up_to} {unit}"


__all__ = ["Ambiguity", "Atom", "Collision", "Report", "inspect"]
