"""From nanoseconds to a table in Markdown."""

from __future__ import annotations

import os
import platform
import statistics
from datetime import date
from pathlib import Path
from typing import Any

Table = dict[str, dict[str, dict[str, dict[str, float]]]]  # workload, engine, clock, statistic: us

QUANTILES = {"p50": 0.50, "p75": 0.75, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
STATISTICS = ("mean", *QUANTILES)

Goals = dict[str, dict[str, list[tuple[float, str]]]]

# The claims: workload -> statistic -> (bound, the engine that it is a multiple of).
GOALS: Goals = {
    **{
        f"{name}: {row}": goals
        for name in ("json", "orders")
        for row, goals in {
            "shared, first pass": {"mean": [(0.2, "llguidance")]},
            "shared, second pass": {"mean": [(0.1, "llguidance")]},
            "fresh engine": {
                "mean": [(0.4, "llguidance")],
                "p50": [(1.0, "xgrammar")],
                "p75": [(1.0, "xgrammar")],
                "p95": [(1.0, "xgrammar")],
                "p99": [(0.5, "llguidance"), (1.0, "xgrammar")],
                "p99.9": [(1.0, "llguidance")],
            },
        }.items()
    },
    "flat: to first mask": {"mean": [(0.6, "llguidance")], "p50": [(0.6, "llguidance")]},
    "enum: to first mask": {"mean": [(1.0, "llguidance")], "p50": [(1.0, "llguidance")]},
    "regex states: mask": {"mean": [(0.5, "llguidance")]},
}


def quantile(ordered: list[float], q: float) -> float:
    """The value below which a share `q` of `ordered` lies (nearest rank, from above)."""
    return ordered[min(len(ordered) - 1, int(q * len(ordered)))]


def statistics_of(times: list[float]) -> dict[str, float]:
    """Mean and quantiles in microseconds of times in nanoseconds, and how many there were."""
    ordered = sorted(times)
    result = {"mean": sum(ordered) / len(ordered)}
    result |= {name: quantile(ordered, q) for name, q in QUANTILES.items()}
    return {name: value / 1000 for name, value in result.items()} | {"n": len(ordered)}


def summarize(rounds: list[dict[str, dict[str, dict[str, list[float]]]]]) -> Table:
    """Per workload, engine and clock: the median over the rounds of each statistic."""
    table: Table = {}
    for workload, engines in rounds[0].items():
        for engine, clocks in engines.items():
            for clock in clocks:
                each = [statistics_of(samples[workload][engine][clock]) for samples in rounds]
                table.setdefault(workload, {}).setdefault(engine, {})[clock] = {
                    name: statistics.median(one[name] for one in each) for name in each[0]
                }
    return table


def shown(value: float) -> str:
    """Microseconds with as many digits as mean something."""
    return (
        f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
    )


def claims(table: Table, all_goals: Goals = GOALS) -> list[str]:
    """One line per goal: the ratio reached, the bound, and whether it holds (CPU time)."""
    lines = [
        "| workload | statistic | against | ratio | goal | holds |",
        "|:--|:--|:--|--:|--:|:--|",
    ]
    for workload, goals in all_goals.items():
        engines = table.get(workload, {})
        for name, bounds in goals.items():
            for bound, other in bounds:
                if "constrain" in engines and other in engines:
                    ratio = engines["constrain"]["cpu"][name] / engines[other]["cpu"][name]
                    verdict = "yes" if ratio <= bound else "**no**"
                    row = (workload, name, other, f"{ratio:.3f}", f"{bound:g}", verdict)
                    lines.append(f"| {' | '.join(row)} |")
    return lines


def times(table: Table, clock: str) -> list[str]:
    """One line per workload and engine."""
    lines = [
        f"| workload | engine | n | {' | '.join(STATISTICS)} |",
        f"|:--|:--|--:|{'--:|' * len(STATISTICS)}",
    ]
    for workload, engines in table.items():
        for engine, clocks in engines.items():
            row = clocks[clock]
            cells = " | ".join(shown(row[name]) for name in STATISTICS)
            lines.append(f"| {workload} | {engine} | {row['n']:.0f} | {cells} |")
    return lines


def machine() -> str:
    """Processor, cores, system and Python, in one line."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip() if names else model
    system = f"{platform.system()} {platform.release().split('-')[0]}"
    return f"{model}, {os.cpu_count()} cores, {system}, Python {platform.python_version()}"


def render(
    table: Table,
    hellos: dict[str, dict[str, Any]],
    refusals: dict[str, set[str]],
    n_rounds: int,
    job: dict[str, Any],
) -> str:
    """The whole report."""
    clocks = "; ".join(
        f"{name} {hello['clock']['cpu']:.0f} / {hello['clock']['wall']:.0f}"
        for name, hello in hellos.items()
    )
    n_tokens = {name: sum(map(len, task["streams"])) for name, task in job["documents"].items()}
    lines = [
        "# Engines, side by side",
        "",
        f"{date.today().isoformat()}; {machine()}; one thread; "
        f"vocabulary of {len(job['vocabulary']['tokens']):,} tokens (tekken).",
        "",
        *(f"- {hello['versions']}" for hello in hellos.values()),
        f"- median of {n_rounds} round(s); reading the clocks cost (CPU / wall, ns; subtracted): "
        + clocks,
        "- tokens: " + ", ".join(f"{name} {n:,}" for name, n in n_tokens.items()),
        "",
        "What the rows mean stands in [the guide](../README.md).",
        "",
        "## Goals (CPU time)",
        "",
        *claims(table),
        "",
        "## CPU time, microseconds",
        "",
        *times(table, "cpu"),
        "",
        "## Wall time, microseconds",
        "",
        *times(table, "wall"),
        "",
        *refusal_lines(refusals),
    ]
    return "\n".join(lines).rstrip() + "\n"


def refusal_lines(refusals: dict[str, set[str]]) -> list[str]:
    """How often which engine refused what, with one example each."""
    if not refusals:
        return []
    lines = ["## Refused", ""]
    for where, examples in sorted(refusals.items()):
        example = min(examples).replace("\n", " ")[:200]
        lines.append(f"- {where}: {len(examples)} of the questions, such as `{example}`")
    return lines
