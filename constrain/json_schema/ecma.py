"""Patterns of JSON Schema (ECMA-262, with its flag `u`) rewritten as patterns of Python's `re`.

The two agree on nearly everything; this rewrites where they do not: `$` is the very end, `.`
knows four line ends, `\\s` is Unicode's white space while `\\d` and `\\w` are ASCII (parse the
result with the flag "a"), `(?<name>...)`, `\\u{...}`, `\\cX`, `[]` and `[^]`. What only Python
knows (inline flags such as `(?i)`, `(?P<name>...)`) is kept as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from constrain.errors import Unsupported

SPACES = r"\t-\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_NOT_SPACES = (
    r"\x00-\x08\x0e-\x1f!-\x9f\xa1-\u167f\u1681-\u1fff\u200b-\u2027\u202a-\u202e"
    r"\u2030-\u205e\u2060-\u2fff\u3001-\ufefe\uff00-\U0010ffff"
)

_OUTSIDE: Mapping[str, str] = {
    ".": r"[^\n\r\u2028\u2029]",
    "$": r"\Z",
    r"\s": f"[{SPACES}]",
    r"\S": f"[^{SPACES}]",
    r"\0": r"\x00",
    "[]": "(?!)",
    "[^]": "(?s:.)",
    "(?<": "(?P<",
}
_INSIDE: Mapping[str, str] = {r"\s": SPACES, r"\S": _NOT_SPACES, r"\0": r"\x00"}

_TOKEN = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair of surrogates
    r"|\\u\{[^}]*\}|\\c[a-zA-Z]|\\[pPk][{<][^}>]*[}>]|\\0[0-9]+|\\."
    r"|\[\^?\]|\(\?<(?![=!])|\{,[0-9]*\}|.",
    re.DOTALL,
)

_KEPT = frozenset("dDwWbBfnrtvxpP123456789")
"""Letters and digits with the same meaning behind a backslash (`\\u` has a reader of its own)."""


def to_python(pattern: str) -> str:
    """Return a Python pattern (to be read with ASCII classes) with the meaning of `pattern`.

    Raises Unsupported for backreferences by name, and escapes that ECMA-262 does not
    know. Faults that both languages have in common are left for the parser.

    >>> to_python(r"^(?<y>\\d+).$")
    '^(?P<y>\\\\d+)[^\\\\n\\\\r\\\\u2028\\\\u2029]\\\\Z'
    """
    parts: list[str] = []
    in_set = False
    for match in _TOKEN.finditer(pattern):
        token = match[0]
        if in_set and token in _SPLIT_IN_SETS:  # the beginning of a set means nothing in a set
            parts.append(token)
            in_set = not token.endswith("]")
        elif token in (table := _INSIDE if in_set else _OUTSIDE):
            parts.append(table[token])
        elif token[0] == "\\":
            parts.append(_escape(token, match.span(), pattern))
        elif token[0] == "{" and len(token) > 1 and not in_set:
            note = "write {0,n} for up to n times"
            raise Unsupported("a count without its least", match.span(), pattern, note)
        else:
            in_set = (token == "[" or in_set) and not (in_set and token == "]")
            parts.append(token)
    return "".join(parts)


_SPLIT_IN_SETS = frozenset({"[]", "[^]", "(?<"})


def _escape(token: str, span: tuple[int, int], pattern: str) -> str:
    letter = token[1:2]
    if letter == "u":
        return _unicode(token)
    if letter == "c" and len(token) == 3:
        return f"\\x{ord(token[2]) % 32:02x}"
    if letter in _NAMED:
        raise Unsupported(_NAMED[letter](token), span, pattern)
    if letter.isascii() and letter.isalnum() and letter not in _KEPT:
        raise Unsupported(f"the escape {token}", span, pattern, "ECMA-262 does not know it")
    return token


def _unicode(token: str) -> str:
    """Write a code point in the one way that Python reads for all of them."""
    if token.startswith("\\u{"):
        digits = token[3:-1]
        valid = re.fullmatch("[0-9a-fA-F]+", digits) and int(digits, 16) <= 0x10FFFF
        return f"\\U{int(digits, 16):08x}" if valid else token
    if len(token) == 12:
        high, low = int(token[2:6], 16), int(token[8:], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08x}"
    return token


_NAMED: Mapping[str, Callable[[str], str]] = {
    "k": lambda token: "a backreference",
}
