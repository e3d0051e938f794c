"""What constraining costs per step of `generate`: three engines, the same texts, in turn.

    python benchmarks/generate.py --peers .venv-peers/bin/python --output benchmarks/results

The vocabulary has 131,072 tokens; rows follow documents of one schema, each its own. Every engine
takes the token drawn last, computes the mask and applies it, on one core. Times are CPU time per
step, means over the steps of a pass and then medians over rounds, after a pass to get warm. Peers
write into the logits that they are given; we do so with `in_place=True` and else return new ones.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import crew
import job as jobs

BATCHES = (1, 8, 32, 128)
STEPS = 40
IN_PLACE = "constrain, in place"


def make() -> tuple[dict[str, Any], list[list[int]]]:
    """The worker's job, and texts of at least STEPS tokens."""
    made = jobs.make(1, n_documents=200, n_schemas=1, n_regexes=1)
    task = next(t for t in made["documents"].values() if t["spec"]["kind"] == "json_schema")
    streams = [stream[:STEPS] for stream in task["streams"] if len(stream) > STEPS]
    return {"vocabulary": made["vocabulary"], "spec": task["spec"]}, streams


def rows_of(streams: list[list[int]], batch: int) -> list[list[int]]:
    return [streams[i % len(streams)] for i in range(batch)]


def measure(hands: list[crew.Hand], streams: list[list[int]], rounds: int) -> dict[str, Any]:
    """batch -> engine -> microseconds per step; beside them the model's own step."""
    table: dict[str, Any] = {}
    for batch in BATCHES:
        rows = rows_of(streams, batch)
        questions = [(IN_PLACE, hands[0], True), *((h.engine, h, False) for h in hands)]
        means: dict[str, list[float]] = {name: [] for name, _, _ in questions}
        for turn in range(rounds):
            for name, hand, in_place in questions[turn % 4 :] + questions[: turn % 4]:
                answer = hand.ask(run="steps", streams=rows, passes=2, in_place=in_place)
                means[name].append(statistics.fmean(answer["cpu"]) / 1e3)
        mine = next(hand for hand in hands if hand.engine == "constrain")
        model = statistics.median(mine.ask(run="model", rows=batch, steps=10)["cpu"]) / 1e3
        table[str(batch)] = {
            "model": model,
            **{name: statistics.median(values) for name, values in means.items()},
        }
        print(batch, table[str(batch)], file=sys.stderr)
    return table


def render(table: dict[str, Any], versions: dict[str, str]) -> str:
    engines = [IN_PLACE, *versions]
    lines = [
        "# A step of constrained generation, microseconds of CPU time",
        "",
        "`python benchmarks/generate.py`: vocabulary 131,072, one core, warm; "
        + "; ".join(f"{name}: {text}" for name, text in versions.items()),
        "",
        "| rows | " + " | ".join(engines) + " | in place / best peer | new / best peer"
        " | new, share of a model step |",
        "|--:|" + "--:|" * (len(engines) + 3),
    ]
    for batch, row in table.items():
        best = min(row[name] for name in engines if "constrain" not in name)
        cells = [f"{row[name]:,.0f}" for name in engines]
        cells += [f"{row[name] / best:.2f}" for name in (IN_PLACE, "constrain")]
        cells.append(f"{row['constrain'] / row['model']:.1%}")
        lines.append(f"| {batch} | " + " | ".join(cells) + " |")
    lines += ["", "The model: a random Llama, 2 layers, hidden size 64, with a key-value cache."]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--peers", required=True, help="interpreter with llguidance and xgrammar")
    parser.add_argument("--ours", default=sys.executable)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--core", type=int, default=None)
    parser.add_argument("--output", type=Path)
    arguments = parser.parse_args()
    made, streams = make()
    pythons = {
        "constrain": arguments.ours,
        "llguidance": arguments.peers,
        "xgrammar": arguments.peers,
    }
    crew.WORKER = Path(__file__).with_name("generate_worker.py")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "job.json"
        path.write_text(json.dumps(made), encoding="utf-8")
        with crew.crew(pythons, path, arguments.core) as hands:
            table = measure(hands, streams, arguments.rounds)
            versions = {hand.engine: hand.hello["versions"] for hand in hands}
    text = render(table, versions)
    print(text)
    if arguments.output:
        (arguments.output / "generate.md").write_text(text, encoding="utf-8")
        (arguments.output / "generate.json").write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
