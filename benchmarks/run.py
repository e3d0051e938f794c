"""The benchmark tables: three engines, the same job, in turn, in one run.

    python benchmarks/run.py --peers .venv-peers/bin/python --output benchmarks/results

A round starts fresh processes and goes through every workload; within a workload the engines take
turns document by document, so that a busy moment of the machine hits all of them. Numbers are
medians over the rounds of each round's statistic.
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

import job as jobs
import report
from crew import Hand, crew

Samples = dict[str, dict[str, dict[str, list[float]]]]  # workload -> engine -> clock -> ns


def questions(job: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every command of a round with the name of the workload that its times belong to."""
    for name, task in job["documents"].items():
        indices = range(len(task["streams"]))
        for pass_name in ("first pass", "second pass"):
            for i in indices:
                question = {"run": "document", "workload": name, "index": i, "fresh": False}
                yield f"{name}: shared, {pass_name}", question
        for i in indices:
            question = {"run": "document", "workload": name, "index": i, "fresh": True}
            yield f"{name}: fresh engine", question
    for name, specs in job["start"].items():
        for i in range(len(specs)):
            yield f"{name}: to first mask", {"run": "start", "group": name, "index": i}
    for i in range(len(job["regexes"])):
        yield "regex states: mask", {"run": "states", "index": i}


def one_round(hands: list[Hand], job: dict[str, Any], refusals: dict[str, set[str]]) -> Samples:
    """Ask every engine every question; times come back less the cost of reading the clocks.

    A question that one engine refuses is left out for all of them.
    """
    samples: Samples = {}
    for turn, (workload, question) in enumerate(questions(job)):
        start = turn % len(hands)
        answers = {hand.engine: hand.ask(**question) for hand in hands[start:] + hands[:start]}
        refused = {name: a["refused"] for name, a in answers.items() if "refused" in a}
        for name, why in refused.items():
            refusals.setdefault(f"{workload}, {name}", set()).add(f"{question}: {why}")
        if not refused.keys() <= {"xgrammar"}:
            continue  # only xgrammar's refusals leave the others comparable
        for hand in hands:
            for clock in ("cpu", "wall"):
                if hand.engine not in refused:
                    times = [t - hand.hello["clock"][clock] for t in answers[hand.engine][clock]]
                    by_engine = samples.setdefault(workload, {})
                    by_engine.setdefault(hand.engine, {}).setdefault(clock, []).extend(times)
    return samples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--peers", help="interpreter that has llguidance and xgrammar")
    parser.add_argument("--ours", default=sys.executable, help="interpreter that has constrain")
    parser.add_argument("--engines", default="constrain,llguidance,xgrammar")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--core", type=int, default=None, help="stay on this processor core")
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--schemas", type=int, default=20)
    parser.add_argument("--regexes", type=int, default=100)
    parser.add_argument("--output", type=Path, help="folder for engines.md and engines.json")
    arguments = parser.parse_args()

    job = jobs.make(arguments.seed, arguments.documents, arguments.schemas, arguments.regexes)
    engines = arguments.engines.split(",")
    pythons = {name: _python(arguments, name) for name in engines}
    core = arguments.core if arguments.core is not None else _last_core()
    rounds: list[Samples] = []
    refusals: dict[str, set[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        for number in range(arguments.rounds):
            with crew(pythons, path, core) as hands:
                print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
                rounds.append(one_round(hands, job, refusals))
                hellos = {hand.engine: hand.hello for hand in hands}
    table = report.summarize(rounds)
    text = report.render(table, hellos, refusals, arguments.rounds, job)
    print(text)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "engines.md").write_text(text, encoding="utf-8")
        (arguments.output / "engines.json").write_text(json.dumps(table, indent=1) + "\n")


def _python(arguments: argparse.Namespace, engine: str) -> str:
    if engine == "constrain":
        return arguments.ours
    if not arguments.peers:
        raise SystemExit(f"--peers is needed for {engine}: an interpreter that has it")
    return arguments.peers


def _last_core() -> int | None:
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    return cores[-1] if cores else None


if __name__ == "__main__":
    main()
