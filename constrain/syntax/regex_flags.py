"""Inline flags of Python regular expressions: `(?i)`, `(?s-m:`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .regex_escapes import Fault

_INLINE = re.compile(r"\(\?([a-zA-Z]*)(-?)([a-zA-Z]*)([:)]?)")


@dataclass(frozen=True)
class InlineFlags:
    """Letters that are added and removed, for the whole pattern or for the group that opens."""

    added: frozenset[str]
    removed: frozenset[str]
    is_global: bool

    def apply(self, flags: frozenset[str]) -> frozenset[str]:
        if not self.is_global and self.added & {"a", "u"}:
            flags -= {"a", "u"}
        return (flags | self.added) - self.removed


def read_inline_flags(text: str, start: int, known: frozenset[str]) -> tuple[InlineFlags, int]:
    """Read the flags that open at `start`; return them with the offset behind them.

    known: the letters that mean something.
    """
    match = _INLINE.match(text, start)
    assert match
    problem = _problem(match, known)
    if problem:
        raise Fault(problem, match.span())
    return InlineFlags(frozenset(match[1]), frozenset(match[3]), match[4] == ")"), match.end()


def _problem(match: re.Match[str], known: frozenset[str]) -> str:
    """Say what is wrong with inline flags, if anything."""
    added, minus, removed, closer = match.groups()
    unknown = (set(added) | set(removed)) - known
    problems = {
        f"unknown flag {''.join(sorted(unknown))}": bool(unknown),
        "flags have to end in a colon or a parenthesis": not closer,
        "removed flags need a group, as in (?-i:...)": bool(minus) and closer == ")",
        "flags are missing after the minus sign": bool(minus) and not removed,
        "flags a and u exclude each other": {"a", "u"} <= set(added),
        "flags a and u cannot be removed": bool({"a", "u"} & set(removed)),
        "a flag is both added and removed": bool(set(added) & set(removed)),
    }
    return next((problem for problem, found in problems.items() if found), "")
