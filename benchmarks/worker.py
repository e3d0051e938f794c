"""One engine in one process: reads commands (JSON lines) and answers with times (JSON lines).

Times are nanoseconds by the thread's CPU clock and by the wall clock. What it costs to read the
clocks is measured once and subtracted by whoever makes the table. Whether the engine did its
work is checked outside the timed part: each token of a stream must be in the mask before it.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from engines import ENGINES, Compiled, Engine, Matcher, Refused

Times = dict[str, list[int]]


def clock_cost(rounds: int = 20_000) -> dict[str, float]:
    """What an empty timed part takes by either clock: the median, in ns."""
    cpu: list[int] = []
    wall: list[int] = []
    for _ in range(rounds):
        cpu_0 = time.thread_time_ns()
        wall_0 = time.perf_counter_ns()
        wall_1 = time.perf_counter_ns()
        cpu_1 = time.thread_time_ns()
        cpu.append(cpu_1 - cpu_0)
        wall.append(wall_1 - wall_0)
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall)}


def mask_of(matcher: Matcher) -> Any:
    """The mask that may come next, wherever the engine puts it."""
    mask = matcher.mask()
    return mask if matcher.row is None else matcher.row


def check(matcher: Matcher, mask: Any, token: int, taken: Any) -> None:
    """Refused unless `token` was in the mask before it and was taken."""
    row = mask if matcher.row is None else matcher.row
    if taken is False or not int(row[token >> 5]) >> (token & 31) & 1:
        raise Refused(f"token {token} is not in the mask before it, or was not taken")


class Worker:
    def __init__(self, engine: Engine, job: dict[str, Any]):
        self.engine, self.job = engine, job
        self.shared: dict[str, Compiled] = {}

    def run_document(self, workload: str, index: int, fresh: bool) -> dict[str, Any]:
        """Mask and advance for each token of a document, with a fresh engine or a shared one."""
        task = self.job["documents"][workload]
        compiled = self.engine.compile(task["spec"]) if fresh else self.compile_once(workload)
        try:
            return walk(compiled.matcher(), task["streams"][index])
        except Refused:
            self.shared.pop(workload, None)  # a matcher may be unusable from then on
            raise

    def compile_once(self, workload: str) -> Compiled:
        if workload not in self.shared:
            self.shared[workload] = self.engine.compile(self.job["documents"][workload]["spec"])
        return self.shared[workload]

    def run_start(self, group: str, index: int) -> dict[str, Any]:
        """From the text of a spec to its first mask; CPU time of all threads."""
        spec = self.job["start"][group][index]
        gc.collect()
        cpu_0, wall_0 = time.process_time_ns(), time.perf_counter_ns()
        matcher = self.engine.compile(spec).matcher()
        mask = mask_of(matcher)
        wall_1, cpu_1 = time.perf_counter_ns(), time.process_time_ns()
        if not np.any(mask):
            raise Refused("the first mask is empty")
        return {"cpu": [cpu_1 - cpu_0], "wall": [wall_1 - wall_0]}

    def run_states(self, index: int) -> dict[str, Any]:
        """The first mask after each text seen along the samples of a pattern, fresh engine."""
        task = self.job["regexes"][index]
        compiled = self.engine.compile(task["spec"])
        seen: set[tuple[int, ...]] = set()
        times: Times = {"cpu": [], "wall": []}
        for stream in task["streams"]:
            walked = walk(compiled.matcher(), stream, masks_only=True)
            for i in range(len(stream)):
                if tuple(stream[:i]) not in seen:
                    seen.add(tuple(stream[:i]))
                    for clock, values in times.items():
                        values.append(walked[clock][i])
        return dict(times)

    def run_masks(self, workload: str, index: int, path: str) -> dict[str, Any]:
        """Write every mask along a document to a file, as uint32 rows."""
        matcher = self.compile_once(workload).matcher()
        rows: list[np.ndarray] = []
        for token in self.job["documents"][workload]["streams"][index]:
            rows.append(np.array(mask_of(matcher)).view(np.uint32))
            if matcher.advance(token) is False:
                raise Refused(f"token {token} was not taken")
        np.save(path, np.stack(rows))
        return {"rows": len(rows)}


def walk(matcher: Matcher, stream: list[int], masks_only: bool = False) -> dict[str, Any]:
    """Times of mask and advance (or of the mask alone) for each token of `stream`."""
    cpu: list[int] = []
    wall: list[int] = []
    thread_time, wall_time = time.thread_time_ns, time.perf_counter_ns
    for token in stream:
        if masks_only:
            cpu_0 = thread_time()
            wall_0 = wall_time()
            mask = matcher.mask()
            wall_1 = wall_time()
            cpu_1 = thread_time()
            taken = matcher.advance(token)
        else:
            cpu_0 = thread_time()
            wall_0 = wall_time()
            mask = matcher.mask()
            taken = matcher.advance(token)
            wall_1 = wall_time()
            cpu_1 = thread_time()
        check(matcher, mask, token, taken)
        cpu.append(cpu_1 - cpu_0)
        wall.append(wall_1 - wall_0)
    return {"cpu": cpu, "wall": wall}


def warm_up(engine: Engine, tasks: list[dict[str, Any]]) -> None:
    """Take every engine once through languages that no workload has, so that code is loaded."""
    for task in tasks:
        compiled = engine.compile(task["spec"])
        for stream in task["streams"] * 2:
            walk(compiled.matcher(), stream)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=sorted(ENGINES), required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--core", type=int, help="the processor core to stay on")
    arguments = parser.parse_args()
    if arguments.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {arguments.core})
    with open(arguments.job, encoding="utf-8") as file:
        job = json.load(file)
    engine = ENGINES[arguments.engine](job.pop("vocabulary"))
    worker = Worker(engine, job)
    warm_up(engine, job["warm_up"])
    gc.collect()
    gc.freeze()
    answer({"versions": engine.versions(), "clock": clock_cost()})
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer(getattr(worker, f"run_{command.pop('run')}")(**command))
        except Refused as refusal:
            answer({"refused": str(refusal)[:500]})


def answer(value: dict[str, Any]) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
