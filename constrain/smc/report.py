"""A run as one HTML page without scripts or links: evidence, ancestry, every particle's text.

Columns are moments, rows are particles. A line leads from a particle to its ancestor; a dot is as
large as the particle's share of the weight, and red where the particle is dead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from .population import Moment
from .weights import normalized

STEP, ROW, MARGIN = 26, 12, 34
MOST_ROWS = 200
MOST_TEXTS = 30

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; color: #223; }
h1, h2 { font-weight: 600; } h2 { margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .15rem .6rem; border-bottom: 1px solid #e4e6ee;
  vertical-align: top; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums;
  white-space: nowrap; width: 1%; }
code { white-space: pre-wrap; overflow-wrap: anywhere; }
mark { background: #ffe9a8; } .dead { color: #b3261e; }
.bar { background: #4d6bdd; height: .7rem; border-radius: .2rem; }
.scroll { overflow-x: auto; } summary { cursor: pointer; padding: .2rem 0; }
svg text { font: 10px system-ui, sans-serif; fill: #556; }
"""


@dataclass(frozen=True)
class Summary:
    """What stands at the head of the page. `posterior`: text -> probability, best first."""

    title: str
    log_evidence: float
    log_evidence_error: float
    posterior: Mapping[str, float]


def page(
    summary: Summary,
    moments: Sequence[Moment],
    steps: Sequence[Mapping[str, Any]],
    sections: Sequence[str] = (),
) -> str:
    """The page. `steps` is the record of the same moments (`record.steps`).

    sections: further HTML to stand at the end, as it is.
    """
    title = escape(summary.title)
    parts = [
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>",
        f"<style>{STYLE}</style></head><body><h1>{title}</h1>",
        _head(summary, moments),
        "<h2>Posterior</h2>",
        _posterior(summary.posterior),
        "<h2>Effective sample size and log-mass</h2>",
        _curves(moments),
        "<h2>Ancestry</h2>",
        _ancestry(moments),
        "<h2>Particles</h2>",
        *(_moment(m, step) for m, step in zip(moments, steps, strict=True)),
        *sections,
        "</body></html>",
    ]
    return "\n".join(parts)


def _number(value: float, digits: int = 3) -> str:
    if math.isnan(value):
        return "unknown"
    return f"{value:.{digits}f}" if math.isfinite(value) else ("∞" if value > 0 else "−∞")


def _head(summary: Summary, moments: Sequence[Moment]) -> str:
    last = moments[-1]
    rows = [
        ("log evidence", _number(summary.log_evidence)),
        ("standard error", _number(summary.log_evidence_error)),
        ("particles at the end", str(len(last.totals))),
        ("dead", str(last.n_dead)),
        ("effective sample size", _number(last.ess, 1)),
        ("steps", str(1 + last.step if len(moments) > 1 else 0)),
    ]
    cells = "".join(f"<tr><th>{name}</th><td class='number'>{v}</td></tr>" for name, v in rows)
    return f"<table id='summary' style='width: auto'>{cells}</table>"


def _posterior(posterior: Mapping[str, float]) -> str:
    shown = list(posterior.items())[:MOST_TEXTS]
    rest = len(posterior) - len(shown)
    rows = "".join(
        f"<tr><td class='number'>{share:.4f}</td><td style='width: 9rem'>"
        f"<div class='bar' style='width: {100 * share:.2f}%'></div></td>"
        f"<td><code>{escape(text)}</code></td></tr>"
        for text, share in shown
    )
    more = f"<p>and {rest} more texts</p>" if rest > 0 else ""
    return f"<table id='posterior'>{rows}</table>{more}"


def _curves(moments: Sequence[Moment]) -> str:
    """Effective sample size, and the mean log-mass of the particles that stepped."""
    stepped = [m for m in moments if m.kind == "step"]
    masses = [_mean(m.log_mass) for m in stepped]
    return (
        "<div class='scroll'>"
        + _curve("ess", [m.ess for m in moments])
        + _curve("log-mass", masses)
        + "</div>"
    )


def _mean(values: Any) -> float:
    finite = values[np.isfinite(values)]
    return float(finite.mean()) if len(finite) else 0.0


def _curve(name: str, values: Sequence[float]) -> str:
    low, high = min([*values, 0.0]), max([*values, 0.0])
    span = (high - low) or 1.0
    points = " ".join(
        f"{MARGIN + STEP * i},{10 + 80 * (high - v) / span:.1f}" for i, v in enumerate(values)
    )
    width = MARGIN * 2 + STEP * max(1, len(values))
    return (
        f"<svg class='curve' width='{width}' height='110' role='img' aria-label='{name}'>"
        f"<text x='2' y='12'>{high:.1f}</text><text x='2' y='94'>{low:.1f}</text>"
        f"<text x='{MARGIN}' y='108'>{name}</text>"
        f"<polyline points='{points}' fill='none' stroke='#4d6bdd' stroke-width='1.5'/></svg>"
    )


def _ancestry(moments: Sequence[Moment]) -> str:
    rows = min(MOST_ROWS, max(len(m.totals) for m in moments))
    lines, dots = list[str](), list[str]()
    for column, m in enumerate(moments):
        shares = normalized(m.totals)
        for i, parent in enumerate(m.ancestors[:rows].tolist()):
            x, y = MARGIN + STEP * column, ROW * (i + 1)
            if column and parent < rows:
                before = ROW * (parent + 1)
                lines.append(f"<path d='M{x - STEP} {before}L{x} {y}'/>")
            dead = m.totals[i] == -np.inf
            radius = 2.0 if dead else 1.5 + 4 * math.sqrt(float(shares[i]))
            colour = "#b3261e" if dead else "#223a8f"
            dots.append(f"<circle cx='{x}' cy='{y}' r='{radius:.1f}' fill='{colour}'/>")
    width, height = MARGIN * 2 + STEP * len(moments), ROW * (rows + 2)
    note = "" if rows < MOST_ROWS else f"<p>the first {MOST_ROWS} particles</p>"
    return (
        f"<div class='scroll'><svg id='ancestry' width='{width}' height='{height}' role='img' "
        f"aria-label='ancestry'><g stroke='#9aa6d6' stroke-width='1'>{''.join(lines)}</g>"
        f"<g>{''.join(dots)}</g></svg></div>{note}"
    )


def _moment(m: Moment, step: Mapping[str, Any]) -> str:
    name = {
        "init": "start",
        "step": f"step {m.step + 1}",
        "resample": f"resampled, step {m.step + 1}",
    }
    rows = [
        _particle(i, particle, float(m.log_mass[i]) if m.kind == "step" else math.nan)
        for i, particle in enumerate(step["particles"][:MOST_ROWS])
    ]
    head = (
        "<tr><th class='number'>#</th><th class='number'>log weight</th>"
        "<th class='number'>change</th><th class='number'>log-mass</th><th>text</th></tr>"
    )
    counts = f"{m.n_live} live, {m.n_dead} dead, ess {m.ess:.1f}"
    return (
        f"<details class='moment'><summary>{name[m.kind]}: {counts}</summary>"
        f"<table>{head}{''.join(rows)}</table></details>"
    )


def _particle(i: int, particle: Mapping[str, Any], log_mass: float) -> str:
    weight, change = (_shown(particle[key]) for key in ("logweight", "weight_incr"))
    text = escape(particle["contents"])
    if text.endswith("&gt;&gt;&gt;") and "&lt;&lt;&lt;" in text:
        before, _, new = text.removesuffix("&gt;&gt;&gt;").rpartition("&lt;&lt;&lt;")
        text = f"{before}<mark>{new}</mark>"
    kind = " class='dead'" if weight == "−∞" else ""
    mass = "" if math.isnan(log_mass) else _number(log_mass)
    numbers = "".join(f"<td class='number'>{v}</td>" for v in (i, weight, change, mass))
    return f"<tr{kind}>{numbers}<td><code>{text}</code></td></tr>"


def _shown(value: float | str) -> str:
    return _number(float(value))
