"""Where an engine is slowest: the positions with the dearest steps, for whoever makes it faster.

python benchmarks/slowest.py --engine constrain --most 20
"""

from __future__ import annotations

import argparse
import heapq

import job as jobs
from engines import ENGINES, Compiled
from worker import walk, warm_up

Step = tuple[float, str, bytes, bytes | None]  # us, where, the text before, the token


def steps(
    where: str, compiled: Compiled, stream: list[int], tokens: list[bytes | None], masks_only: bool
) -> list[Step]:
    """Each step of a stream with its CPU time."""
    times = walk(compiled.matcher(), stream, masks_only)["cpu"]
    text = [tokens[i] or b"" for i in stream]
    return [
        (times[i] / 1000, where, b"".join(text[:i])[-40:], tokens[stream[i]])
        for i in range(len(stream))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--engine", choices=sorted(ENGINES), default="constrain")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--most", type=int, default=15, help="how many per workload")
    arguments = parser.parse_args()
    job = jobs.make(arguments.seed)
    tokens = jobs.decode_tokens(job["vocabulary"])
    engine = ENGINES[arguments.engine](job["vocabulary"])
    warm_up(engine, job["warm_up"])
    found: dict[str, list[Step]] = {}
    for name, task in job["documents"].items():
        shared = engine.compile(task["spec"])
        for index, stream in enumerate(task["streams"]):
            rows = steps(f"document {index}", shared, stream, tokens, masks_only=False)
            found.setdefault(f"{name}: mask and advance, shared engine", []).extend(rows)
    for task in job["regexes"]:
        fresh = engine.compile(task["spec"])
        for stream in task["streams"]:
            rows = steps(task["spec"]["text"], fresh, stream, tokens, masks_only=True)
            found.setdefault("regex states: mask", []).extend(rows)
    for workload, rows in found.items():
        print(f"\n{workload}: {sum(row[0] for row in rows) / 1000:.1f} ms for {len(rows)} steps")
        for took, where, before, token in heapq.nlargest(
            arguments.most, rows, key=lambda row: row[0]
        ):
            print(f"{took:10.1f} us  {where}  after {before!r} token {token!r}")


if __name__ == "__main__":
    main()
