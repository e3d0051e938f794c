"""Numbers between two bounds, as a regular language of decimal notation.

A bounded number is spelled `-?(0|[1-9][0-9]*)(\\.[0-9]+)?` (an integer: with a fraction of zeros
at most) or, if it is no integer and no multiple, with one digit before the point and an exponent:
the spellings `1000...e-N` of a bounded value are not a regular language. Bounds are exact
decimals: nothing is rounded. Trees are flat, with about two branches for each digit of a bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Any

from constrain.automata.json_rules import DIGIT, DIGITS, FRACTION, ZERO_FRACTION
from constrain.automata.resolve import resolve
from constrain.errors import LimitExceeded
from constrain.syntax.regex_ast import (
    EPSILON,
    NOTHING,
    Chars,
    Complement,
    Intersect,
    Node,
    concat,
    repeat,
    text,
    union,
)

from . import multiples
from .keywords import BOUNDS, EXCLUDED, KEYWORDS_OF, MULTIPLES
from .parts import Multiple, excluded_of, multiples_of
from .values import exact

MAX_DIGITS = 400


@dataclass(frozen=True, slots=True)
class Interval:
    """Numbers from `lo` to `hi` (None: without end); an open end leaves the bound itself out."""

    lo: Decimal | None = None
    lo_open: bool = False
    hi: Decimal | None = None
    hi_open: bool = False

    @property
    def is_empty(self) -> bool:
        if self.lo is None or self.hi is None:
            return False
        return self.lo > self.hi or (self.lo == self.hi and (self.lo_open or self.hi_open))

    def integers(self) -> Interval:
        """The closed interval with the same integers."""
        lo, hi = self.lo, self.hi
        if lo is not None:
            lo = Decimal(math.floor(Fraction(lo)) + 1 if self.lo_open else math.ceil(Fraction(lo)))
        if hi is not None:
            hi = Decimal(math.ceil(Fraction(hi)) - 1 if self.hi_open else math.floor(Fraction(hi)))
        return Interval(lo, False, hi, False)


def interval(node: dict[str, Any]) -> Interval:
    """What the bounds of a schema say together.

    Raises LimitExceeded for a bound of more than MAX_DIGITS digits.

    >>> interval({"minimum": 0, "exclusiveMinimum": 0, "maximum": 0.5})
    Interval(lo=Decimal('0'), lo_open=True, hi=Decimal('0.5'), hi_open=False)
    """
    bounds = {name: _decimal(node[name]) for name in BOUNDS if name in node}
    lo, lo_not = bounds.get("minimum"), bounds.get("exclusiveMinimum")
    hi, hi_not = bounds.get("maximum"), bounds.get("exclusiveMaximum")
    lo_open = lo_not is not None and (lo is None or lo_not >= lo)
    hi_open = hi_not is not None and (hi is None or hi_not <= hi)
    return Interval(lo_not if lo_open else lo, lo_open, hi_not if hi_open else hi, hi_open)


def allows_some(node: dict[str, Any], integers: bool) -> bool:
    """Is there a number (an integer) that the keywords of `node` allow?"""
    lo, hi = node.get("minimum"), node.get("maximum")
    if (
        lo.__class__ is int
        and hi.__class__ is int
        and len(KEYWORDS_OF["number"] & node.keys()) == 2
    ):
        return lo <= hi  # pyright: ignore[reportOptionalOperand]
    bounds = interval(node)
    if (bounds.integers() if integers else bounds).is_empty:
        return False
    return not _is_cut(node) or texts(node, integers, True) != NOTHING


def texts(node: dict[str, Any], integers: bool, zero_fractions: bool) -> Node:
    """The spellings of the numbers (integers) that the keywords of `node` allow."""
    return _cut(
        _Cut(
            interval(node),
            tuple(multiples_of(node)),
            tuple(excluded_of(node)),
            integers,
            zero_fractions,
        )
    )


@dataclass(frozen=True, slots=True)
class _Cut:
    """Everything that is said of a number."""

    bounds: Interval
    multiples: tuple[Multiple, ...]
    excluded: tuple[Decimal, ...]
    integers: bool
    zero_fractions: bool


def _is_cut(node: dict[str, Any]) -> bool:
    return "multipleOf" in node or MULTIPLES in node or EXCLUDED in node


@lru_cache(maxsize=512)
def _cut(said: _Cut) -> Node:
    if not said.integers and not said.multiples and not said.excluded:
        return union((decimals(said.bounds), scientific(said.bounds)))
    nodes: list[Node] = []
    if said.integers:
        nodes.append(integers(said.bounds, said.zero_fractions))
    else:
        nodes.append(decimals(said.bounds))
    for divisor, holds in said.multiples:
        node = multiples.of(divisor)
        nodes.append(node if holds else Complement(node))
    nodes += (Complement(decimals(Interval(value, False, value, False))) for value in said.excluded)
    return nodes[0] if len(nodes) == 1 else resolve(Intersect(tuple(nodes)))


def intersection(a: Interval, b: Interval) -> Interval:
    """The numbers in both."""
    lows = [(x.lo, x.lo_open) for x in (a, b) if x.lo is not None]
    highs = [(x.hi, not x.hi_open) for x in (a, b) if x.hi is not None]
    lo, lo_open = max(lows, default=(None, False))
    hi, hi_closed = min(highs, default=(None, True))
    return Interval(lo, lo_open, hi, not hi_closed)


def _decimal(number: Any) -> Decimal:
    value = Decimal(exact(number))
    n_digits = abs(value.adjusted()) + len(value.as_tuple().digits)
    if n_digits > MAX_DIGITS:
        raise LimitExceeded("digits of a bound on a number", n_digits)
    return value


def decimals(bounds: Interval) -> Node:
    """The plain decimal spellings of the numbers in `bounds`; NOTHING if it is empty."""
    return _signed(bounds, _Tails(FRACTION, decimals=True))


def integers(bounds: Interval, zero_fractions: bool = True) -> Node:
    """The spellings of the integers in `bounds`, perhaps with a fraction of zeros."""
    tail = ZERO_FRACTION if zero_fractions else EPSILON
    return _signed(bounds.integers(), _Tails(tail, decimals=False))


def scientific(bounds: Interval) -> Node:
    """The numbers in `bounds`, less zero, with one digit before the point and an exponent."""
    below, above = _mirrored(bounds), _not_negative(bounds)
    minus = concat((text("-"), _scaled(below))) if below is not None else NOTHING
    return union((minus, _scaled(above) if above is not None else NOTHING))


def _scaled(part: Interval) -> Node:
    """Unsigned: any mantissa between the exponents of the ends, some mantissas at these."""
    lo = part.lo if part.lo else None
    if part.hi is not None and not part.hi:
        return NOTHING
    low = None if lo is None else lo.adjusted()
    high = None if part.hi is None else part.hi.adjusted()
    at_low = (_mantissa(lo), part.lo_open) if lo is not None else (Decimal(1), False)
    at_high = (_mantissa(part.hi), part.hi_open) if part.hi is not None else (Decimal(10), True)
    if low is not None and low == high:
        return _times(Interval(*at_low, *at_high), low, low)
    ends = [
        _times(Interval(*at_low, Decimal(10), True), low, low) if low is not None else NOTHING,
        _times(Interval(Decimal(1), False, *at_high), high, high) if high is not None else NOTHING,
    ]
    first = None if low is None else low + 1
    last = None if high is None else high - 1
    return union((*ends, _times(Interval(Decimal(1), False, Decimal(10), True), first, last)))


def _mantissa(value: Decimal) -> Decimal:
    return value.scaleb(-value.adjusted())


def _times(mantissas: Interval, first: int | None, last: int | None) -> Node:
    """Mantissas with the exponents from `first` to `last`."""
    exponents = Interval(
        None if first is None else Decimal(first), False, None if last is None else Decimal(last)
    )
    if mantissas.is_empty or exponents.is_empty:
        return NOTHING
    above, below = _not_negative(exponents), _mirrored(exponents)
    whole = _Tails(EPSILON, decimals=False)
    plus = concat((_PLUS, _ZEROS, _magnitudes(above, whole))) if above is not None else NOTHING
    minus = concat((_MINUS, _ZEROS, _magnitudes(below, whole))) if below is not None else NOTHING
    tails = _Tails(FRACTION, decimals=True)
    return concat((_magnitudes(mantissas, tails), _E, union((plus, minus))))


_E = Chars(((0x45, 0x45), (0x65, 0x65)))
_PLUS, _MINUS = repeat(text("+"), 0, 1), text("-")
_ZEROS = repeat(text("0"), 0, None)

# ------------------------------------------------------------------ signs and lengths


def _signed(bounds: Interval, tails: _Tails) -> Node:
    if bounds.is_empty:
        return NOTHING
    below = _mirrored(bounds)
    minus = concat((text("-"), _magnitudes(below, tails))) if below is not None else NOTHING
    above = _not_negative(bounds)
    return union((minus, _magnitudes(above, tails) if above is not None else NOTHING))


def _not_negative(bounds: Interval) -> Interval | None:
    """The part of `bounds` from zero on, if there is one."""
    lo, lo_open = bounds.lo, bounds.lo_open
    if lo is None or lo < 0:
        lo, lo_open = Decimal(0), False
    part = Interval(lo, lo_open, bounds.hi, bounds.hi_open)
    return None if part.is_empty else part


def _mirrored(bounds: Interval) -> Interval | None:
    """The magnitudes of the part of `bounds` up to zero (`-0` is zero), if there is one."""
    hi, lo = bounds.hi, bounds.lo
    return _not_negative(
        Interval(
            None if hi is None else hi.copy_negate(),
            bounds.hi_open,
            None if lo is None else lo.copy_negate(),
            bounds.lo_open,
        )
    )


@dataclass(frozen=True, slots=True)
class _Bound:
    whole: str  # digits before the point, as many as a plain spelling has
    fraction: str  # digits behind it, without zeros at the end
    open: bool


def _bound(value: Decimal, is_open: bool) -> _Bound:
    whole, _, fraction = format(value.copy_abs(), "f").partition(".")
    return _Bound(whole, fraction.rstrip("0"), is_open)


def _magnitudes(bounds: Interval, tails: _Tails) -> Node:
    """Unsigned spellings; `bounds` has a lower end that is not negative, and is not empty."""
    assert bounds.lo is not None
    lo = _bound(bounds.lo, bounds.lo_open)
    n = len(lo.whole)
    if bounds.hi is None:
        return union((_at_least(lo, tails), _of_length(n + 1, None, tails)))
    hi = _bound(bounds.hi, bounds.hi_open)
    m = len(hi.whole)
    if n == m:
        return _between(lo, hi, tails)
    between = _of_length(n + 1, m - 1, tails) if n + 1 < m else NOTHING
    return union((_at_least(lo, tails), between, _at_most(hi, tails)))


def _of_length(lo: int, hi: int | None, tails: _Tails) -> Node:
    """Any number with `lo` to `hi` digits before the point, at least two."""
    more = repeat(DIGIT, lo - 1, None if hi is None else hi - 1)
    return concat((_digits("1", "9"), more, tails.any))


# ------------------------------------------------------------------ digits before the point


def _at_least(lo: _Bound, tails: _Tails) -> Node:
    return union(_whole_above(lo.whole, tails.above(lo), tails))


def _at_most(hi: _Bound, tails: _Tails) -> Node:
    return union(_whole_below(hi.whole, tails.below(hi), tails, "1" if len(hi.whole) > 1 else "0"))


def _between(lo: _Bound, hi: _Bound, tails: _Tails) -> Node:
    """As many digits before the point in both."""
    if lo.whole == hi.whole:
        return concat((text(lo.whole), tails.between(lo, hi)))
    i = next(i for i, (a, b) in enumerate(zip(lo.whole, hi.whole, strict=True)) if a != b)
    a, b = lo.whole[i], hi.whole[i]
    n_rest = len(lo.whole) - i - 1
    free = concat((_inside(a, b), repeat(DIGIT, n_rest, n_rest), tails.any))
    low = union(_whole_above(lo.whole[i + 1 :], tails.above(lo), tails))
    high = union(_whole_below(hi.whole[i + 1 :], tails.below(hi), tails, "0"))
    branches = (concat((text(a), low)), free, concat((text(b), high)))
    return concat((text(lo.whole[:i]), union(branches)))


def _whole_above(digits: str, tail: Node, tails: _Tails) -> Iterator[Node]:
    """`digits` with `tail`, and what has as many digits but is greater."""
    for i, digit in enumerate(digits):
        n_rest = len(digits) - i - 1
        greater = _inside(digit, ":")
        yield concat((text(digits[:i]), greater, repeat(DIGIT, n_rest, n_rest), tails.any))
    yield concat((text(digits), tail))


def _whole_below(digits: str, tail: Node, tails: _Tails, first: str) -> Iterator[Node]:
    """`digits` with `tail`, and what has as many digits, begins with `first` on, but is less."""
    for i, digit in enumerate(digits):
        n_rest = len(digits) - i - 1
        less = _digits("0" if i else first, chr(ord(digit) - 1))
        yield concat((text(digits[:i]), less, repeat(DIGIT, n_rest, n_rest), tails.any))
    yield concat((text(digits), tail))


def _digits(first: str, last: str) -> Node:
    return Chars(((ord(first), ord(last)),)) if first <= last else NOTHING


def _inside(above: str, below: str) -> Node:
    """The digits between two; ":" is the one that would follow "9"."""
    return _digits(chr(ord(above) + 1), chr(ord(below) - 1))


# ------------------------------------------------------------------ from the point on

_NOT_ZERO = concat((_ZEROS, _digits("1", "9"), DIGITS))


@dataclass(frozen=True, slots=True)
class _Tails:
    """What may stand behind the digits before the point, by how they compare with the bounds."""

    any: Node
    decimals: bool

    def above(self, lo: _Bound) -> Node:
        """Tails of numbers not below `lo` that agree with it up to the point."""
        if not self.decimals or (not lo.fraction and not lo.open):
            return self.any
        return concat((text("."), union(_fraction_above(lo.fraction, lo.open))))

    def below(self, hi: _Bound) -> Node:
        """Tails of numbers not above `hi` that agree with it up to the point."""
        if not self.decimals:
            return self.any
        if not hi.fraction:
            return NOTHING if hi.open else ZERO_FRACTION
        digits = union(_fraction_below(hi.fraction, hi.open, 1))
        return union((EPSILON, concat((text("."), digits))))

    def between(self, lo: _Bound, hi: _Bound) -> Node:
        """Tails of numbers between `lo` and `hi`, which agree up to the point."""
        if not self.decimals:
            return self.any
        digits = concat((text("."), union(_fraction_between(lo, hi))))
        return digits if lo.fraction or lo.open else union((EPSILON, digits))


def _fraction_above(digits: str, is_open: bool) -> Iterator[Node]:
    """Digits (none too, if that is enough) of fractions not below `digits`."""
    digits = digits.rstrip("0")
    for i, digit in enumerate(digits):
        yield concat((text(digits[:i]), _inside(digit, ":"), DIGITS))
    yield concat((text(digits), _NOT_ZERO if is_open else DIGITS))


def _fraction_below(digits: str, is_open: bool, least: int) -> Iterator[Node]:
    """Digits, at least `least`, of fractions not above `digits`."""
    digits = digits.rstrip("0")
    for i, digit in enumerate(digits):
        yield concat((text(digits[:i]), _digits("0", chr(ord(digit) - 1)), DIGITS))
        if i >= least:
            yield text(digits[:i])
    if not is_open:
        yield concat((text(digits), _ZEROS))


def _fraction_between(lo: _Bound, hi: _Bound) -> Iterator[Node]:
    """Digits, at least one, of fractions between those of `lo` and `hi`."""
    n = max(len(lo.fraction), len(hi.fraction))
    a, b = lo.fraction.ljust(n, "0"), hi.fraction.ljust(n, "0")
    i = next((i for i in range(n) if a[i] != b[i]), n)
    if i == n:  # the bounds are one number
        yield concat((text(lo.fraction), _ZEROS if lo.fraction else repeat(text("0"), 1, None)))
        return
    if not lo.open:
        yield from (text(a[:k]) for k in range(max(1, len(lo.fraction)), i + 1))
    yield concat((text(a[:i]), _inside(a[i], b[i]), DIGITS))
    yield concat((text(a[: i + 1]), union(_fraction_above(a[i + 1 :], lo.open))))
    yield concat((text(b[: i + 1]), union(_fraction_below(b[i + 1 :], hi.open, 0))))
