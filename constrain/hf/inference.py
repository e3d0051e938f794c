"""Inference inside of transformers' `generate`: `model.generate(..., custom_generate=...)`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.utils.generic import ModelOutput

from constrain.decoding.constraint import Constraint
from constrain.errors import Unsupported
from constrain.lm.keys import Seed, seed_of
from constrain.smc.api import Method, sample

from .language_model import HFLanguageModel


@dataclass
class InferenceOutput(ModelOutput):
    """sequences: (rows, length) ids with prompt, padded; results: one Result per prompt."""

    sequences: torch.Tensor | None = None
    results: Any = None


class PosteriorGenerate:
    """A `custom_generate` for any causal model: exact inference in place of masked sampling.

    Each prompt gets `n_particles`; its `num_return_sequences` rows are drawn from the weighted
    texts. With `return_dict_in_generate=True` the output has `results` too, one per prompt.
    `max_new_tokens` counts the end token, as it does there. Raises Unsupported for processors
    and warpers (`top_k=0, temperature=1`): they would change the target without a word.
    """

    def __init__(
        self,
        constraint: Constraint | Sequence[Constraint],
        *,
        n_particles: int = 32,
        method: str | Method = "smc",
        rng: Seed | None = None,
        **options: Any,
    ):
        self.constraint, self.n_particles, self.method = constraint, n_particles, method
        self._rng, self._options = rng, options

    def __call__(
        self,
        model: Any,
        input_ids: torch.Tensor,
        logits_processor: Sequence[Any] = (),
        stopping_criteria: Any = None,
        generation_config: Any = None,
        **model_kwargs: Any,
    ) -> Any:
        if len(logits_processor):
            names = ", ".join(type(p).__name__ for p in logits_processor)
            raise Unsupported(f"inference beside {names}", note="set do_sample=True, top_k=0")
        lm = HFLanguageModel(model, vocabulary=self._vocabulary())
        per_prompt = generation_config.num_return_sequences
        room = generation_config.max_length - input_ids.shape[1]
        attention = model_kwargs.get("attention_mask")  # None where all of it is text
        attention = torch.ones_like(input_ids) if attention is None else attention
        results, rows = list[Any](), list[list[int]]()
        seed = seed_of(self._rng)
        for i in range(0, len(input_ids), per_prompt):
            prompt = input_ids[i][attention[i].bool()].tolist()
            found = self._sampled(lm, prompt, max(0, room - 1), seed + i)
            results.append(found)
            rows += _drawn(found, per_prompt, seed + i)
        sequences = _padded(input_ids, rows, generation_config.pad_token_id)
        if generation_config.return_dict_in_generate:
            return InferenceOutput(sequences=sequences, results=results)
        return sequences

    def _vocabulary(self) -> Any:
        several = self.constraint if isinstance(self.constraint, Sequence) else [self.constraint]
        return several[0].vocabulary

    def _sampled(self, lm: HFLanguageModel, prompt: list[int], max_tokens: int, seed: int) -> Any:
        return sample(
            lm,
            prompt,
            self.constraint,
            n_particles=self.n_particles,
            method=self.method,
            rng=seed,
            max_tokens=max_tokens,
            **self._options,
        )


def _drawn(result: Any, n: int, seed: int) -> list[list[int]]:
    """n texts of a result by weight, as ids with an end token."""
    end = result.particles.target.lm.vocabulary.eos_token_ids[0]
    return [[*result.sequences[i], end] for i in result.resampled(n, seed)]


def _padded(prompts: torch.Tensor, rows: list[list[int]], pad: int | None) -> torch.Tensor:
    width = max(map(len, rows))
    filled = [row + [row[-1] if pad is None else pad] * (width - len(row)) for row in rows]
    return torch.cat([prompts, torch.tensor(filled, device=prompts.device)], 1)
