"""A line that says how far a long run is."""

from __future__ import annotations

from typing import TextIO

from .population import Moment

WIDTH = 24


class ProgressBar:
    """Writes one line to a stream, over and over: for the `progress` of an algorithm.

    The bar is the share of particles that have ended; a run has no other known length.
    """

    def __init__(self, stream: TextIO):
        self._stream = stream

    def __call__(self, moment: Moment) -> None:
        n = max(1, len(moment.totals))
        done = round(WIDTH * (n - moment.n_live) / n)
        bar = "#" * done + "." * (WIDTH - done)
        counts = f"step {moment.step + 1}, {moment.n_live} live, {moment.n_dead} dead"
        end = "\n" if moment.n_live == 0 else ""
        self._stream.write(f"\r[{bar}] {counts}, ess {moment.ess:.1f}   {end}")
        self._stream.flush()
