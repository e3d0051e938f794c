"""Small programs whose every run can be written down, and their joint worked out directly."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from hypothesis import strategies as st

from constrain import Vocabulary, poutine
from constrain.lm import TabularModel
from constrain.lm.distributions import LogCategorical

VOCABULARY = Vocabulary([b"a", b"b", b"c", None], eos_token_ids=[3])
EOS = 3
LM = TabularModel.random(VOCABULARY, 1, 5)
OTHER_LM = TabularModel.random(VOCABULARY, 1, 6)


def text(lm: TabularModel = LM, max_tokens: int = 3) -> tuple[int, ...]:
    """Tokens t0, t1, ... up to the end token or `max_tokens`."""
    state, tokens = lm.init(), []
    for i in range(max_tokens):
        row = poutine.logits(f"row{i}", lm, state)
        token = poutine.sample(f"t{i}", LogCategorical(row))
        tokens.append(token)
        if token == EOS:
            break
        [state] = lm.advance(np.array([state]), np.array([token]))
    return tuple(tokens)


async def text_async(lm: TabularModel = LM, max_tokens: int = 3) -> tuple[int, ...]:
    """The same as a coroutine."""
    state, tokens = lm.init(), []
    for i in range(max_tokens):
        row = await poutine.logits(f"row{i}", lm, state)
        token = await poutine.sample(f"t{i}", LogCategorical(row))
        tokens.append(token)
        if token == EOS:
            break
        [state] = lm.advance(np.array([state]), np.array([token]))
    return tuple(tokens)


def texts(lm: TabularModel = LM, max_tokens: int = 3) -> dict[tuple[int, ...], float]:
    """Every text and its log-probability, from the table alone."""
    found: dict[tuple[int, ...], float] = {}

    def extend(tokens: tuple[int, ...], state: int, score: float) -> None:
        if tokens[-1:] == (EOS,) or len(tokens) == max_tokens:
            found[tokens] = score
            return
        row = lm.log_probs(np.array([state]))[0]
        for token in range(4):
            [after] = lm.advance(np.array([state]), np.array([token]))
            extend((*tokens, token), after, score + row[token])

    extend((), lm.init(), 0.0)
    return found


@dataclass(frozen=True)
class Site:
    """One of two or three values, by a table over the value of the site before."""

    kind: str  # "sample", "observe" or "factor"
    table: tuple[tuple[float, ...], ...]  # log-weights, a row per value before

    def row(self, before: int) -> np.ndarray:
        weights = np.array(self.table[before % len(self.table)])
        return weights - np.log(np.exp(weights).sum()) if self.kind != "factor" else weights


@dataclass(frozen=True)
class Program:
    """Sites s0, s1, ...; an observed one sees value 0, a factor adds its row's first number."""

    sites: tuple[Site, ...]

    def __call__(self) -> tuple[int, ...]:
        values, before = [], 0
        for i, site in enumerate(self.sites):
            row = site.row(before)
            if site.kind == "factor":
                poutine.factor(f"s{i}", float(row[0]))
                continue
            obs = 0 if site.kind == "observe" else None
            before = poutine.sample(f"s{i}", LogCategorical(row), obs=obs)
            values.append(before)
        return tuple(values)

    @property
    def latent(self) -> list[str]:
        return [f"s{i}" for i, site in enumerate(self.sites) if site.kind == "sample"]

    def runs(self) -> Iterator[tuple[dict[str, int], dict[str, float]]]:
        """(values, scores), by site, of every run."""
        spaces = [
            range(len(site.table[0])) if site.kind == "sample" else (0,) for site in self.sites
        ]
        for values in product(*spaces):
            scores: dict[str, float] = {}
            before = 0
            for i, (site, value) in enumerate(zip(self.sites, values, strict=True)):
                scores[f"s{i}"] = float(site.row(before)[value])
                if site.kind != "factor":
                    before = value
            kinds = enumerate(self.sites)
            yield {f"s{i}": values[i] for i, s in kinds if s.kind != "factor"}, scores

    def joint(self) -> dict[tuple[tuple[str, int], ...], float]:
        """Score of each run by the values of all its sites."""
        return {tuple(values.items()): sum(scores.values()) for values, scores in self.runs()}


@st.composite
def sites(draw: st.DrawFn) -> Site:
    width = draw(st.integers(2, 3))
    row = st.tuples(*[st.floats(-3, 3)] * width)
    kind = draw(st.sampled_from(["sample", "sample", "observe", "factor"]))
    return Site(kind, tuple(draw(st.lists(row, min_size=3, max_size=3))))


def programs() -> st.SearchStrategy[Program]:
    return st.lists(sites(), min_size=1, max_size=4).map(tuple).map(Program)


def traced(program: Any, *args: Any, seed: int = 0, **kwargs: Any) -> poutine.Trace:
    return poutine.trace(poutine.seed(program, seed)).get_trace(*args, **kwargs)


def values(trace: poutine.Trace) -> dict[str, Any]:
    return {n: s.value for n, s in trace.nodes.items() if s.type == "sample"}


def log_sum(scores: Any) -> float:
    return math.log(math.fsum(map(math.exp, scores)))
