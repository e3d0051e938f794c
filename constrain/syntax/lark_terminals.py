"""Lark's terminals to ours: a tree, whether it is lazy, and a rank.

Among terminals that match equally far, Lark's lexers prefer by priority, then strings to
patterns, then what can be longest, what is written longest, and the name.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf

from lark.lexer import PatternStr, TerminalDef

from constrain.errors import GrammarSyntaxError, SpecError, Unsupported

from . import regex_ast, regex_parser
from .grammar import Terminal
from .lark_loader import Loaded, Span, pattern_fault
from .regex_analysis import width


def terminals(loaded: Loaded, used: Iterable[str]) -> dict[str, Terminal]:
    """The terminals named in `used`, best rank first.

    Raises GrammarSyntaxError for a pattern that cannot be read or can match nothing,
    Unsupported for one that cannot be honoured and for a declared terminal.
    """
    parsed = {name: _parsed(loaded, name) for name in dict.fromkeys(used)}
    ranked = sorted(parsed, key=lambda name: _order(loaded.terminals[name], parsed[name].node))
    return {
        name: Terminal(name, parsed[name].node, parsed[name].lazy, rank)
        for rank, name in enumerate(ranked)
    }


def _order(definition: TerminalDef, node: regex_ast.Node) -> tuple[float | str, ...]:
    longest = width(node)[1]
    return (
        -definition.priority,
        not isinstance(definition.pattern, PatternStr),
        -(inf if longest is None else longest),
        -len(definition.pattern.value),
        definition.name,
    )


def _parsed(loaded: Loaded, name: str) -> regex_parser.Parsed:
    if name in loaded.declared:
        note = "only a program could make its text; give it a pattern"
        raise Unsupported(f"%declare {name}", loaded.span(name), loaded.text, note)
    definition = loaded.terminals[name]
    parsed = _read(loaded, definition)
    if width(parsed.node)[0] == 0:
        note = "every terminal takes some text; make it optional in the rule"
        message = f"terminal {_shown(definition)} can match the empty text"
        raise GrammarSyntaxError(message, loaded.text, _span(loaded, definition), note)
    return parsed


def _read(loaded: Loaded, definition: TerminalDef) -> regex_parser.Parsed:
    pattern = definition.pattern
    try:
        if isinstance(pattern, PatternStr) and not pattern.flags:
            return regex_parser.Parsed(regex_ast.text(pattern.value), False)
        return regex_parser.parse(pattern.to_regexp())
    except UnicodeEncodeError:
        message = f"terminal {_shown(definition)} has a lone surrogate, which no UTF-8 text has"
        raise GrammarSyntaxError(message, loaded.text, _span(loaded, definition)) from None
    except (SpecError, Unsupported) as fault:
        raise pattern_fault(loaded.text, loaded.patterns) or _located(
            loaded, definition, fault
        ) from None


def _located(
    loaded: Loaded, definition: TerminalDef, fault: SpecError | Unsupported
) -> SpecError | Unsupported:
    """A fault that shows only in the joined pattern, at the terminal's name."""
    span = _span(loaded, definition)
    if isinstance(fault, Unsupported):
        return Unsupported(f"{fault.feature} in {_shown(definition)}", span, loaded.text)
    message = f"terminal {_shown(definition)}: {fault.message}"
    return GrammarSyntaxError(message, loaded.text, span, fault.note)


def _shown(definition: TerminalDef) -> str:
    return definition.user_repr()


def _span(loaded: Loaded, definition: TerminalDef) -> Span | None:
    raw = definition.pattern.raw
    start = loaded.text.find(raw) if raw else -1
    return (start, start + len(raw)) if raw and start >= 0 else loaded.span(definition.name)
