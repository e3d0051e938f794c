"""Lark grammars to Grammars: for a contextual lexer, or without any lexer.

What only shapes Lark's parse tree (aliases, `?rule`, `!rule`, `_rule`, rule priorities) makes
no difference to the language and is read over. `[x]` means the same as `x?`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from lark import Tree
from lark.grammar import Symbol

from constrain.errors import GrammarSyntaxError, LimitExceeded, SpecError

from . import regex_ast
from .grammar import (
    EMPTY,
    Call,
    Expr,
    Grammar,
    Lexeme,
    Literal,
    Regular,
    Terminal,
    choice,
    repeat,
    sequence,
)
from .lark_loader import Loaded, load
from .lark_terminals import terminals
from .regex_analysis import looks_around

Leaves: TypeAlias = Mapping[str, Expr]
"""What stands for a terminal in an expression."""


def parse(text: str, start: str = "start", lexer: str = "contextual") -> Grammar:
    """Read a Lark grammar.

    lexer: "contextual" makes rules of `Lexeme`s and leaves `%ignore` to the lexer;
    "scannerless" makes rules of bytes, with any run of ignored terminals allowed before,
    between and after the others. Terminals look around (`(?=...)`) only in their own text.

    Raises GrammarSyntaxError with the place, Unsupported for `%declare` (where it is used),
    relative imports and patterns beyond us, LimitExceeded.

    >>> parse('start: "a" start?').rules["start"].items[0]
    Lexeme(terminal='A')
    """
    if lexer not in _LEXERS:
        known = " and ".join(f'"{name}"' for name in _LEXERS)
        raise SpecError(f'unknown lexer "{lexer}": Lark grammars go with {known}')
    loaded = load(text)
    try:
        trees = _reachable(loaded, start)
        used = dict.fromkeys(s.name for tree in trees.values() for s in _symbols(tree) if s.is_term)
        found = terminals(loaded, (*used, *loaded.ignore))
        return _LEXERS[lexer](("lark", text, start, lexer), trees, start, found, loaded.ignore)
    except RecursionError:
        note = "name inner parts as rules of their own"
        raise LimitExceeded("nesting of the grammar", text.count("("), note) from None


def _reachable(loaded: Loaded, start: str) -> dict[str, Tree[Any]]:
    """The trees of the rules that `start` needs."""
    if start not in loaded.rules:
        rules = ", ".join(sorted(loaded.rules)[:8])
        note = f"choose the start among {rules}" if rules else "add one"
        raise GrammarSyntaxError(
            f'there is no rule "{start}" to start with', loaded.text, None, note
        )
    found: dict[str, Tree[Any]] = {}
    todo = [start]
    while todo:
        name = todo.pop()
        if name in loaded.templates:
            message = f"template {name} needs its arguments"
            raise GrammarSyntaxError(message, loaded.text, loaded.span(name), f"as in {name}{{x}}")
        if name not in found:
            found[name] = loaded.rules[name]
            todo.extend(s.name for s in _symbols(found[name]) if not s.is_term)
    return found


def _symbols(tree: Tree[Any]) -> Iterator[Symbol]:
    """The terminals and rules in `tree`."""
    for part in tree.iter_subtrees():
        children = part.children[:1] if part.data == "alias" else part.children
        yield from (child for child in children if isinstance(child, Symbol))


# ------------------------------------------------------------------ trees to expressions


def _expr(part: Tree[Any] | Symbol, leaves: Leaves) -> Expr:
    if isinstance(part, Symbol):
        return leaves[part.name] if part.is_term else Call(part.name)
    return _EXPR[part.data](part.children, leaves)


def _counted(children: list[Any], leaves: Leaves) -> Expr:
    item, sign, *counts = children
    lo, hi = _SIGNS[sign] if sign in _SIGNS else (int(counts[0]), int(counts[-1]))
    return repeat(_expr(item, leaves), lo, hi)


_SIGNS: dict[str, tuple[int, int | None]] = {"?": (0, 1), "*": (0, None), "+": (1, None)}

_EXPR: dict[str, Callable[[list[Any], Leaves], Expr]] = {
    "expansions": lambda children, leaves: choice([_expr(c, leaves) for c in children]),
    "expansion": lambda children, leaves: sequence([_expr(c, leaves) for c in children]),
    "alias": lambda children, leaves: _expr(children[0], leaves),
    "maybe": lambda children, leaves: choice((_expr(children[0], leaves), EMPTY)),
    "expr": _counted,
}

# ------------------------------------------------------------------ with and without a lexer


def _contextual(
    key: tuple[str, ...],
    trees: Mapping[str, Tree[Any]],
    start: str,
    found: Mapping[str, Terminal],
    ignore: tuple[str, ...],
) -> Grammar:
    leaves = {name: Lexeme(name) for name in found}
    rules: dict[Hashable, Expr] = {name: _expr(tree, leaves) for name, tree in trees.items()}
    return Grammar(key, rules, start, found, ignore)


def _scannerless(
    key: tuple[str, ...],
    trees: Mapping[str, Tree[Any]],
    start: str,
    found: Mapping[str, Terminal],
    ignore: tuple[str, ...],
) -> Grammar:
    bare = {name: _bare(terminal.node) for name, terminal in found.items()}
    if not ignore:
        return Grammar(key, {name: _expr(tree, bare) for name, tree in trees.items()}, start)
    gap = _gap([found[name].node for name in ignore])
    leaves = {name: sequence((leaf, gap)) for name, leaf in bare.items()}
    rules: dict[Hashable, Expr] = {name: _expr(tree, leaves) for name, tree in trees.items()}
    begin = f"%{start}"  # no rule of a grammar text has such a name
    return Grammar(key, {begin: sequence((gap, Call(start))), **rules}, begin)


def _bare(node: regex_ast.Node) -> Expr:
    return Literal(node.data) if isinstance(node, regex_ast.Text) else Regular(node)


def _gap(ignored: Iterable[regex_ast.Node]) -> Expr:
    """Any run of ignored terminals; one regular leaf, unless they look at their neighbours."""
    nodes = list(ignored)
    if any(map(looks_around, nodes)):
        return repeat(choice(map(Regular, nodes)), 0, None)
    return Regular(regex_ast.repeat(regex_ast.union(nodes), 0, None))


_LEXERS: dict[str, Callable[..., Grammar]] = {
    "contextual": _contextual,
    "scannerless": _scannerless,
}
