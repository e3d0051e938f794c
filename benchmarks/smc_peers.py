"""llamppl's side of smc.py, run by an interpreter that has it.

    pip install torch==2.13.0 llamppl==0.2.3 genlm-control==0.4.1
    python benchmarks/smc_peers.py speed --vocab 50257 --particles 1 32 128
    python benchmarks/smc_peers.py variance < worlds.json

Nothing of this project is imported. The worlds come on standard input, as smc.py writes them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
import warnings
from functools import partial
from typing import Any

import numpy as np

sys.modules.setdefault("vllm", None)  # type: ignore[arg-type]  # some versions cannot be imported
warnings.filterwarnings("ignore")

import genlm.backend.llm.base as backend  # noqa: E402
import llamppl  # noqa: E402

PARTICLES = 32
SPEED_STEPS = 8  # each takes long, and the time of one does not fall with their number


class Timed:
    def __init__(self, function: Any):
        self.function, self.seconds = function, 0.0

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        begin = time.perf_counter()
        try:
            return self.function(*args, **kwargs)
        finally:
            self.seconds += time.perf_counter() - begin


class Tokenizer:
    """As much of a tokenizer as is asked for here."""

    def __init__(self, vocab: int):
        self.bos_token_id, self.eos_token_id, self.pad_token_id = 0, vocab - 1, vocab - 1
        self.all_special_ids = [vocab - 1]

    def encode(self, text: str, **_: Any) -> list[int]:
        return [1]

    def decode(self, ids: Any, **_: Any) -> str:
        return "".join(f"t{i};" for i in ids)

    def convert_ids_to_tokens(self, i: int) -> str:
        return f"t{i};"


def language_model(vocab: int, n: int) -> tuple[Any, Any]:
    """(llamppl's model around a random GPT-2, that GPT-2)"""
    import torch
    import transformers
    from genlm.backend.llm.hf import AsyncTransformer

    torch.manual_seed(0)
    torch.set_num_threads(1)
    config = transformers.GPT2Config(
        vocab_size=vocab, n_embd=64, n_layer=2, n_head=2, n_positions=128
    )
    model = transformers.GPT2LMHeadModel(config).eval()
    texts = [f"t{i};" for i in range(vocab)]
    backend.decode_vocab = lambda tokenizer: ([text.encode() for text in texts], texts)
    inner = AsyncTransformer(model, Tokenizer(vocab), batch_size=n)
    return llamppl.CachedCausalLM(inner), model


class Half(llamppl.Model):
    """Every second token, for some steps."""

    def __init__(self, lm: Any, half: set[int]):
        super().__init__()
        self.context = llamppl.LMContext(lm, "x")
        self.half, self.left = half, SPEED_STEPS

    def immutable_properties(self) -> set[str]:
        return {"half"}

    async def step(self) -> None:
        await self.observe(self.context.mask_dist(self.half), True)
        await self.sample(self.context.next_token())
        self.left -= 1
        if not self.left:
            self.finish()


def speed(vocabs: list[int], particles: list[int]) -> None:
    """Wall time of a run less that of the forward calls in it; the batch size is the best one."""
    for vocab in vocabs:
        half = set(range(0, vocab - 1, 2))
        for n in particles:
            lm, model = language_model(vocab, n)
            program = Half(lm, half)
            forward = Timed(model.forward)
            model.forward = forward
            begin = time.perf_counter()
            asyncio.run(llamppl.smc_standard(program, n))
            wall = time.perf_counter() - begin
            engine = 1e3 * (wall - forward.seconds) / (n * SPEED_STEPS)
            print(
                f"llamppl    V={vocab} N={n}: engine {engine:.3f} ms per particle-step", flush=True
            )


class Masked(llamppl.Model):
    """Texts of a world, one token a step, under the exact mask."""

    def __init__(self, world: dict[str, Any]):
        super().__init__()
        self.world, self.state, self.node, self.n = world, 0, 0, 0

    def immutable_properties(self) -> set[str]:
        return {"world"}

    async def step(self) -> None:
        world = self.world
        world["rows"] += 1
        after = world["after"][self.node] if self.n < world["max_tokens"] else {}
        row = np.full(len(world["log_probs"][0]), -np.inf)
        allowed = [*after, *([world["eos"]] if world["ends"][self.node] else [])]
        row[allowed] = np.asarray(world["log_probs"][self.state])[allowed]
        self.condition(len(allowed) > 0)
        if self.finished:
            return
        self.score(llamppl.logsumexp(row))
        token = await self.sample(llamppl.LogCategorical(row))
        if token == world["eos"]:
            self.finish()
            return
        base = len(row) + 1
        self.state = (self.state * base + token + 1) % base ** world["order"]
        self.node, self.n = after[token], self.n + 1


def variance(seeds: int) -> None:
    """sd(Z-hat) / Z of llamppl's algorithms at the settings that it offers."""
    for name, world in json.load(sys.stdin).items():
        world["log_probs"] = np.array(world["log_probs"])
        world["after"] = [{} for _ in world["ends"]]
        for source, token, target in world["edges"]:
            world["after"][source][token] = target
        settings = {
            f"smc_standard, {method}, ess {ess}": partial(
                llamppl.smc_standard, ess_threshold=ess, resampling_method=method
            )
            for method in ("multinomial", "stratified", "systematic", "residual")
            for ess in (0.5, 0.9)
        }
        settings["smc_steer, 3 copies"] = lambda model, n: llamppl.smc_steer(model, n // 3, 3)
        for label, run in settings.items():
            world["rows"] = 0
            logs = [_evidence(run, world, seed) for seed in range(seeds)]
            z = np.exp(np.array(logs) - world["log_evidence"])
            print(
                f"  {name} llamppl {label:38s} mean {z.mean():.3f}  sd {z.std(ddof=1):.3f}  "
                f"rows {world['rows'] / seeds:.0f}",
                flush=True,
            )


def _evidence(run: Any, world: dict[str, Any], seed: int) -> float:
    np.random.seed(seed)
    particles = asyncio.run(run(Masked(world), PARTICLES))
    weights = [p.weight for p in particles]
    return llamppl.logsumexp(np.array(weights)) - np.log(len(weights)) if weights else -np.inf


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "variance"])
    parser.add_argument("--seeds", type=int, default=300)
    parser.add_argument("--vocab", type=int, nargs="+", default=[50_257, 128_256])
    parser.add_argument("--particles", type=int, nargs="+", default=[1, 32, 128])
    options = parser.parse_args()
    if options.what == "speed":
        speed(options.vocab, options.particles)
    else:
        variance(options.seeds)


if __name__ == "__main__":
    main()
