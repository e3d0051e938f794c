"""A run in LLaMPPL's record format, which its visualiser and ours read.

A list of {"step", "mode": "init" | "smc_step" | "resample", "ancestors" after resampling,
"particles": [{"contents", "logweight", "weight_incr"}]}; new text of a particle stands between
`<<<` and `>>>`, and a number that JSON lacks is a string ("-Infinity").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from constrain.errors import SpecError

from .population import Moment

MODES = {"init": "init", "step": "smc_step", "resample": "resample"}


def number(value: float) -> float | str:
    """A float as JSON has it.

    >>> number(float("-inf"))
    '-Infinity'
    """
    if math.isnan(value):
        return "NaN"
    return value if math.isfinite(value) else ("-Infinity" if value < 0 else "Infinity")


def marked(old: str, new: str) -> str:
    """`new` with what it has beyond its common start with `old` between `<<<` and `>>>`.

    >>> marked("ab", "abc")
    'ab<<<c>>>'
    """
    pairs = enumerate(zip(old, new, strict=False))
    start = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    return new if start == len(new) else f"{new[:start]}<<<{new[start:]}>>>"


def steps(moments: Sequence[Moment]) -> list[dict[str, Any]]:
    """The record of a run. Raises SpecError if the contents of its particles were not kept."""
    found: list[dict[str, Any]] = []
    before: tuple[str, ...] = ()
    for m in moments:
        if m.contents is None:
            raise SpecError("the run kept no contents of its particles; run it with record=True")
        entry: dict[str, Any] = {"step": m.step + (m.kind != "init"), "mode": MODES[m.kind]}
        parents: list[int] = m.ancestors.tolist()
        if m.kind == "resample":
            entry["ancestors"] = parents
        shown = list(m.contents)
        if m.kind == "step":
            shown = [marked(before[i], now) for i, now in zip(parents, shown, strict=True)]
        weights = m.totals + math.log(max(1, len(m.totals)))  # there the first weights are 1
        columns = zip(shown, weights.tolist(), m.increments.tolist(), strict=True)
        entry["particles"] = [
            {"contents": text, "logweight": number(weight), "weight_incr": number(more)}
            for text, weight, more in columns
        ]
        found.append(entry)
        before = m.contents
    return found
