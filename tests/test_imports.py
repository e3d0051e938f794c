"""`import constrain` is light, and its table of names says where everything is."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import constrain

ROOT = Path(__file__).parents[1]
HEAVY = {
    "torch",
    "transformers",
    "numba",
    "llvmlite",
    "numpy",
    "lark",
    "typer",
    "rich",
    "jsonschema",
}


def modules_after(code: str) -> set[str]:
    """Top-level modules that are loaded in a fresh interpreter after `code`."""
    code += "\nimport sys; print(*{name.split('.')[0] for name in sys.modules})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy():
    assert modules_after("import constrain") & HEAVY == set()


def test_describing_a_language_loads_no_compiler_and_no_model():
    code = "import constrain\nconstrain.regex('a+')\nconstrain.choice(['yes', 'no'])"
    assert modules_after(code) & {"torch", "transformers", "numba", "lark"} == set()


def test_a_name_that_is_not_there():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = constrain.nothing


@pytest.mark.parametrize("name", sorted(constrain._NAMES))
def test_every_name_in_the_table_exists(name: str):
    value = getattr(constrain, name)
    assert callable(value)
    assert value.__name__ == name
    assert name in dir(constrain)


def test_the_folder_json_schema_does_not_hide_the_function():
    code = (
        "import constrain\n"
        "import constrain.json_schema\n"
        "from constrain.json_schema import grammar\n"
        "assert callable(constrain.json_schema), constrain.json_schema\n"
        "assert callable(grammar)\n"
    )
    modules_after(code)


def test_type_checkers_are_told_the_same_names():
    tree = ast.parse((ROOT / "constrain" / "__init__.py").read_text())
    [block] = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        (node.module, alias.name)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    table = {(home, name) for name, home in constrain._NAMES.items()}
    assert told == table | {("constrain", name) for name in constrain._MODULES}
