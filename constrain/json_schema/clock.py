"""Times of day with their leap seconds, as rules that are lowered when text reaches them.

A leap second comes at 23:59 UTC, so each local minute has its own offsets. As one automaton that
takes ten thousand states; here every hour has a rule, and every minute in it one branch.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from functools import cache

from constrain.syntax import regex_ast as regex, regex_parser
from constrain.syntax.grammar import Call, Choice, Expr, Literal, Regular, Sequence

from . import formats
from .facets import Facet

_HOURS = [f"{hour:02}" for hour in range(24)]


def _node(pattern: str) -> regex.Node:
    return regex_parser.parse(pattern, "a").node


def rule(name: Hashable) -> Expr | None:
    """The expression for a rule that expressions of this module call; None for other names."""
    match name:
        case ("leap", str(hour)):
            return Choice(tuple(_ten(hour, n) for n in range(6)))
        case ("leap", str(hour), int(tens)):
            return Choice(tuple(_minute(60 * int(hour) + 10 * tens + n) for n in range(10)))
        case _:
            return None


def _ten(hour: str, n: int) -> Expr:
    return Sequence((Literal(b"%d" % n), Call(("leap", hour, n))))


def _minute(minute: int) -> Expr:
    """The last digit of a minute and all that follows if its second is a leap second."""
    return Regular(_node(formats.leap_minute(minute)[4:] + '"'))


def has(facets: tuple[Facet, ...]) -> bool:
    """Are these just `time` or `date-time`?"""
    return facets in _BEFORE


def expression(facets: tuple[Facet, ...]) -> Expr:
    """The JSON text of strings with just these facets."""
    return _after(_BEFORE[facets])


_BEFORE: Mapping[tuple[Facet, ...], str] = {
    (Facet("format", "time"),): "",
    (Facet("format", "date-time"),): f"{formats.DATE}[Tt]",
}


@cache
def _after(before: str) -> Expr:
    """A string with a time of day after what `before` matches."""
    hours = (Sequence((Literal(f"{h}:".encode()), Call(("leap", h)))) for h in _HOURS)
    usual = Regular(_node(f'{formats.TIME}"'))
    return Sequence((Regular(_node(f'"{before}')), Choice((usual, *hours))))
