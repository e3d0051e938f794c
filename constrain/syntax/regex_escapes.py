"""Escapes of Python regular expressions that stand for one character.

Readers take a text and the offset of a backslash, and return what it stands for with the offset
behind it. They raise `Fault`, whose span is relative to that text.
"""

from __future__ import annotations

import re
import unicodedata

from .regex_ast import MAX_CODE_POINT

CONTROLS = {"a": 0x07, "f": 0x0C, "n": 0x0A, "r": 0x0D, "t": 0x09, "v": 0x0B}

_HEX_LENGTHS = {"x": 2, "u": 4, "U": 8}
_HEX = re.compile("[0-9a-fA-F]*")
_OCTAL = re.compile("[0-7]{1,3}")
_NAME = re.compile(r"\{([^}]*)\}")


class Fault(Exception):
    """What is wrong, where, and what to do about it."""

    def __init__(self, message: str, span: tuple[int, int], note: str = ""):
        super().__init__(message)
        self.message, self.span, self.note = message, span, note


def read_character(text: str, start: int) -> tuple[int, int]:
    r"""Read an escape that stands for one code point, such as `\n`, `\x41`, `\101` or `\.`.

    >>> read_character(r"\x41b", 0)
    (65, 4)
    """
    letter = text[start + 1 : start + 2]
    if not letter:
        raise Fault("pattern ends in a backslash", (start, start + 1), r'write "\\" for one')
    if letter in CONTROLS:
        return CONTROLS[letter], start + 2
    if letter in _HEX_LENGTHS:
        return _read_hex(text, start, _HEX_LENGTHS[letter])
    if letter == "N":
        return _read_name(text, start)
    if letter in "01234567":
        return _read_octal(text, start)
    if letter in "89" or (letter.isascii() and letter.isalpha()):
        note = rf'write "\\{letter}" for a backslash before {letter}'
        raise Fault(rf"\{letter} has no meaning here", (start, start + 2), note)
    return ord(letter), start + 2


def _read_hex(text: str, start: int, length: int) -> tuple[int, int]:
    match = _HEX.match(text, start + 2, start + 2 + length)
    assert match
    digits, stop = match[0], match.end()
    if len(digits) < length:
        raise Fault(f"escape is too short: it takes {length} hexadecimal digits", (start, stop))
    if int(digits, 16) > MAX_CODE_POINT:
        raise Fault("escape is beyond the last code point, 10FFFF", (start, stop))
    return int(digits, 16), stop


def _read_octal(text: str, start: int) -> tuple[int, int]:
    match = _OCTAL.match(text, start + 1)
    assert match
    if int(match[0], 8) > 0o377:
        raise Fault(r"octal escape is beyond \377", (start, match.end()))
    return int(match[0], 8), match.end()


def _read_name(text: str, start: int) -> tuple[int, int]:
    match = _NAME.match(text, start + 2)
    if not match:
        raise Fault("character name is missing", (start, start + 2), r"as in \N{EM DASH}")
    try:
        return ord(unicodedata.lookup(match[1])), match.end()
    except (KeyError, TypeError):  # TypeError: the name of a sequence of characters
        raise Fault("no character has this name", (start, match.end())) from None
