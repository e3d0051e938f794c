"""The anchors of Python regular expressions, as looks at the characters around them."""

from __future__ import annotations

from functools import cache

from . import charclass
from .regex_ast import ANY_CHAR, Chars, Look, Node, concat, union

_NOT_NEWLINE = Chars(charclass.NOT_NEWLINE)

START = Look(ANY_CHAR, behind=True, negative=True)
r"""`\A`, and `^`"""

END = Look(ANY_CHAR, behind=False, negative=True)
r"""`\Z`"""

END_OR_LAST_NEWLINE = Look(
    union([_NOT_NEWLINE, concat([ANY_CHAR, ANY_CHAR])]), behind=False, negative=True
)
"""`$`: what follows is neither another character than a newline nor two characters."""

LINE_START = Look(_NOT_NEWLINE, behind=True, negative=True)
"""`^` with the flag m"""

LINE_END = Look(_NOT_NEWLINE, behind=False, negative=True)
"""`$` with the flag m"""


@cache
def word_boundary(negative: bool = False, ascii_only: bool = False) -> Node:
    r"""`\b`, or with `negative` `\B`."""
    word = Chars(charclass.category("w", ascii_only))
    before, after = Look(word, True, False), Look(word, False, False)
    not_before, not_after = Look(word, True, True), Look(word, False, True)
    if negative:
        return union([concat([before, after]), concat([not_before, not_after])])
    return union([concat([before, not_after]), concat([not_before, after])])
