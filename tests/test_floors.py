"""The floors of the package: imports go downward only, also those inside functions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "constrain"

FLOORS = [
    "errors",
    "resources",
    "syntax",
    "automata",
    "json_schema",
    "tokens",
    "decoding",
    "lm",
    "poutine",
    "distributions",
    "smc",
    "front",
    "hf",
    "llamppl",
    "cli",
]
HEIGHT = {name: height for height, name in enumerate(FLOORS)}

# Heavy packages, and the only places that may load them.
ONLY_IN = {
    "numba": ["tokens/_kernels.py", "tokens/_apply_kernels.py", "tokens/_walk_kernels.py"],
    "llvmlite": ["tokens/_kernels.py"],
    "torch": ["hf/"],
    "transformers": ["hf/"],
    "tokenizers": ["hf/"],
    "safetensors": ["hf/"],
    "jaxtyping": ["hf/introspection/"],
    "networkx": ["hf/introspection/graph.py"],
    "typer": ["cli.py"],
    "rich": ["cli.py"],
    "click": [],
}


def imported_names(source: str, package: list[str]) -> set[str]:
    """Dotted names that `source`, a module of `package`, may import, wherever it does so.

    >>> sorted(imported_names("def f():\\n    from .. import b", ["constrain", "a"]))
    ['constrain', 'constrain.b']
    """
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            names.add(base)
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def floor_of(path: Path) -> str | None:
    """The floor that a file of the package stands on; None for the package's own two files."""
    parts = path.relative_to(PACKAGE).parts
    return None if parts in {("__init__.py",), ("__main__.py",)} else parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_downward(path: Path):
    floor = floor_of(path)
    if floor is None:
        return
    assert floor in HEIGHT, f"{floor} has no place in FLOORS"
    package = ["constrain", *path.relative_to(PACKAGE).parts[:-1]]
    names = imported_names(path.read_text(encoding="utf-8"), package)
    used = {name.split(".")[1] for name in names if name.startswith("constrain.")}
    upward = {name for name in used if name in HEIGHT and HEIGHT[name] > HEIGHT[floor]}
    assert not upward, f"{floor} stands below {sorted(upward)}"
    assert "constrain" not in names or floor == "cli", "import from the floor, not from the root"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_heavy_packages_stay_in_their_place(path: Path):
    where = path.relative_to(PACKAGE).as_posix()
    names = imported_names(path.read_text(encoding="utf-8"), ["constrain"])
    roots = {name.split(".")[0] for name in names}
    for heavy in roots & ONLY_IN.keys():
        assert where.startswith(tuple(ONLY_IN[heavy])), f"{where} may not import {heavy}"


def test_the_walk_sees_imports_inside_functions_and_relative_ones():
    source = "def f():\n    import torch\n    from ..tokens import trie\n"
    names = imported_names(source, ["constrain", "decoding"])
    assert {"torch", "constrain.tokens", "constrain.tokens.trie"} <= names
