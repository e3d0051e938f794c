"""Two threads that generate from one Constraint give what one gives alone.

python tests/hf/two_threads.py --seconds 60
"""

from __future__ import annotations

import argparse
import threading
import time

import compare_modes
import torch

import constrain
from constrain.decoding.budget import within
from constrain.hf import LogitsProcessor

WIDTH = 2000
SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "array"}, "b": {"type": "string"}},
    "required": ["b"],
}


def texts(constraint, seed: int) -> list[list[int]]:
    """Greedy texts after prompts that the seed makes: no random numbers of the process."""
    ids = torch.randint(4, WIDTH, (3, 4), generator=torch.Generator().manual_seed(seed))
    model = compare_modes.model(("llama", "qwen3")[seed % 2], WIDTH)
    processor = LogitsProcessor(constraint)
    return model.generate(
        ids, max_new_tokens=24, logits_processor=[processor], repetition_penalty=1.4
    ).tolist()


def disagreements(seconds: float) -> tuple[int, int]:
    """(generations by threads, how many differ from those one after the other)."""
    vocabulary = compare_modes.vocabulary(WIDTH)
    shared = constrain.compile(constrain.json_schema(SCHEMA), vocabulary)
    constraints = [shared, within(shared, 24)]
    found: dict[tuple[int, int], list[list[list[int]]]] = {}
    errors: list[BaseException] = []
    stop = time.monotonic() + seconds
    for family in ("llama", "qwen3"):
        compare_modes.model(family, WIDTH)

    def work(name: int) -> None:
        try:
            seed = 0
            while time.monotonic() < stop:
                key = seed % 40, (seed + name) % 2
                found.setdefault(key, []).append(texts(constraints[key[1]], key[0]))
                seed += 1
                if seed % 10 == name:
                    shared.forget()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]
    fresh = constrain.compile(constrain.json_schema(SCHEMA), vocabulary)
    alone = [fresh, within(fresh, 24)]
    differ = 0
    for (seed, which), results in found.items():
        expected = texts(alone[which], seed)
        differ += sum(result != expected for result in results)
    return sum(map(len, found.values())), differ


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    total, differ = disagreements(parser.parse_args().seconds)
    print(f"{total} batches of 3 texts by two threads, {differ} differ")


if __name__ == "__main__":
    main()
