"""Inference measured: how good its estimates are, and what it costs.

    python benchmarks/smc.py variance            # sd of the evidence, 300 seeds, two worlds
    python benchmarks/smc.py divergence          # KL to the exact posterior at equal model calls
    python benchmarks/smc.py speed               # engine time per particle and step, random GPT-2
    python benchmarks/smc.py clone memory        # a clone of a particle; ten thousand particles
    python benchmarks/smc.py speed variance --peers .venv-smc-peers/bin/python

The peers (llamppl, genlm-control) run in an environment of their own: see smc_peers.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from constrain.smc.api import METHODS
from constrain.smc.future import FutureMass, bigrams
from constrain.smc.target import target

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from smc_worlds import MAX_TOKENS, WORLDS, World  # noqa: E402

SEEDS = 300
PARTICLES = 32


class Counted:
    """A model that counts the rows it is asked for."""

    def __init__(self, lm: Any):
        self._lm, self.vocabulary, self.n_rows = lm, lm.vocabulary, 0
        self.init, self.advance = lm.init, lm.advance

    def log_probs(self, states: Any) -> Any:
        self.n_rows += len(states)
        return self._lm.log_probs(states)


def settings(world: World) -> dict[str, tuple[str, Any]]:
    """name -> (method, twist)"""
    bigram = partial(FutureMass, weights=bigrams(world.lm))
    return {
        "importance": ("importance", None),
        "smc": ("smc", None),
        "smc, uniform twist": ("smc", FutureMass),
        "steering": ("steering", None),
        "particle filter": ("particle_filter", None),
        "particle filter, uniform twist": ("particle_filter", FutureMass),
        "particle filter, bigram twist": ("particle_filter", bigram),
        "awrs": ("awrs", None),
    }


def variance(n_seeds: int) -> None:
    """sd(Z-hat) / Z with a 95% bootstrap interval, RMSE of log Z-hat, model rows per run."""
    for make in WORLDS.values():
        world = make()
        print(f"\n{world.name}: log Z = {world.log_evidence:.3f}, {PARTICLES} particles")
        for name, (method, twist) in settings(world).items():
            lm = Counted(world.lm)
            wanted = target(lm, (), world.constraint, max_tokens=MAX_TOKENS, twist=twist)
            logs = [
                METHODS[method](wanted, PARTICLES, seed).log_evidence for seed in range(n_seeds)
            ]
            print(f"  {name:32s} {summary(np.array(logs), world)}  rows {lm.n_rows / n_seeds:6.0f}")


def summary(logs: np.ndarray, world: World) -> str:
    z = np.exp(logs - world.log_evidence)
    draws = np.random.default_rng(0).choice(z, (2000, len(z)))
    low, high = np.quantile(draws.std(1, ddof=1), [0.025, 0.975])
    finite = logs[np.isfinite(logs)]
    rmse = np.sqrt(np.mean((finite - world.log_evidence) ** 2))
    failed = 1 - len(finite) / len(logs)
    return (
        f"mean {z.mean():.3f}  sd {z.std(ddof=1):.3f} [{low:.3f}, {high:.3f}]  "
        f"rmse log {rmse:.3f}  failed {failed:.1%}"
    )


LADDER = [100, 400, 1600]


def divergence(n_seeds: int) -> None:
    """KL(estimate : exact posterior) in nats, median over seeds; inf where nothing was found."""
    for make in WORLDS.values():
        world = make()
        print(f"\n{world.name}: KL(estimate : exact) at model rows {LADDER}", flush=True)
        for name, run in contenders(world).items():
            cells = [np.median([run(budget, seed) for seed in range(n_seeds)]) for budget in LADDER]
            print(f"  {name:32s} " + "  ".join(f"{cell:6.3f}" for cell in cells), flush=True)


def contenders(world: World) -> dict[str, Callable[[int, int], float]]:
    found = {
        name: partial(_divergence_at, world, *settings(world)[name])
        for name in settings(world)
        if name not in ("steering", "awrs")
    }
    for name in ("asap", "mcmc", "cars"):
        found[name] = partial(_divergence_at, world, name, None)
    return found


SIZES = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512]


def _divergence_at(world: World, method: str, twist: Any, budget: int, seed: int) -> float:
    """KL of the largest run that asks the model for no more rows than the budget."""
    best = float("inf")
    for n in SIZES:
        lm = Counted(world.lm)
        wanted = target(lm, (), world.constraint, max_tokens=MAX_TOKENS, twist=twist)
        result = METHODS[method](wanted, n, seed)
        if lm.n_rows > budget:
            break
        best = _kl(world, result)
    return best


def _kl(world: World, result: Any) -> float:
    """KL over token sequences; spellings count as different texts."""
    if result.log_evidence == -np.inf:
        return float("inf")
    weights = np.exp(result.log_weights - result.log_evidence)
    shares: dict[tuple[int, ...], float] = {}
    for tokens, w in zip(result.sequences, weights.tolist(), strict=True):
        if w > 0:
            shares[tokens] = shares.get(tokens, 0.0) + w
    exact = {tokens: _log_posterior(world, tokens) for tokens in shares}
    return sum(q * (np.log(q) - exact[tokens]) for tokens, q in shares.items())


def _log_posterior(world: World, tokens: tuple[int, ...]) -> float:
    lm, state, total = world.lm, world.lm.init(), 0.0
    for token in (*tokens, lm.vocabulary.eos_token_ids[0]):
        total += float(lm.log_probs(np.array([state]))[0][token])
        state = int(lm.advance(np.array([state]), np.array([token]))[0])
    return total - world.log_evidence


# --- costs


def random_gpt2(vocab: int) -> Any:
    import torch
    import transformers

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = transformers.GPT2Config(
        vocab_size=vocab, n_embd=64, n_layer=2, n_head=2, n_positions=128
    )
    return transformers.GPT2LMHeadModel(config).eval()


STEPS = 64


def speed(vocabs: list[int], particles: list[int]) -> None:
    """Engine time: wall time of a run less that of the model's forward calls in it."""
    import constrain
    from constrain.hf.language_model import HFLanguageModel
    from constrain.smc.sequential import sequential
    from constrain.smc.texts import Texts

    for vocab in vocabs:
        model = random_gpt2(vocab)
        names = [b"t%d;" % i for i in range(vocab - 1)]
        vocabulary = constrain.Vocabulary([*names, None], [vocab - 1])
        for n in particles:
            lm = HFLanguageModel(model, vocabulary=vocabulary)
            forward = Timed(model.forward)
            model.forward = forward
            start = replace_guide(Texts.start(target(lm, [1], max_tokens=STEPS), n), vocab)
            begin = time.perf_counter()
            sequential(start, 1, max_steps=STEPS)
            wall = time.perf_counter() - begin
            del model.forward
            per_step = (wall - forward.seconds) / (n * STEPS)
            raw = forward.seconds / (n * STEPS)
            print(
                f"constrain  V={vocab} N={n}: engine {1e3 * per_step:.4f} ms per particle-step, "
                f"forwards {1e3 * raw:.4f} ms",
                flush=True,
            )


class Timed:
    def __init__(self, function: Callable[..., Any]):
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - begin


def replace_guide(texts: Any, vocab: int) -> Any:
    """Texts whose grammar allows every second token, whatever came before, and never ends."""
    from dataclasses import replace

    half = np.arange(vocab) % 2 == 0
    half[-1] = False

    class HalfGuide(type(texts.guide)):
        def rows(self, places: Any, n_tokens: int) -> Any:
            return np.broadcast_to(half, (len(places), vocab)), np.zeros(len(places))

    guide = HalfGuide(texts.target.lm.vocabulary, ())
    return replace(texts, guide=guide)


def clone() -> None:
    """Cost of a clone: of an array particle (indexing), and of a program with a context."""
    from constrain.distributions import LMContext
    from constrain.smc.modeling import Model
    from constrain.smc.texts import Texts

    world = WORLDS["brackets"]()
    n = 1000
    texts = Texts.start(target(world.lm, (), world.constraint, max_tokens=MAX_TOKENS), n)
    for step in range(8):
        texts = texts.step(0, step)
    indices = np.random.default_rng(0).integers(n, size=n)
    print(f"clone of a text: {1e6 * timed(lambda: texts.take(indices, texts.totals)) / n:.2f} us")

    class Program(Model):
        def __init__(self) -> None:
            super().__init__()
            self.context = LMContext(world.lm)
            self.state, self.words, self.left = world.constraint.init(), ["a", "b"], 7

    program = Program()
    print(f"clone of a program: {1e6 * timed(program.fork):.2f} us")


def timed(function: Callable[[], Any]) -> float:
    """Seconds per call: the best of 20 rounds."""
    best = float("inf")
    for _ in range(20):
        begin = time.perf_counter()
        for _ in range(50):
            function()
        best = min(best, (time.perf_counter() - begin) / 50)
    return best


def memory(n_steps: int) -> None:
    """10,000 particles of the built-in model: peak memory of this process."""
    import resource

    import torch

    import constrain
    from constrain.hf import demo_model
    from constrain.hf.language_model import HFLanguageModel

    torch.set_num_threads(1)
    lm = HFLanguageModel(*demo_model(), kv_bytes=1 << 29)
    grammar = constrain.regex(r"(.|\n){400,}")
    constraint = constrain.compile(grammar, lm.vocabulary)
    begin = time.perf_counter()
    found = METHODS["smc"](
        target(lm, "The", constraint, max_tokens=80), 10_000, 1, max_steps=n_steps
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{len(found.particles)} particles, {found.particles.tokens.shape[1]} steps: "
          f"{time.perf_counter() - begin:.0f} s, peak {peak:.0f} MB")  # fmt: skip


def peers(python: str, what: str, options: argparse.Namespace) -> None:
    """The same measurement in the peers' environment; a thousand of their particles take hours."""
    particles = [str(n) for n in options.particles if n <= 128]
    arguments = [python, str(HERE / "smc_peers.py"), what, "--seeds", str(options.seeds)]
    arguments += ["--vocab", *map(str, options.vocab), "--particles", *particles]
    tables = {name: table(make()) for name, make in WORLDS.items()} if what == "variance" else {}
    subprocess.run(arguments, input=json.dumps(tables), text=True, check=True)


def table(world: World) -> dict[str, Any]:
    """A world as plain data: the model's rows, and the grammar as a token automaton."""
    from constrain.smc.token_graph import explore

    graph = explore(world.constraint, MAX_TOKENS)
    states = np.arange((len(world.lm.vocabulary) + 1) ** world.lm.order)
    edges = zip(graph.sources.tolist(), graph.tokens.tolist(), graph.targets.tolist(), strict=True)
    return {
        "log_probs": world.lm.log_probs(states).tolist(),
        "order": world.lm.order,
        "eos": world.lm.vocabulary.eos_token_ids[0],
        "edges": list(edges),
        "ends": graph.ends.any(-1).tolist(),
        "max_tokens": MAX_TOKENS,
        "log_evidence": world.log_evidence,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    known = ["variance", "divergence", "speed", "clone", "memory"]
    parser.add_argument("what", nargs="+", choices=known)
    parser.add_argument("--seeds", type=int, default=SEEDS)
    parser.add_argument("--vocab", type=int, nargs="+", default=[50_257, 128_256])
    parser.add_argument("--particles", type=int, nargs="+", default=[1, 32, 128, 1024])
    parser.add_argument("--steps", type=int, default=STEPS, help="of `memory`")
    parser.add_argument("--peers", help="python of the peers' environment")
    options = parser.parse_args()
    runs = {
        "variance": lambda: variance(options.seeds),
        "divergence": lambda: divergence(min(options.seeds, 30)),
        "speed": lambda: speed(options.vocab, options.particles),
        "clone": clone,
        "memory": lambda: memory(options.steps),
    }
    for what in options.what:
        runs[what]()
        if options.peers and what in ("variance", "speed"):
            peers(options.peers, what, options)


if __name__ == "__main__":
    main()
