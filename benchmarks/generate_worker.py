"""One engine in one process: what a step of constrained generation costs beside the model.

A step takes the tokens drawn last, finds the masks of all rows and applies them to float32
logits. Reads commands and answers in JSON lines, as `worker.py` does; times are nanoseconds of
the process's CPU clock (some engines have threads of their own), one for each step of the last of
several passes over the same texts.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import torch
from engines import ENGINES
from job import decode_tokens

Step = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]
"""(ids (rows, length) so far, logits (rows, vocab)) -> masked logits"""

PROMPT = 4


def ours(engine: Any, spec: dict[str, str], rows: int) -> Callable[[], Step]:
    from constrain.hf import LogitsProcessor

    constraint = engine.compile(spec).constraint
    return lambda: LogitsProcessor(constraint)


def ours_in_place(engine: Any, spec: dict[str, str], rows: int) -> Callable[[], Step]:
    from constrain.hf import LogitsProcessor

    constraint = engine.compile(spec).constraint
    return lambda: LogitsProcessor(constraint, in_place=True)


def llguidance(engine: Any, spec: dict[str, str], rows: int) -> Callable[[], Step]:
    from llguidance import LLExecutor
    from llguidance.torch import (
        allocate_token_bitmask,
        apply_token_bitmask_inplace,
        fill_next_token_bitmask_par,
    )

    executor = LLExecutor(1)
    compiled = engine.compile(spec)
    bitmask = allocate_token_bitmask(rows, engine.n_vocab)

    def start() -> Step:
        matchers = [compiled.inner.deep_copy() for _ in range(rows)]
        numbered = [(matcher, i) for i, matcher in enumerate(matchers)]

        def step(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
            if ids.shape[1] > PROMPT:
                for matcher, token in zip(matchers, ids[:, -1].tolist(), strict=True):
                    matcher.consume_token(token)
            fill_next_token_bitmask_par(executor, numbered, bitmask)
            apply_token_bitmask_inplace(logits, bitmask)
            return logits

        return step

    return start


def xgrammar(engine: Any, spec: dict[str, str], rows: int) -> Callable[[], Step]:
    package = engine.package
    compiled = engine.compile(spec).compiled
    bitmask = package.allocate_token_bitmask(rows, engine.n_vocab)
    batch = package.BatchGrammarMatcher(1)

    def start() -> Step:
        matchers = [package.GrammarMatcher(compiled) for _ in range(rows)]

        def step(ids: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
            if ids.shape[1] > PROMPT:
                for matcher, token in zip(matchers, ids[:, -1].tolist(), strict=True):
                    matcher.accept_token(token)
            batch.batch_fill_next_token_bitmask(matchers, bitmask)
            package.apply_token_bitmask_inplace(logits, bitmask)
            return logits

        return step

    return start


STEPS = {"constrain": ours, "llguidance": llguidance, "xgrammar": xgrammar}


def run(start: Callable[[], Step], streams: list[list[int]], passes: int) -> list[int]:
    """Times of the last pass; every token must be left in the logits before it."""
    texts = torch.tensor(streams)
    rows, length = texts.shape
    ids = torch.cat([torch.zeros(rows, PROMPT, dtype=torch.long), texts], dim=1)
    fresh = torch.randn(rows, WIDTH, generator=torch.Generator().manual_seed(0))
    logits = torch.empty_like(fresh)
    times: list[int] = []
    for _ in range(passes):
        times.clear()
        gc.collect()
        gc.freeze()
        step = start()
        for n in range(length):
            logits.copy_(fresh)  # as if the model had just written them
            seen = ids[:, : PROMPT + n].contiguous()
            begun = time.process_time_ns()
            out = step(seen, logits)
            times.append(time.process_time_ns() - begun)
            assert torch.isfinite(out[torch.arange(rows), texts[:, n]]).all()
            del out
    return times


def model_steps(rows: int, steps: int) -> list[int]:
    """Unconstrained greedy steps of a small random Llama with the same vocabulary."""
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=WIDTH,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    model = transformers.LlamaForCausalLM(config).eval()
    ids = torch.zeros(rows, 1, dtype=torch.long)
    cache = None
    times: list[int] = []
    with torch.no_grad():
        for _ in range(steps):
            begun = time.process_time_ns()
            out = model(ids, past_key_values=cache, use_cache=True)
            cache = out.past_key_values
            ids = out.logits[:, -1].to(copy=True, dtype=torch.float32).argmax(-1, keepdim=True)
            times.append(time.process_time_ns() - begun)
    return times[2:]


def main() -> None:
    global WIDTH
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--engine", choices=sorted(STEPS), required=True)
    parser.add_argument("--job", required=True)
    parser.add_argument("--core", type=int)
    arguments = parser.parse_args()
    if arguments.core is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {arguments.core})
    torch.set_num_threads(1)
    with open(arguments.job, encoding="utf-8") as file:
        job = json.load(file)
    WIDTH = len(decode_tokens(job["vocabulary"]))
    engine = ENGINES[arguments.engine](job["vocabulary"])
    print(json.dumps({"versions": f"{engine.versions()}, torch {version('torch')}"}), flush=True)
    for line in sys.stdin:
        command = json.loads(line)
        if command["run"] == "model":
            answer = {"cpu": model_steps(command["rows"], command["steps"])}
        else:
            streams = command["streams"]
            way = ours_in_place if command.get("in_place") else STEPS[arguments.engine]
            start = way(engine, job["spec"], len(streams))
            answer = {"cpu": run(start, streams, command["passes"])}
        print(json.dumps(answer), flush=True)


WIDTH = 0

if __name__ == "__main__":
    main()
