"""The report of a constrained run as a piece of HTML, without scripts or outside files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .steps import Push, RunReport, Step

SHOWN = 0.0005  # less than that would show as zero

STYLE = """
.constrain-run { font: 14px/1.45 system-ui, sans-serif; color: #1c2430; }
.constrain-run .text { font: 15px/1.9 ui-monospace, monospace; white-space: pre-wrap; }
.constrain-run .token { border-radius: 3px; padding: 2px 0; }
.constrain-run table { border-collapse: collapse; margin-top: 1em; }
.constrain-run th { text-align: left; font-weight: 600; }
.constrain-run th, .constrain-run td { padding: 4px 12px 4px 0; vertical-align: top;
  border-bottom: 1px solid #e3e7ee; }
.constrain-run .number { text-align: right; font-variant-numeric: tabular-nums; }
.constrain-run code { font: 13px ui-monospace, monospace; white-space: pre;
  background: #eef1f6; border-radius: 3px; }
.constrain-run .bar { display: inline-block; height: 8px; background: #c8443c; }
.constrain-run .note { color: #5c6675; }
"""

COLUMNS = (  # name, class, what it holds
    ("token", "", "what was written"),
    ("log-mass", "number", "log of the probability that the grammar left, in nats"),
    ("taken", "number", "the probability that the grammar took away"),
    ("from", "", "the likeliest forbidden tokens"),
    ("ahead", "number", "the layer from which on the token was ahead of all forbidden ones / of "
     "all other allowed ones, where 0 are the embeddings"),
    ("margin", "", "by layer, the logit of the token minus the best forbidden one; the line is 0"),
    ("against", "", "the parts (layer.number) that lower the log-mass most, in nats"),
)  # fmt: skip


def html_page(report: RunReport, title: str = "What the grammar did") -> str:
    """A page of its own."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head><body><h1>{escape(title)}</h1>"
        f"{html_section(report)}</body></html>\n"
    )


def html_section(report: RunReport) -> str:
    """A `<section>` with its own style, to be put into a page."""
    head = "".join(f'<th class="{kind}">{name}</th>' for name, kind, _ in COLUMNS)
    legend = "; ".join(f"<b>{name}</b>: {escape(note)}" for name, _, note in COLUMNS)
    rows = "".join(map(_row, report.steps))
    end = "" if report.finished else ' <span class="note">(cut short)</span>'
    return (
        f'<section class="constrain-run"><style>{STYLE}</style>'
        f'<p class="note">prompt: <code>{escape(report.prompt)}</code>; '
        f"log-weight {report.log_weight:.3f} nats; red where the grammar took probability</p>"
        f'<p class="text">{"".join(map(_token, report.steps))}{end}</p>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
        f'<p class="note">{legend}.</p></section>'
    )


def _token(step: Step) -> str:
    shade = f"background: rgba(200, 68, 60, {min(step.forbidden_mass, 1) * 0.6:.3f})"
    hint = f"the grammar took {step.forbidden_mass:.1%}"
    return f'<span class="token" style="{shade}" title="{hint}">{escape(step.text)}</span>'


def _row(step: Step) -> str:
    forbidden = "<br>".join(
        f"<code>{escape(repr(share.text)[1:-1])}</code> {share.probability:.1%}"
        for share in step.top_forbidden
        if share.probability >= SHOWN
    )
    against = [_push(push) for push in step.against if push.nats <= -SHOWN]
    bar = f'<span class="bar" style="width: {round(60 * step.forbidden_mass)}px"></span>'
    cells = (
        f"<td><code>{escape(repr(step.text)[1:-1])}</code></td>",
        f'<td class="number">{step.log_mass:.3f}</td>',
        f'<td class="number">{bar} {step.forbidden_mass:.1%}</td>',
        f"<td>{forbidden}</td>",
        f'<td class="number">{_layer(step.overtakes_at)} / {_layer(step.leads_at)}</td>',
        f"<td>{_curve(step.margins)}</td>",
        f"<td>{'<br>'.join(against)}</td>",
    )
    return f"<tr>{''.join(cells)}</tr>"


def _layer(layer: int | None) -> str:
    return "never" if layer is None else str(layer)


def _push(push: Push) -> str:
    return f"{push.kind} {push.layer}.{push.index} {push.nats:+.3f}"


def _curve(margins: Sequence[float], width: int = 110, height: int = 32) -> str:
    """Margins over layers as a small line, with zero marked."""
    if not all(map(math.isfinite, margins)):
        return '<span class="note">nothing is forbidden</span>'
    top = max(*map(abs, margins), 1e-9)
    step = (width - 6) / max(1, len(margins) - 1)
    points = " ".join(
        f"{3 + i * step:.1f},{height / 2 - (height / 2 - 3) * m / top:.1f}"
        for i, m in enumerate(margins)
    )
    return (
        f'<svg width="{width}" height="{height}" role="img"><title>'
        f"{', '.join(f'{m:.2f}' for m in margins)}</title>"
        f'<line x1="0" x2="{width}" y1="{height / 2}" y2="{height / 2}" stroke="#c3cad6"/>'
        f'<polyline points="{points}" fill="none" stroke="#2f62b3" stroke-width="1.5"/></svg>'
    )
