"""MaskBench, timed: engines side by side in processes of their own, on the same token streams.

    python benchmarks/maskbench_speed.py DIR --names dev-small.txt --peers .venv-peers/bin/python

For every schema that ours passes, each engine in turn: from the text of the schema to the first
mask, then mask and advance for each token of every valid instance (each with a fresh compilation
of its schema). Schemas that an engine does not take are left out for that engine;
rows name the engines that they compare, over the schemas that all of these finish.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import corpus
import job as jobs
import maskbench
from crew import Hand, crew
from report import quantile

STATISTICS = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
FAMILIES = ("all", "patterns, formats and bounds")
_CONSTRAINING = (
    '"pattern":',
    '"format":',
    '"minimum":',
    '"maximum":',
    '"multipleOf":',
    '"exclusiveM',
)

Times = dict[str, dict[str, list[float]]]  # "to first mask" or "per token" -> clock -> ns


def make(folder: Path, names: list[str]) -> dict[str, Any]:
    """The job: a document for each schema, its valid instances as token streams."""
    tokenizer = jobs.tekken()

    def stream(text: str) -> list[int]:
        return [*tokenizer.encode(text, bos=False, eos=False), tokenizer.eos_id]

    documents: dict[str, Any] = {}
    for name in names:
        case = json.loads((folder / name).read_text(encoding="utf-8"))
        texts = [
            json.dumps(test["data"], ensure_ascii=False) for test in case["tests"] if test["valid"]
        ]
        spec = {"kind": "json_schema", "text": json.dumps(case["schema"])}
        documents[name] = {"spec": spec, "streams": [stream(text) for text in texts]}
    return {
        "vocabulary": jobs.vocabulary(tokenizer),
        "warm_up": [{"spec": spec, "streams": [stream(text)]} for spec, text in corpus.WARM_UP],
        "documents": documents,
        "start": {"maskbench": [task["spec"] for task in documents.values()]},
        "regexes": [],
    }


def times_of(hand: Hand, name: str, index: int, n_streams: int) -> Times | None:
    """What one engine takes for one schema; None if it refuses it or one of its instances."""
    found: Times = {}
    questions = [("to first mask", {"run": "start", "group": "maskbench", "index": index})]
    for i in range(n_streams):
        question = {"run": "document", "workload": name, "index": i, "fresh": True}
        questions.append(("per token", question))
    for row, question in questions:
        answer = hand.ask(**question)
        if "refused" in answer:
            return None
        for clock in ("cpu", "wall"):
            some = [t - hand.hello["clock"][clock] for t in answer[clock]]
            found.setdefault(row, {}).setdefault(clock, []).extend(some)
    return found


def measure(hands: list[Hand], job: dict[str, Any]) -> dict[str, dict[str, Times | None]]:
    """Schema -> engine -> times; engines take turns, and turns in going first."""
    found: dict[str, dict[str, Times | None]] = {}
    for turn, (name, task) in enumerate(job["documents"].items()):
        first = turn % len(hands)
        found[name] = {
            hand.engine: times_of(hand, name, turn, len(task["streams"]))
            for hand in hands[first:] + hands[:first]
        }
    return found


def table(found: dict[str, dict[str, Times | None]], job: dict[str, Any]) -> Iterator[str]:
    """Markdown: for each family, row and clock the statistics of every engine, in us."""
    engines = list(next(iter(found.values())))
    for family in FAMILIES:
        for some in _groups(engines):
            names = [
                name
                for name, by_engine in found.items()
                if all(by_engine[engine] is not None for engine in some)
                and (family == "all" or _is_constraining(job, name))
            ]
            if names:
                yield from _rows(found, family, some, names)


def _groups(engines: list[str]) -> list[list[str]]:
    """Ours with each peer, and all together."""
    ours, *peers = engines
    pairs = [[ours, peer] for peer in peers]
    return [*pairs, engines] if len(peers) > 1 else pairs or [engines]


def _is_constraining(job: dict[str, Any], name: str) -> bool:
    return any(word in job["documents"][name]["spec"]["text"] for word in _CONSTRAINING)


def _rows(
    found: dict[str, dict[str, Times | None]], family: str, engines: list[str], names: list[str]
) -> Iterator[str]:
    yield f"\n### {family}: {', '.join(engines)} ({len(names)} schemas)\n"
    yield "| us | engine | n | mean | " + " | ".join((*STATISTICS, "max")) + " |"
    yield "|:--|:--|" + "--:|" * (3 + len(STATISTICS))
    for row in ("to first mask", "per token"):
        for clock in ("cpu", "wall"):
            for engine in engines:
                times: list[float] = []
                for name in names:
                    one = found[name][engine]
                    times += one.get(row, {}).get(clock, []) if one else []
                yield f"| {row}, {clock} | {engine} | {_cells(sorted(times))} |"


def _cells(ordered: list[float]) -> str:
    values = [sum(ordered) / len(ordered), *(quantile(ordered, q) for q in STATISTICS.values())]
    return " | ".join([str(len(ordered)), *(f"{v / 1000:,.1f}" for v in (*values, ordered[-1]))])


def slowest(found: dict[str, dict[str, Times | None]], engine: str, n: int = 12) -> Iterator[str]:
    """The schemas with the longest way to a first mask, and with the slowest tokens."""
    for row in ("to first mask", "per token"):
        worst = [
            (max(one[row]["cpu"]), name)
            for name, by_engine in found.items()
            if (one := by_engine[engine]) and row in one
        ]
        listed = (f"{name} {t / 1e6:.1f} ms" for t, name in sorted(worst, reverse=True)[:n])
        yield f"\nslowest {row} of {engine}: {', '.join(listed)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--names", type=Path)
    parser.add_argument("--peers", help="interpreter that has llguidance and xgrammar")
    parser.add_argument("--ours", default=sys.executable, help="interpreter that has constrain")
    parser.add_argument("--engines", default="constrain,llguidance")
    parser.add_argument("--core", type=int, default=None, help="stay on this processor core")
    parser.add_argument("--output", type=Path, help="a file for the tables")
    arguments = parser.parse_args()
    paths = maskbench.paths(arguments.folder, arguments.names)
    passing = [path.name for path in paths if maskbench.outcome(path).kind == "passing"]
    job = make(arguments.folder, passing)
    pythons = {
        engine: arguments.ours if engine == "constrain" else arguments.peers
        for engine in arguments.engines.split(",")
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        core = arguments.core if arguments.core is not None else max(os.sched_getaffinity(0))
        with crew(pythons, path, core) as hands:
            found = measure(hands, job)
            versions = [hand.hello["versions"] for hand in hands]
    lines = ["; ".join(versions), *table(found, job), *slowest(found, "constrain")]
    print("\n".join(lines))
    if arguments.output:
        arguments.output.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
