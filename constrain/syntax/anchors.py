"""The anchors of regular expressions, as looks at the characters around them."""

from __future__ import annotations

from functools import cache

from . import charclass
from .regex_ast import ANY_CHAR, Chars, Look, Node, Ranges, concat, union


def line_start(not_newline: Chars) -> Node:
    """`^` with the flag m, where these are the characters inside of lines."""
    return Look(not_newline, behind=True, negative=True)


def line_end(not_newline: Chars) -> Node:
    """`$` with the flag m."""
    return Look(not_newline, behind=False, negative=True)


_NOT_NEWLINE = Chars(charclass.NOT_NEWLINE)

START = Look(ANY_CHAR, behind=True, negative=True)
r"""`\A`, and `^`"""

END = Look(ANY_CHAR, behind=False, negative=True)
r"""`\Z`, and `$` in ECMA-262"""

END_OR_LAST_NEWLINE = Look(
    union([_NOT_NEWLINE, concat([ANY_CHAR, ANY_CHAR])]), behind=False, negative=True
)
"""`$` in Python: what follows is neither another character than a newline nor two characters."""

LINE_START = line_start(_NOT_NEWLINE)
LINE_END = line_end(_NOT_NEWLINE)


@cache
def word_boundary(word: Ranges, negative: bool = False) -> Node:
    r"""`\b`, or with `negative` `\B`, where these are the characters of words."""
    before, after = Look(Chars(word), True, False), Look(Chars(word), False, False)
    not_before, not_after = Look(Chars(word), True, True), Look(Chars(word), False, True)
    if negative:
        return union([concat([before, after]), concat([not_before, not_after])])
    return union([concat([before, not_after]), concat([not_before, after])])
