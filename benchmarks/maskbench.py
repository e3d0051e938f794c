"""MaskBench (real JSON Schemas with valid and invalid instances): conformance, and speed.

    python benchmarks/maskbench.py DIR [--names dev-small.txt] [--order any]       conformance

DIR holds MaskBench files. A schema passes if every valid instance is accepted and every invalid
one refused; else it counts as one of: order only (valid instances whose members come in another
order than the schema's are refused, and accepted with `property_order="any"`), compile error,
valid rejected, invalid accepted, timeout.
"""

from __future__ import annotations

import argparse
import json
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from verdicts import Judge, reason, text_of

from constrain.errors import ConstrainError

OUTCOMES = (
    "passing",
    "order only",
    "compile error",
    "valid rejected",
    "invalid accepted",
    "timeout",
)
SECONDS = 30


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file; `why` for a compile error; CPU seconds."""

    name: str
    kind: str
    why: str = ""
    where: str = ""
    seconds: float = 0.0


def paths(folder: Path, names: Path | None = None) -> list[Path]:
    """The files of a folder, or those of them that a list names."""
    if names is None:
        return sorted(folder.glob("*.json"))
    path = names if names.exists() else folder / names
    return [folder / name for name in path.read_text(encoding="utf-8").split()]


def outcome(path: Path, order: str = "schema") -> Outcome:
    """Compile the schema of a file and try its instances."""
    case = json.loads(path.read_text(encoding="utf-8"))
    start = time.process_time()
    try:
        with _limit(SECONDS):
            kind, why, where = _outcome(case, order)
    except TimeoutError:
        kind, why, where = "timeout", "", ""
    return Outcome(path.name, kind, why, where, time.process_time() - start)


def _outcome(case: dict[str, Any], order: str) -> tuple[str, str, str]:
    judge = Judge(case["schema"], property_order=order)
    found = {verdict(judge, test["data"], test["valid"]) for test in case["tests"]}
    if judge.refusal is not None:
        return "compile error", reason(judge.refusal), str(judge.refusal)
    for kind in ("invalid accepted", "valid rejected"):
        if kind in found:
            if kind == "valid rejected" and order == "schema":
                return _without_order(case)
            return kind, "", ""
    return "passing", "", ""


def _without_order(case: dict[str, Any]) -> tuple[str, str, str]:
    """Was it the order of properties for which a valid instance was refused?"""
    kind, *_ = _outcome(case, "any")
    return ("order only" if kind == "passing" else "valid rejected"), "", ""


def verdict(judge: Judge, instance: Any, valid: bool) -> str:
    """What became of one instance."""
    try:
        accepted = judge.accepts(text_of(instance))
    except ConstrainError as error:
        judge.refusal = error
        return "compile error"
    if accepted is valid:
        return "passing"
    return "valid rejected" if valid else "invalid accepted"


class _limit:
    """Raise TimeoutError after so many seconds of the wall clock."""

    def __init__(self, seconds: int):
        self.seconds = seconds

    def __enter__(self) -> None:
        signal.signal(signal.SIGALRM, self._ring)
        signal.alarm(self.seconds)

    def __exit__(self, *_: object) -> None:
        signal.alarm(0)

    def _ring(self, *_: object) -> None:
        raise TimeoutError


def conformance(found: list[Outcome]) -> Iterator[str]:
    """The counts of outcomes, the reasons for refusals, and the names of what went wrong."""
    counts = Counter(one.kind for one in found)
    yield "| " + " | ".join(("schemas", *OUTCOMES)) + " |"
    yield "|" + "--:|" * (1 + len(OUTCOMES))
    yield "| " + " | ".join(str(n) for n in (len(found), *(counts[k] for k in OUTCOMES))) + " |"
    yield ""
    for why, n in Counter(one.why for one in found if one.why).most_common():
        yield f"{n:5} {why}"
    yield ""
    yield from (
        f"{one.kind}: {one.name} {one.why}"
        for one in found
        if one.kind not in ("passing", "compile error")
    )
    slowest = sorted(found, key=lambda one: -one.seconds)[:10]
    yield "slowest: " + ", ".join(f"{one.name} {one.seconds:.2f} s" for one in slowest)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", type=Path, help="a file that names some of the folder's files")
    parser.add_argument("--order", choices=["schema", "any"], default="schema")
    parser.add_argument("--output", type=Path, help="where the outcomes go, as JSON")
    arguments = parser.parse_args()
    found = [outcome(path, arguments.order) for path in paths(arguments.folder, arguments.names)]
    print("\n".join(conformance(found)))
    if arguments.output:
        rows = {one.name: [one.kind, one.why, one.where] for one in found}
        arguments.output.write_text(json.dumps(rows, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
