"""What masking does to a distribution, and what weights do about it.

A model writes bits and likes to end early on; the grammar wants two equal bits at the end. Drawing
token by token under the mask follows the model into corners that it would have avoided had it
known the grammar: the texts fit, but with the wrong probabilities. Weighted particles have the
right ones. The language is small enough to write down, so all three can be compared.
"""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
from rich.console import Console
from rich.table import Table

import constrain
from constrain.lm import TabularModel

N = 2000
BARS = 24

vocabulary = constrain.Vocabulary([b"0", b"1", None], eos_token_ids=[2])
model = TabularModel(
    vocabulary,
    [  # after nothing, after 0, after 1: how likely are 0, 1 and the end?
        [0.5, 0.5, 0.0],
        [0.05, 0.90, 0.05],
        [0.60, 0.10, 0.30],
        [1.0, 1.0, 1.0],
    ],
)
grammar = constrain.regex("[01]{0,3}(00|11)")
constraint = constrain.compile(grammar, vocabulary)


def bar(share: float, truth: float) -> str:
    """A bar of `share`, with a mark where the truth is."""
    cells = ["█" if i < share * BARS * 2 else " " for i in range(BARS)]
    cells[min(BARS - 1, round(truth * BARS * 2))] = "┃"
    return "".join(cells)


def main() -> int:
    def posterior(method: str, n: int = N) -> dict[str, float]:
        run = constrain.smc.sample(
            model, (), constraint, method=method, n_particles=n, rng=1, max_tokens=5
        )
        return run.posterior()

    exact = posterior("enumeration")
    weighted = posterior("smc")
    drawn = constrain.smc.sample(
        model, (), constraint, method="importance", n_particles=N, rng=1, max_tokens=5
    )
    masked = {text: n / N for text, n in Counter(drawn.texts).items()}

    table = Table(title=f"{len(exact)} texts of {N} particles; ┃ is the exact probability")
    for column in ("text", "exact", "masking", "", "weighted", ""):
        table.add_column(column, no_wrap=True)
    for text, p in list(exact.items())[:12]:
        m, w = masked.get(text, 0.0), weighted.get(text, 0.0)
        table.add_row(text, f"{p:.3f}", f"{m:.3f}", bar(m, p), f"{w:.3f}", bar(w, p))
    console = Console(width=110)
    console.print(table)

    off = {name: sum(abs(found.get(t, 0.0) - p) for t, p in exact.items()) / 2
           for name, found in (("masking", masked), ("weighted", weighted))}  # fmt: skip
    console.print(f"total variation: masking {off['masking']:.3f}, weighted {off['weighted']:.3f}")
    error = (
        drawn.log_evidence
        - constrain.smc.sample(
            model, (), constraint, method="enumeration", n_particles=N, max_tokens=5
        ).log_evidence
    )
    console.print(f"log evidence is off by {error:+.3f} ± {drawn.log_evidence_error:.3f}")
    return 0 if off["weighted"] < 0.15 < 0.4 < off["masking"] and np.isfinite(error) else 1


if __name__ == "__main__":
    sys.exit(main())
