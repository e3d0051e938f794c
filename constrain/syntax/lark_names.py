"""Names for terminals that have none, the same as Lark gives them."""

from __future__ import annotations

from .lark_terminals import Written

_SIGNS = {
    **dict(zip(".,:;+-*/\\|?!@#$%^&_", (
        "DOT COMMA COLON SEMICOLON PLUS MINUS STAR SLASH BACKSLASH VBAR QMARK BANG AT HASH DOLLAR"
        " PERCENT CIRCUMFLEX AMPERSAND UNDERSCORE"
    ).split(), strict=True)),
    **dict(zip("<>=\"'`~(){}[]\n\t ", (
        "LESSTHAN MORETHAN EQUAL DBLQUOTE QUOTE BACKQUOTE TILDE LPAR RPAR LBRACE RBRACE LSQB RSQB"
        " NEWLINE TAB SPACE"
    ).split(), strict=True)),
    "\r\n": "CRLF",
}  # fmt: skip


class AnonymousNames:
    """Gives the same name to what is written the same."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self._by_content: dict[Written, str] = {}
        self._n_unnamed = 0

    def add(self, name: str, written: Written | None) -> None:
        """Note a name that is taken, and what it stands for if that is one literal."""
        self.names.add(name)
        if written is not None:
            self._by_content.setdefault(written, name)

    def name(self, written: Written) -> str:
        """The name of what is written so."""
        if written not in self._by_content:
            name = _SIGNS.get(written.value) if written.is_string else None
            if name is None and written.is_string and written.value.isidentifier():
                name = written.value.upper()
            if name is None or name in self.names:
                name = f"__ANON_{self._n_unnamed}"
                self._n_unnamed += 1
            self.add(name, written)
        return self._by_content[written]
