"""The grammars that come with the package: in the wheel beside the code, else in the repository."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

ENDINGS = (".lark", ".regex")


def grammars_folder() -> Traversable:
    """The folder of grammars: the package's own where it was installed, else the repository's."""
    packaged = files("constrain") / "grammars"
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "grammars"


def library_names() -> list[str]:
    """Names of the grammars in the library."""
    return sorted(Path(entry.name).stem for entry in _entries())


def library_text(name: str) -> tuple[str, str]:
    """File ending and text of a grammar; KeyError for a name that the library does not have."""
    for entry in _entries():
        if Path(entry.name).stem == name:
            return Path(entry.name).suffix, entry.read_text(encoding="utf-8")
    raise KeyError(name)


def _entries() -> Iterator[Traversable]:
    return (entry for entry in grammars_folder().iterdir() if entry.name.endswith(ENDINGS))
