"""Statements of Lark's language to one table of definitions: imports, `%extend`, `%override`.

An imported name is known by its alias; what it needs comes along as `path__name`, as in Lark.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import TypeAlias

from constrain.errors import LimitExceeded
from constrain.resources import library_names, library_text

from .lark_reader import read
from .lark_tree import (
    Both,
    Choice,
    Definition,
    Import,
    Name,
    Not,
    Place,
    Repeat,
    Sequence,
    Source,
    Statement,
    Tree,
    Use,
    is_terminal_name,
    walk,
)

LIBRARY = ("common", "lark", "python", "unicode")
"""Grammars that come with Lark."""

MAX_IMPORTS = 100

Resolver: TypeAlias = Mapping[str, str] | Callable[[str], str | None]
"""Path, as in "common" or ".parts.names", to grammar text; None for one that is not known."""


@dataclass(frozen=True)
class Loaded:
    """All definitions by name, the names of the terminals to ignore, and every text read."""

    source: Source
    definitions: dict[str, Definition]
    ignore: tuple[str, ...]
    sources: tuple[Source, ...]


def load(text: str, imports: Resolver | None = None) -> Loaded:
    """Read a grammar and what it imports. Raises GrammarSyntaxError or LimitExceeded."""
    loader = _Loader(imports)
    source = Source(text)
    definitions = loader.definitions(source)
    ignore = tuple(dict.fromkeys(loader.ignored(source, definitions)))
    _check(definitions)
    return Loaded(source, definitions, ignore, tuple(loader.sources))


class _Loader:
    def __init__(self, resolver: Resolver | None):
        self.resolver = resolver
        self.sources: list[Source] = []
        self.open: list[str] = []  # what is being imported, to find circles

    def definitions(self, source: Source) -> dict[str, Definition]:
        self.sources.append(source)
        if len(self.sources) > MAX_IMPORTS:
            raise LimitExceeded("imported grammars", len(self.sources))
        statements = _statements(source)
        found: dict[str, Definition] = {}
        for imported in _joined(s.what for s in statements if isinstance(s.what, Import)):
            for name, definition in self.imported(imported, source).items():
                if found.setdefault(name, definition) is not definition:
                    raise imported.place.error(f"{definition.kind} {name} is imported twice")
        for statement in statements:
            if isinstance(statement.what, Definition):
                _STORE[statement.kind](found, statement.what)
        return found

    def imported(self, wanted: Import, source: Source) -> dict[str, Definition]:
        """The definitions that an import brings, under the names that they have here."""
        path = _path(wanted, source)
        if path in self.open:
            raise wanted.place.error(f"the import of {path} goes in a circle")
        self.open.append(path)
        module = self.definitions(Source(self.text(path, wanted), path))
        self.open.pop()
        aliases = dict(wanted.aliases)
        for name, alias in wanted.aliases:
            if name not in module:
                raise wanted.place.error(f"there is no {name} in {path}")
            if is_terminal_name(alias) != module[name].is_terminal:
                raise wanted.place.error(f"{alias} is no name for a {module[name].kind}")
        rename = partial(_mangled, "__".join(wanted.path), aliases)
        return {
            rename(name): _renamed(module[name], rename) for name in _needed(module, list(aliases))
        }

    def text(self, path: str, wanted: Import) -> str:
        resolver = self.resolver
        known = resolver(path) if callable(resolver) else (resolver or {}).get(path)
        if known is None:
            known = _library(path)
        if known is not None:
            return known
        ours = [name for name in library_names() if library_text(name)[0] == ".lark"]
        note = f"there are {', '.join((*LIBRARY, *ours))}; others go into imports="
        raise wanted.place.error(f'there is no grammar "{path}" to import from', note)

    def ignored(self, source: Source, definitions: dict[str, Definition]) -> Iterator[str]:
        """Names of the ignored terminals; what has none gets one."""
        number = 0
        for statement in _statements(source):
            if statement.kind != "ignore" or isinstance(statement.what, Definition | Import):
                continue
            tree = statement.what
            if isinstance(tree, Name):
                if tree.name not in definitions or not tree.is_terminal:
                    raise tree.place.error(f"{tree.name} is to be ignored and is no terminal")
                yield tree.name
            else:
                name = f"__IGNORE_{number}"
                place = next((leaf.place for leaf in walk(tree)), Place(source, (0, 1)))
                definitions[name] = Definition(name, tree, place, is_terminal=True)
                yield name
            number += 1


def _path(wanted: Import, source: Source) -> str:
    """The path of an import; a relative one is beside the text that it stands in."""
    path = ".".join(wanted.path)
    if not wanted.relative:
        return path
    folder, dot, _ = source.path.rpartition(".")
    return f"{folder}.{path}" if dot or not source.path else path


@lru_cache(maxsize=32)
def _statements(source: Source) -> list[Statement]:
    return read(source)


@lru_cache(maxsize=32)
def _library(path: str) -> str | None:
    """The text of a grammar that comes with Lark or with us."""
    if path in LIBRARY:
        spec = find_spec("lark")  # its folder, without importing it
        if spec and spec.origin:
            return (Path(spec.origin).parent / "grammars" / f"{path}.lark").read_text("utf-8")
    if path in library_names():
        ending, text = library_text(path)
        return text if ending == ".lark" else None
    return None


def _joined(imports: Iterator[Import]) -> list[Import]:
    """One import for each path."""
    found: dict[tuple[bool, tuple[str, ...]], Import] = {}
    for item in imports:
        key = item.relative, item.path
        before = found.get(key)
        aliases = item.aliases if before is None else (*before.aliases, *item.aliases)
        found[key] = replace(item, aliases=aliases)
    return list(found.values())


def _define(found: dict[str, Definition], definition: Definition) -> None:
    if definition.name in found:
        raise definition.place.error(f"{definition.kind} {definition.name} is defined twice")
    found[definition.name] = definition


def _override(found: dict[str, Definition], definition: Definition) -> None:
    if definition.name not in found:
        message = f"{definition.kind} {definition.name} is not there to be overridden"
        raise definition.place.error(message, "import or define it before")
    found[definition.name] = definition


def _extend(found: dict[str, Definition], definition: Definition) -> None:
    before = found.get(definition.name)
    if before is None or before.tree is None or definition.tree is None:
        message = f"{definition.kind} {definition.name} is not there to be extended"
        raise definition.place.error(message, "import or define it before")
    if before.parameters != definition.parameters:
        raise definition.place.error(f"template {definition.name} has other parameters")
    found[definition.name] = replace(before, tree=Choice((definition.tree, before.tree)))


_STORE: Mapping[str, Callable[[dict[str, Definition], Definition], None]] = {
    "define": _define,
    "override": _override,
    "extend": _extend,
}

# ------------------------------------------------------------------ names


def _mangled(path: str, aliases: Mapping[str, str], name: str) -> str:
    if name in aliases:
        return aliases[name]
    return f"_{path}__{name[1:]}" if name.startswith("_") else f"{path}__{name}"


def _needed(module: Mapping[str, Definition], names: list[str]) -> list[str]:
    """`names` and all that their definitions mention."""
    found = dict.fromkeys(names)
    todo = list(found)
    while todo:
        for name in _mentioned(module[todo.pop()]):
            if name in module and name not in found:
                found[name] = None
                todo.append(name)
    return list(found)


def _mentioned(definition: Definition) -> Iterator[str]:
    trees = [definition.tree, *(option.value for option in definition.options)]
    for tree in trees:
        if tree is not None and not isinstance(tree, str):
            for leaf in walk(tree):
                if isinstance(leaf, Name | Use):
                    yield leaf.name


def _renamed(definition: Definition, rename: Callable[[str], str]) -> Definition:
    kept = set(definition.parameters)

    def change(name: str) -> str:
        return name if name in kept else rename(name)

    options = tuple(
        replace(option, value=substitute(option.value, change))
        if option.value is not None and not isinstance(option.value, str)
        else option
        for option in definition.options
    )
    tree = None if definition.tree is None else substitute(definition.tree, change)
    return replace(definition, name=rename(definition.name), tree=tree, options=options)


def substitute(tree: Tree, change: Callable[[str], str | Tree]) -> Tree:
    """`tree` with names changed, or replaced by trees."""
    if isinstance(tree, Name):
        new = change(tree.name)
        return Name(new, tree.is_terminal, tree.place) if isinstance(new, str) else new
    if isinstance(tree, Use):
        new = change(tree.name)
        name = new if isinstance(new, str) else new.name if isinstance(new, Name) else None
        if name is None:
            raise tree.place.error(f"{tree.name} stands for no template here")
        arguments = tuple(substitute(argument, change) for argument in tree.arguments)
        return Use(name, arguments, tree.place)
    if isinstance(tree, Sequence | Choice | Both):
        return replace(tree, items=tuple(substitute(item, change) for item in tree.items))
    if isinstance(tree, Repeat | Not):
        return replace(tree, item=substitute(tree.item, change))
    return tree


# ------------------------------------------------------------------ checks


def _check(definitions: Mapping[str, Definition]) -> None:
    """Refuse what is used and not defined, and templates that do not fit."""
    for definition in definitions.values():
        _check_parameters(definition, definitions)
        trees = [definition.tree, *(option.value for option in definition.options)]
        for tree in trees:
            for leaf in walk(tree) if tree is not None and not isinstance(tree, str) else ():
                if isinstance(leaf, Name | Use) and leaf.name not in definition.parameters:
                    _check_use(leaf, definition, definitions)


def _check_parameters(definition: Definition, definitions: Mapping[str, Definition]) -> None:
    for i, name in enumerate(definition.parameters):
        if name in definition.parameters[:i]:
            raise definition.place.error(f"parameter {name} stands there twice")
        if name in definitions:
            raise definition.place.error(f"parameter {name} is also a rule")


def _check_use(leaf: Name | Use, user: Definition, definitions: Mapping[str, Definition]) -> None:
    kind = "terminal" if isinstance(leaf, Name) and leaf.is_terminal else "rule"
    if leaf.name not in definitions:
        message = f"{kind} {leaf.name} is used but not defined"
        raise leaf.place.error(message, f"in {user.kind} {user.name}")
    if user.is_terminal and kind == "rule":
        raise leaf.place.error(f"a terminal is made of terminals, and {leaf.name} is a rule")
    wanted = len(definitions[leaf.name].parameters)
    if isinstance(leaf, Use) and len(leaf.arguments) != wanted:
        message = f"template {leaf.name} takes {wanted} arguments, not {len(leaf.arguments)}"
        raise leaf.place.error(message)
