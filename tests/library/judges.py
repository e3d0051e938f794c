"""Programs that are not ours: Lark or `re` on the grammar itself, and readers of its standard."""

from __future__ import annotations

import ast
import csv
import datetime
import email.headerregistry
import io
import ipaddress
import json
import re
import urllib.parse
import uuid
import warnings
import xml.etree.ElementTree
from collections.abc import Callable
from functools import cache
from unittest.mock import patch

import lark
import lark.lexer

from constrain import resources

Judge = Callable[[str], bool]


@cache
def of_grammar(name: str) -> Judge:
    """What another engine says about a text under the same grammar."""
    kind, grammar = resources.library_text(name)
    if kind == ".regex":
        pattern = re.compile(grammar.strip())
        return lambda text: pattern.fullmatch(text) is not None
    with patch.object(lark.lexer, "has_interegular", False):  # it looks for collisions, slowly
        parser = lark.Lark(grammar, parser="lalr", lexer="contextual")
    return _no_error(parser.parse, lark.exceptions.UnexpectedInput)


def _no_error(read: Callable[[str], object], *errors: type[Exception]) -> Judge:
    def judge(text: str) -> bool:
        try:
            read(text)
        except errors:
            return False
        return True

    return judge


def _python(mode: str) -> Judge:
    def read(text: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            ast.parse(text, mode=mode)

    return _no_error(read, SyntaxError)


def _json_lines(text: str) -> None:
    lines = text.split("\n")
    for line in lines if lines[-1].strip() else lines[:-1]:
        json.loads(line)


def _table(text: str) -> bool:
    widths = {len(re.split(r"(?<!\\)(?:\\\\)*\|", line)) for line in text.split("\n")[:-1]}
    return len(widths) == 1


def _moment(text: str) -> None:
    if not text.startswith("0000"):  # the year 0, which Python lacks
        datetime.datetime.fromisoformat(re.sub(r"\.([0-9]{6})[0-9]+", r".\1", text))


def _host(text: str) -> bool:
    parts = urllib.parse.urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 0) < 65536


OF_STANDARD: dict[str, Judge] = {
    "csv": _no_error(lambda text: list(csv.reader(io.StringIO(text), strict=True)), csv.Error),
    "email": _no_error(
        lambda text: email.headerregistry.Address(addr_spec=text), ValueError, IndexError
    ),
    "ipv4": _no_error(ipaddress.IPv4Address, ValueError),
    "ipv6": _no_error(ipaddress.IPv6Address, ValueError),
    "iso8601": _no_error(_moment, ValueError),
    "iso8601_time": _no_error(lambda text: datetime.time.fromisoformat(text), ValueError),
    "json": _no_error(json.loads, ValueError),
    "jsonl": _no_error(_json_lines, ValueError),
    "markdown_table": _table,
    "markup": _no_error(xml.etree.ElementTree.fromstring, xml.etree.ElementTree.ParseError),
    "python": _python("exec"),
    "python_expression": _python("eval"),
    "regex": _no_error(re.compile, re.error),
    "url": _host,
    "uuid": _no_error(uuid.UUID, ValueError),
}
"""Readers that take every text of a grammar, and more."""

EXACT = ("ipv4", "ipv6", "json")
"""Grammars whose standard's reader takes nothing more, of samples without oddities."""
