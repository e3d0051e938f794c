"""Grammars in Lark's language to Grammars: for a contextual lexer, or without any lexer.

What only shapes Lark's parse tree (aliases, `?rule`, `!rule`, `_rule`, rule priorities) makes
no difference to the language and is read over. `[x]` means the same as `x?`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from constrain.errors import ConstrainError, LimitExceeded, SpecError

from . import lark_tree as tree, regex_ast
from .grammar import (
    EMPTY,
    Call,
    Composition,
    Embedded,
    Expr,
    Grammar,
    Lexeme,
    Literal,
    Regular,
    choice,
    repeat,
    sequence,
)
from .lark_loader import Loaded, Resolver, load, substitute
from .lark_names import AnonymousNames
from .lark_strings import joined_terminals, joined_words
from .lark_terminals import Builder, Built, Written, checked, ranked, shortest, written
from .lark_tree import Definition, Tree
from .regex_analysis import looks_around
from .regex_escapes import Fault
from .token_names import read_token

LEXERS = ("contextual", "scannerless")

MAX_INSTANCES = 2_000
"""Most rules that templates may make."""

Embed: TypeAlias = Callable[[Any], Grammar]
"""Makes a grammar of a JSON Schema."""


def parse(
    text: str,
    start: str = "start",
    lexer: str = "contextual",
    *,
    imports: Resolver | None = None,
    declared: Mapping[str, str] | None = None,
    json_schema: Embed | None = None,
) -> Grammar:
    """Read a Lark grammar.

    lexer: "contextual" makes rules of `Lexeme`s and leaves `%ignore` to the lexer;
    "scannerless" makes rules of bytes, with any run of ignored terminals allowed before,
    between and after the others. Terminals look around (`(?=...)`) only in their own text.
    imports: texts of the grammars that `%import` may name, by path.
    declared: the special tokens that `%declare`d terminals stand for, as in {"X": "<|x|>"}.

    Raises GrammarSyntaxError with the place, Unsupported, LimitExceeded.

    >>> parse('start: "a" start?').rules["start"].items[0]
    Lexeme(terminal='A')
    """
    if lexer not in LEXERS:
        known = " and ".join(f'"{name}"' for name in LEXERS)
        raise SpecError(f'unknown lexer "{lexer}": Lark grammars go with {known}')
    try:
        loaded = load(text, imports)
        loaded = replace(loaded, definitions={**loaded.definitions, **_tokens(declared, loaded)})
        reader = _Rules(loaded, lexer, json_schema)
        rules: Mapping[Hashable, Expr] = reader.all(start)
    except RecursionError:
        note = "name inner parts as rules of their own"
        raise LimitExceeded(
            "nesting of the grammar", text.count("(") + text.count("{"), note
        ) from None
    texts = tuple((source.path, source.text) for source in loaded.sources)
    key: Hashable = ("lark", texts, start, lexer, *sorted((declared or {}).items()))
    key = Composition(key, ()) if reader.embeds else key
    tokens = tuple(reader.tokens)
    if lexer == "contextual":
        kept = {*loaded.definitions, *loaded.ignore}
        rules, used = joined_terminals(rules, reader.used, kept)
        return Grammar(key, rules, start, ranked(used), loaded.ignore, tokens=tokens)
    rules = {name: joined_words(expr) for name, expr in rules.items()}
    if loaded.ignore:
        begin = f"%{start}"  # no rule of a grammar text has such a name
        whole: dict[Hashable, Expr] = {begin: sequence((reader.gap, Call(start)))}
        return Grammar(key, {**whole, **rules}, begin, tokens=tokens)
    return Grammar(key, rules, start, tokens=tokens)


def _tokens(declared: Mapping[str, str] | None, loaded: Loaded) -> dict[str, Definition]:
    """Definitions of the declared terminals that stand for tokens."""
    found: dict[str, Definition] = {}
    for name, spelled in (declared or {}).items():
        definition = loaded.definitions.get(name)
        if definition is None or definition.tree is not None:
            raise SpecError(f"the grammar does not %declare {name}, which declared= speaks of")
        try:
            token = read_token(spelled)
        except Fault as fault:
            raise SpecError(fault.message, spelled, fault.span, fault.note) from None
        found[name] = replace(definition, tree=tree.Special(token, definition.place))
    return found


class _Rules:
    """Rules as expressions whose leaves are calls, lexemes, and whatever is embedded."""

    def __init__(self, loaded: Loaded, lexer: str, embed: Embed | None):
        self.loaded, self.lexer, self.embed = loaded, lexer, embed
        self.definitions = loaded.definitions
        self.terminals = Builder(loaded.definitions)
        self.used: dict[str, Built] = {}
        self.tokens: dict[regex_ast.Token, None] = {}
        self.anonymous = AnonymousNames()
        for name in loaded.ignore:
            self.used[name] = self.defined(name)
        self.embeds = False
        self.gap = _gap([built.node for built in self.used.values()])
        self.instances: dict[tuple[str, tuple[Tree, ...]], str] = {}
        self.todo: list[tuple[str, Tree, Definition]] = []

    def all(self, start: str) -> dict[Hashable, Expr]:
        """The rules that `start` needs."""
        first = self.definitions.get(start)
        if first is None or first.is_terminal:
            names = sorted(d.name for d in self.definitions.values() if not d.is_terminal)
            note = f"choose the start among {', '.join(names[:8])}" if names else "add one"
            raise self.loaded.source.error(f'there is no rule "{start}" to start with', None, note)
        self.name_terminals()
        rules: dict[Hashable, Expr] = {}
        self.require(start, first)
        while self.todo:
            name, body, definition = self.todo.pop()
            if name not in rules:
                rules[name] = self.rule(name, body, definition)
        return rules

    def name_terminals(self) -> None:
        """Strings and patterns that are all of a terminal go by its name in rules too."""
        for definition in self.definitions.values():
            if definition.is_terminal:
                body = definition.tree
                literal = isinstance(body, tree.String | tree.Pattern | tree.Range)
                self.anonymous.add(definition.name, written(body) if literal else None)

    def require(self, name: str, definition: Definition) -> None:
        if definition.parameters:
            message = f"template {definition.name} needs its arguments"
            raise definition.place.error(message, f"as in {definition.name}{{x}}")
        if definition.tree is None:
            raise definition.place.unsupported(f"%declare {name}", "give the rule a body")
        self.todo.append((name, definition.tree, definition))

    def rule(self, name: str, body: Tree, definition: Definition) -> Expr:
        if not definition.options:
            return self.expr(body)
        unknown = [o for o in definition.options if o.name not in ("lazy", "suffix", "stop")]
        for option in unknown:
            raise option.place.unsupported(f"the option {option.name}")
        for leaf in tree.walk(body):
            if isinstance(leaf, tree.Name) and not leaf.is_terminal:
                message = "lazy, suffix and stop go with terminals only"
                raise leaf.place.error(message, f"and {leaf.name} is a rule")
        return self.lazy(name, body, definition)

    def lazy(self, name: str, body: Tree, definition: Definition) -> Expr:
        """A rule as a terminal of its own, which takes its shortest match."""
        node = self.terminal(body).node
        for option in definition.options:
            end = self.option_node(option)
            if option.name == "suffix" and end is not None:
                node = regex_ast.concat([node, end])
            elif option.name == "stop" and end is not None:
                return self.until(node, end, option)
        built = Built(shortest(node), Written(False, name), lazy=True, priority=0)
        checked(built, f"rule {name}", definition.place)
        return self.leaf(name.upper() if name.upper() not in self.definitions else name, built)

    def option_node(self, option: tree.Option) -> regex_ast.Node | None:
        if option.value is None or isinstance(option.value, str):
            if option.name == "lazy" and option.value is None:
                return None
            raise option.place.error(f"this is no value of {option.name}")
        return self.terminal(option.value).node

    def until(self, node: regex_ast.Node, end: regex_ast.Node, option: tree.Option) -> Expr:
        """Texts of `node` in front of the first `end`."""
        if self.lexer == "contextual":
            note = 'say suffix=, which takes the end too, or choose lexer="scannerless"'
            raise option.place.unsupported("the option stop, with a lexer", note)
        anything = regex_ast.repeat(regex_ast.ANY_CHAR, 0, None)
        before = regex_ast.Complement(regex_ast.concat([anything, end, anything]))
        return self.bare(Regular(regex_ast.Intersect((node, before))))

    def terminal(self, part: Tree) -> Built:
        """A part of a rule as a terminal, with the ones that it names built first."""
        for leaf in tree.walk(part):
            if isinstance(leaf, tree.Special):
                raise leaf.place.error("a token is no part of a terminal")
            if isinstance(leaf, tree.Name):
                self.terminals.named(leaf.name)
        return self.terminals.build(part)

    # -- expressions

    def expr(self, part: Tree) -> Expr:
        return _EXPR[type(part)](self, part)

    def name(self, part: tree.Name) -> Expr:
        if part.is_terminal:
            return self.leaf(part.name, self.defined(part.name))
        definition = self.definitions[part.name]
        if definition.parameters:
            message = f"template {part.name} needs its arguments"
            raise part.place.error(message, f"as in {part.name}{{x}}")
        self.require(part.name, definition)
        return Call(part.name)

    def defined(self, name: str) -> Built:
        """A terminal that stands in rules, by name."""
        built = self.terminals.named(name)
        checked(built, f"terminal {name}", self.definitions[name].place)
        return built

    def leaf(self, name: str, built: Built) -> Expr:
        self.used[name] = built
        if isinstance(built.node, regex_ast.Token):
            self.tokens[built.node] = None
        return Lexeme(name) if self.lexer == "contextual" else self.bare(_bare(built.node))

    def bare(self, expr: Expr) -> Expr:
        """Text of an expression without a lexer, and what may be ignored behind it."""
        return sequence((expr, self.gap))

    def literal(self, part: tree.String | tree.Pattern | tree.Range) -> Expr:
        built = self.terminals.build(part)
        start, stop = part.place.span
        checked(built, f"terminal {part.place.source.text[start:stop]}", part.place)
        name = self.anonymous.name(built.written)
        defined = self.definitions.get(name)
        return self.leaf(name, self.defined(name) if defined else built)

    def special(self, part: tree.Special) -> Expr:
        if part.token.others:
            raise part.place.unsupported("any one token but some", "name those that may come")
        start, stop = part.place.span
        return self.leaf(part.place.source.text[start:stop], self.terminals.build(part))

    def nested(self, part: tree.Nested) -> Expr:
        if part.kind == "regex":
            built = self.terminals.build(part)
            checked(built, "%regex", part.place)
            return self.leaf(self.anonymous.name(built.written), built)
        if self.embed is None or self.lexer == "contextual":
            note = 'choose lexer="scannerless"'
            raise part.place.unsupported("%json in a grammar with a lexer", note)
        self.embeds = True
        try:
            return self.bare(Embedded(self.embed(json.loads(part.value))))
        except ConstrainError as fault:
            raise part.place.error(f"%json: {str(fault).splitlines()[0]}") from fault

    def use(self, part: tree.Use) -> Expr:
        template = self.definitions[part.name]
        key = part.name, part.arguments
        if key not in self.instances:
            if len(self.instances) >= MAX_INSTANCES:
                raise LimitExceeded("rules made by templates", len(self.instances), part.name)
            number = sum(name == part.name for name, _ in self.instances)
            self.instances[key] = name = f"{part.name}{{{number}}}"
            bound = dict(zip(template.parameters, part.arguments, strict=True))
            if template.tree is None:
                raise template.place.unsupported(f"%declare {part.name}")
            body = substitute(template.tree, lambda name: bound.get(name, name))
            self.todo.append((name, body, template))
        return Call(self.instances[key])

    def sequence(self, part: tree.Sequence) -> Expr:
        return sequence([self.expr(item) for item in part.items])

    def choice(self, part: tree.Choice) -> Expr:
        return choice([self.expr(item) for item in part.items])

    def repeat(self, part: tree.Repeat) -> Expr:
        return repeat(self.expr(part.item), part.lo, part.hi)


_EXPR: Mapping[type, Callable[[_Rules, Any], Expr]] = {
    tree.Name: _Rules.name,
    tree.String: _Rules.literal,
    tree.Pattern: _Rules.literal,
    tree.Range: _Rules.literal,
    tree.Special: _Rules.special,
    tree.Nested: _Rules.nested,
    tree.Use: _Rules.use,
    tree.Sequence: _Rules.sequence,
    tree.Choice: _Rules.choice,
    tree.Repeat: _Rules.repeat,
}


def _bare(node: regex_ast.Node) -> Expr:
    return Literal(node.data) if isinstance(node, regex_ast.Text) else Regular(node)


def _gap(ignored: Iterable[regex_ast.Node]) -> Expr:
    """Any run of ignored terminals; one regular leaf, unless they look at their neighbours."""
    nodes = list(ignored)
    if not nodes:
        return EMPTY
    if any(map(looks_around, nodes)):
        return repeat(choice(map(Regular, nodes)), 0, None)
    return Regular(regex_ast.repeat(regex_ast.union(nodes), 0, None))
