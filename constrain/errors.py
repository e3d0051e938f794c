"""Everything that can go wrong, as one tree, with the place where it went wrong.

A wrong spec, a feature that is not supported, an exceeded budget, an empty language and a
refused token are different classes, because a caller does different things about them.
"""

from __future__ import annotations

from typing import Any


class ConstrainError(Exception):
    """Base of every error that this package raises on purpose."""


def render_caret(message: str, text: str, span: tuple[int, int], note: str = "") -> str:
    """Return `message` above the line of `text` that `span` (character offsets) points into.

    >>> print(render_caret("group is never closed", "id-(a|b", (3, 4), 'add ")"'))
    group is never closed
      id-(a|b
         ^ add ")"
    """
    start, stop = span
    line_start = text.rfind("\n", 0, start) + 1
    line_stop = text.find("\n", start)
    line = text[line_start : line_stop if line_stop >= 0 else len(text)]
    left = max(0, start - line_start - 60)
    shown = line[left : left + 120]
    row = text.count("\n", 0, line_start)
    where = f" (line {row + 1}, column {start - line_start + 1})" if "\n" in text else ""
    marks = "^" * max(1, min(stop, line_start + left + len(shown)) - start)
    pad = "".join("\t" if c == "\t" else " " for c in shown[: start - line_start - left])
    return f"{message}{where}\n  {shown}\n  {pad}{marks}{' ' + note if note else ''}"


class SpecError(ConstrainError, ValueError):
    """The text of a spec is wrong. `text` is the spec, `span` the offsets of the fault."""

    def __init__(
        self, message: str, text: str = "", span: tuple[int, int] | None = None, note: str = ""
    ):
        self.message, self.text, self.span, self.note = message, text, span, note
        super().__init__(render_caret(message, text, span, note) if span else message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.text, self.span, self.note)


class RegexSyntaxError(SpecError):
    """A regular expression cannot be read."""


class GrammarSyntaxError(SpecError):
    """A grammar text cannot be read."""


class SchemaError(SpecError):
    """A JSON Schema is not a schema."""


class Unsupported(ConstrainError, NotImplementedError):
    """A correct spec asks for something this version cannot honour exactly.

    `feature` names it; `where` is a JSON pointer for schemas, a span for patterns and grammars.
    """

    def __init__(
        self,
        feature: str,
        where: str | tuple[int, int] | None = None,
        text: str = "",
        note: str = "",
    ):
        self.feature, self.where, self.text, self.note = feature, where, text, note
        message = f"{feature} is not supported"
        if isinstance(where, str):
            message += f", at {where or '#'}"
        if isinstance(where, tuple) and text:
            message = render_caret(message, text, where, note)
        elif note:
            message += f": {note}"
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.feature, self.where, self.text, self.note)


class LimitExceeded(ConstrainError):
    """A search or table outgrew its budget. `limit` names the budget, `reached` is the count."""

    def __init__(self, limit: str, reached: int, note: str = ""):
        self.limit, self.reached, self.note = limit, reached, note
        super().__init__(f"{limit} exceeded: reached {reached}{'; ' + note if note else ''}")

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.limit, self.reached, self.note)


class EmptyLanguage(ConstrainError):
    """The spec, or the spec within this vocabulary or budget, has no member."""


class VocabularyMismatch(ConstrainError, ValueError):
    """A vocabulary does not fit: no eos id, eos out of range, widths that disagree."""


class TokenRejected(ConstrainError, ValueError):
    """A token (or byte string) may not come next. The state it was offered to is unharmed."""

    def __init__(self, message: str, token: int | bytes, state: Any = None):
        self.message, self.token, self.state = message, token, state
        super().__init__(message)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.token, self.state)
