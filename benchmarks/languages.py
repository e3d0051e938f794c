"""Programming languages, regular expressions and long lists: this engine and llguidance in turn.

    python benchmarks/languages.py --peers .venv-peers/bin/python --output benchmarks/results

- c, python: the programs under `programs/`, thirty each, under the grammars `c_like` and `python`
  of the library. A token's time is that of one mask and one advance. llguidance gets the same
  Lark text with three things said its own way, see `for_llguidance`.
- regex: from a pattern to its first mask, a hundred patterns.
- choice: one of a million strings; seconds to compile, memory, and masks along some of them.

The method is that of `run.py`: engines take turns document by document, CPU time of the thread,
the cost of reading the clocks subtracted, the median over the rounds of each round's statistic.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import corpus
import job as jobs
import report
import run
from crew import Hand, crew

HERE = Path(__file__).parent
PROGRAMS = {"c": ("c_like", "c"), "python": ("python", "py")}  # workload: grammar, file ending
ROWS = ("shared, first pass", "shared, second pass", "fresh engine")
GOALS: report.Goals = {
    **{f"{name}: {row}": {"mean": [(0.5, "llguidance")]} for name in PROGRAMS for row in ROWS},
    "regex: to first mask": {"mean": [(0.7, "llguidance")]},
}
N_CHOICES = 1_000_000

_RESERVED = re.compile(r"^NAME: /\(\?!(\(.*\))\(\?!\[A-Za-z0-9_\]\)\)(.*)/$", re.MULTILINE)
_PRIORITY = re.compile(r"^([A-Z_0-9]+)\.\d+:", re.MULTILINE)


def for_llguidance(text: str) -> str:
    """A Lark grammar as llguidance reads it.

    It has no lookahead but a complement, no priorities (these only make up for Lark's order, in
    which a first match need not be the longest), and skips before the first token on demand.
    """
    text = _PRIORITY.sub(r"\1:", _RESERVED.sub(r"NAME: /\2/ & ~/\1/", text))
    if "%ignore" not in text:
        return text
    text = re.sub(
        r"^start: (.*)$", r"start: \1 TAIL?\nTAIL: /[ \\t\\n]+/", text, flags=re.MULTILINE
    )
    return '%llguidance {"allow_initial_skip": true}\n' + text


def programs(ending: str) -> list[str]:
    """The texts of one language, by name of file."""
    return [path.read_text() for path in sorted((HERE / "programs" / ending).glob("*"))]


def make_job(n_programs: int, n_regexes: int) -> jobs.Job:
    """What the workers need; the sizes may be cut for a quick look."""
    job = jobs.make(seed=1, n_documents=0, n_schemas=0, n_regexes=0)
    encode = jobs.tekken().encode
    for name, (grammar, _) in PROGRAMS.items():
        text = (HERE.parent / "grammars" / f"{grammar}.lark").read_text()
        texts = programs(name)[:n_programs]
        job["documents"][name] = {
            "spec": {"kind": "lark", "text": text, "llguidance": for_llguidance(text)},
            "texts": texts,
            "streams": [
                [*encode(text, bos=False, eos=False), job["vocabulary"]["eos"]] for text in texts
            ],
        }
    del job["documents"]["json"], job["documents"]["orders"]
    patterns = [pattern for pattern, _ in corpus.regexes()[:n_regexes]]
    job["start"] = {
        "regex": [{"kind": "regex", "text": pattern} for pattern in patterns],
        **{name: [task["spec"]] for name, task in job["documents"].items()},
    }
    return job


# -- a list of a million strings


def strings(n: int, seed: int = 1) -> list[str]:
    """Distinct strings such as names of files and products, 10 to 40 bytes long."""
    rng = random.Random(seed)
    found: dict[str, None] = {}
    while len(found) < n:
        parts = rng.choices(corpus.WORDS, k=rng.randint(2, 4))
        found[rng.choice(("-", " ", "_", "/")).join(parts) + str(rng.randrange(10_000))] = None
    return list(found)


def choice(path: Path, n: int, walked: int) -> dict[str, float]:
    """Compile the choice between `n` strings in this process; masks along `walked` of them."""
    vocabulary = json.loads(path.read_text())["vocabulary"]
    import constrain

    tokens = jobs.decode_tokens(vocabulary)
    words = constrain.Vocabulary(tokens, [vocabulary["eos"]])
    small = constrain.compile(constrain.choice(["a", "b"]), words)
    small.mask(small.init())
    texts = strings(n)
    encode = jobs.tekken().encode
    streams = [encode(text, bos=False, eos=False) for text in texts[:walked]]
    before, began = _peak(), time.process_time()
    constraint = constrain.compile(constrain.choice(texts), words, max_bytes=1 << 30)
    constraint.mask(constraint.init())
    compiled = time.process_time() - began
    times: list[int] = []
    for stream in streams:
        state = constraint.init()
        for token in stream:
            cpu = time.thread_time_ns()
            constraint.mask(state)
            times.append(time.thread_time_ns() - cpu)
            state = constraint.advance(state, token)
    row = report.statistics_of(times)
    return {"seconds": compiled, "bytes": _peak() - before, **row}


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def choice_lines(path: Path, python: str, n: int) -> list[str]:
    """The table of the choice, measured in a process of its own."""
    command = [python, str(HERE / "languages.py"), "--choice", str(path), "--choices", str(n)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        why = done.stderr.strip().splitlines()[-1]
        return [f"## One of {n:,} strings", "", f"Refused within 1 GiB: `{why}`", ""]
    row = json.loads(done.stdout)
    goals = (
        ("CPU seconds from the list to the first mask", row["seconds"], 10),
        ("additional memory at the peak, MiB", row["bytes"] / 2**20, 1024),
        ("mask, mean, us", row["mean"], 50),
        ("mask, p99, us", row["p99"], 50),
    )
    return [
        f"## One of {n:,} strings",
        "",
        "| what | value | goal | holds |",
        "|:--|--:|--:|:--|",
        *(
            f"| {what} | {report.shown(value)} | {goal} | {'yes' if value <= goal else '**no**'} |"
            for what, value, goal in goals
        ),
        "",
    ]


# -- the report


def first_compilations(hands: list[Hand], job: jobs.Job) -> Iterator[tuple[str, str, float]]:
    """(language, engine, ms) from a grammar's text to its first mask, as a process does it once."""
    for name in job["documents"]:
        for hand in hands:
            answer = hand.ask(run="start", group=name, index=0)
            if "refused" not in answer:
                yield name, hand.engine, answer["cpu"][0] / 1e6


def render(
    table: report.Table,
    compiled: dict[tuple[str, str], list[float]],
    hellos: dict[str, dict[str, Any]],
    refusals: dict[str, set[str]],
    job: jobs.Job,
    n_rounds: int,
) -> list[str]:
    """All of the report but the choice."""
    sizes = ", ".join(
        f"{name} {len(task['streams'])} programs and {sum(map(len, task['streams'])):,} tokens"
        for name, task in job["documents"].items()
    )
    return [
        "# Languages",
        "",
        f"{date.today().isoformat()}; {report.machine()}; one thread; "
        f"vocabulary of {len(job['vocabulary']['tokens']):,} tokens (tekken).",
        "",
        *(f"- {hello['versions']}" for hello in hellos.values()),
        f"- median of {n_rounds} round(s); {sizes}",
        "",
        "What the rows mean stands at the head of [the program](../languages.py).",
        "",
        "## Goals (CPU time)",
        "",
        *report.claims(table, GOALS),
        "",
        "## CPU time, microseconds",
        "",
        *report.times(table, "cpu"),
        "",
        "## From a grammar's text to the first mask, the first time in a process",
        "",
        "| language | engine | CPU ms |",
        "|:--|:--|--:|",
        *(
            f"| {name} | {engine} | {report.shown(statistics.median(values))} |"
            for (name, engine), values in compiled.items()
        ),
        "",
        *report.refusal_lines(refusals),
        *([""] if refusals else []),
    ]


def measure(arguments: argparse.Namespace, path: Path, job: jobs.Job) -> list[str]:
    pythons = {"constrain": arguments.ours, "llguidance": arguments.peers}
    rounds: list[run.Samples] = []
    refusals: dict[str, set[str]] = {}
    compiled: dict[tuple[str, str], list[float]] = {}
    hellos: dict[str, dict[str, Any]] = {}
    for number in range(arguments.rounds):
        print(f"round {number + 1} of {arguments.rounds}", file=sys.stderr)
        with crew(pythons, path, arguments.core) as hands:
            for name, engine, ms in first_compilations(hands, job):
                compiled.setdefault((name, engine), []).append(ms)
            rounds.append(run.one_round(hands, job, refusals))
            hellos = {hand.engine: hand.hello for hand in hands}
    table = report.summarize(rounds)
    return render(table, compiled, hellos, refusals, job, arguments.rounds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--peers", help="interpreter that has llguidance")
    parser.add_argument("--ours", default=sys.executable, help="interpreter that has constrain")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=None, help="stay on this processor core")
    parser.add_argument("--programs", type=int, default=30)
    parser.add_argument("--regexes", type=int, default=100)
    parser.add_argument("--choices", type=int, default=N_CHOICES, help="0: leave it out")
    parser.add_argument("--choice", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, help="folder for languages.md")
    arguments = parser.parse_args()
    if arguments.choice:
        print(json.dumps(choice(arguments.choice, arguments.choices, walked=300)))
        return
    if not arguments.peers:
        parser.error("--peers is needed: an interpreter that has llguidance")
    job = make_job(arguments.programs, arguments.regexes)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(job), encoding="utf-8")
        lines = measure(arguments, path, job)
        print("\n".join(lines), file=sys.stderr)
        if arguments.choices:
            lines += choice_lines(path, arguments.ours, arguments.choices)
    text = "\n".join(lines).rstrip() + "\n"
    print(text)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "languages.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
