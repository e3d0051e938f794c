"""The official JSON Schema test suite, asked of `constrain.json_schema`.

    python benchmarks/json_schema_test_suite.py DIR [--draft draft2020-12] [--details]

DIR holds a folder for each draft and `remotes`. Required tests run with formats="annotate", as
the drafts say; those in `optional/format` with formats="assert". For each file: how many tests
are judged right, right but for the order of properties, wrong either way, or refused.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from referencing import Registry, Resource
from referencing.jsonschema import DRAFT3, DRAFT4, DRAFT6, DRAFT7, DRAFT201909, DRAFT202012
from verdicts import VERDICTS, Judge

BASE = "http://localhost:1234/"
DRAFTS = {
    "draft2020-12": ("2020-12", DRAFT202012),
    "draft2019-09": ("2019-09", DRAFT201909),
    "draft7": ("7", DRAFT7),
    "draft6": ("6", DRAFT6),
    "draft4": ("4", DRAFT4),
    "draft3": (None, DRAFT3),
}

Score = Counter[str]


def registry(folder: Path) -> Registry[Any]:
    """The suite's `remotes`, by the addresses that its schemas know them by."""
    found: list[tuple[str, Resource[Any]]] = []
    for path in sorted(folder.joinpath("remotes").rglob("*.json")):
        name = path.relative_to(folder / "remotes").as_posix()
        _, fallback = DRAFTS.get(name.split("/")[0], DRAFTS["draft2020-12"])
        content = json.loads(path.read_text(encoding="utf-8"))
        found.append((BASE + name, Resource.from_contents(content, fallback)))
    return _metaschemas().with_resources(found)


def _metaschemas() -> Registry[Any]:
    from jsonschema_specifications import REGISTRY

    return REGISTRY


def files(folder: Path, part: str) -> list[Path]:
    """The required files of a draft's folder, or the optional ones about formats."""
    pattern = "optional/format/*.json" if part == "format" else "*.json"
    return sorted(folder.glob(pattern))


def results(path: Path, remotes: Any, draft: str | None, part: str) -> Iterator[tuple[str, ...]]:
    """(verdict, test, why refused) for every test of a file."""
    formats = "assert" if part == "format" else "annotate"
    for group in json.loads(path.read_text(encoding="utf-8")):
        judge = Judge(group["schema"], registry=remotes, draft=draft, formats=formats)
        for test in group["tests"]:
            verdict = judge.verdict(test["data"], test["valid"])
            why = "" if judge.refusal is None else str(judge.refusal)
            yield verdict, f"{group['description']}: {test['description']}", why


def scores(root: Path, folder: str, part: str) -> dict[str, Score]:
    """File name -> how often each verdict came."""
    draft, _ = DRAFTS[folder]
    remotes = registry(root)
    return {
        path.stem: Counter(verdict for verdict, *_ in results(path, remotes, draft, part))
        for path in files(root / folder, part)
    }


def total(found: dict[str, Score]) -> Score:
    return sum(found.values(), Counter())


def table(found: dict[str, Score]) -> str:
    """One line for each file, and one for all."""
    lines = ["| file | tests | " + " | ".join(VERDICTS) + " |", "|:--|" + "--:|" * 6]
    for name, score in [*found.items(), ("all", total(found))]:
        cells = (str(score[verdict]) for verdict in VERDICTS)
        lines.append(f"| {name} | {score.total()} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def details(root: Path, folder: str, part: str) -> Iterator[str]:
    """A line for every test that is not judged right."""
    draft, _ = DRAFTS[folder]
    remotes = registry(root)
    for path in files(root / folder, part):
        for verdict, test, why in results(path, remotes, draft, part):
            if verdict != "correct":
                yield f"{path.stem}: {verdict}: {test}" + (f"  [{why}]" if why else "")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draft", default="draft2020-12", choices=sorted(DRAFTS))
    parser.add_argument("--part", choices=["required", "format"])
    parser.add_argument("--details", action="store_true", help="name what is not judged right")
    arguments = parser.parse_args()
    for part in [arguments.part] if arguments.part else ["required", "format"]:
        if arguments.details:
            for line in details(arguments.folder, arguments.draft, part):
                print(line)
        else:
            print(f"## {arguments.draft}, {part}\n")
            print(table(scores(arguments.folder, arguments.draft, part)), end="\n\n")


if __name__ == "__main__":
    main()
