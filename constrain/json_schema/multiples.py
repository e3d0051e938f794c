"""Multiples of a decimal, as automata over plain decimal notation.

A multiple of `p / 10**k` (p a whole number) has, read digit by digit up to `k` places behind the
point, a remainder of zero modulo p, and only zeros behind that.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction

from constrain.automata.dfa import DFA, MAX_STATES, explore, leaf
from constrain.errors import LimitExceeded
from constrain.syntax.regex_ast import Node

_State = tuple[int, int]
"""Remainder, and places behind the point: -1 before it, -2 before any digit, -3 before a sign."""

_MINUS, _POINT, _ELSE = 10, 11, 12
"""Classes of bytes; those of the digits are their values."""


def of(divisor: Decimal) -> Node:
    """Texts `-?digits(.digits)?` of the multiples of `divisor` (leading zeros too).

    Raises LimitExceeded for a divisor whose digits make a number above some thousands.
    """
    sign, digits, exponent = divisor.normalize().as_tuple()
    assert not sign
    assert isinstance(exponent, int)
    p = int("".join(map(str, digits))) * 10 ** max(0, exponent)
    k = max(0, -exponent)
    if p * (k + 2) > MAX_STATES:
        note = f"multiples of {divisor} take as many states of an automaton"
        raise LimitExceeded("deterministic states", p * (k + 2), note)
    return leaf(_automaton(p, k))


def _automaton(p: int, k: int) -> DFA:
    classes = [_ELSE] * 256
    classes[0x30:0x3A] = range(10)
    classes[0x2D], classes[0x2E] = _MINUS, _POINT

    def successors(state: _State) -> Iterator[tuple[int, _State]]:
        remainder, places = state
        if places == -3:
            yield _MINUS, (0, -2)
        if places == -1:
            yield _POINT, (remainder, 0)
        for digit in range(10):
            if places < 0:
                yield digit, ((10 * remainder + digit) % p, -1)
            elif places < k:
                yield digit, ((10 * remainder + digit) % p, places + 1)
            elif digit == 0:
                yield digit, state

    def accepts(state: _State) -> bool:
        remainder, places = state
        return places >= -1 and remainder * 10 ** (k - max(0, places)) % p == 0

    return explore((0, -3), successors, accepts, classes)


def divides(divisor: Decimal, number: int | Decimal) -> bool:
    """Is `number` a multiple of `divisor`, exactly?"""
    return (Fraction(number) / Fraction(divisor)).denominator == 1
