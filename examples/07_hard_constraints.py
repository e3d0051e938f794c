"""A program in LLaMPPL's language: sentences in which no word is longer than five letters.

Each step rules out the tokens that would make a word too long, which weighs the particle by the
probability that the model gave to the others, and draws one of what is left. Particles that had
to be forced get small weights and are replaced by copies of those that did not.
"""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict

import numpy as np

import constrain.llamppl as llamppl
from constrain import hf
from constrain.hf import pretrained

MOST_LETTERS = 5
PROMPT = "The quiet"


class ShortWords(llamppl.Model):
    def __init__(self, lm: llamppl.CachedCausalLM, prompt: str, max_tokens: int):
        super().__init__()
        self.context = llamppl.LMContext(lm, prompt, show_eos=False)
        self.left = max_tokens
        self.word = prompt.split()[-1]

    async def step(self) -> None:
        await self.observe(self.context.mask_dist(allowed(self.context.lm, len(self.word))), True)
        token = await self.sample(self.context.next_token())
        self.word = last_word(self.word + token.token_str)
        self.left -= 1
        if token in self.context.lm.masks.EOS or "." in token.token_str or self.left == 0:
            self.condition(self.left > 0)
            self.finish()

    def string_for_serialization(self) -> str:
        return str(self.context)


def last_word(text: str) -> str:
    """The letters at the end."""
    n = next((i for i, c in enumerate(reversed(text)) if not c.isalpha()), len(text))
    return text[len(text) - n :]


MASKS: dict[int, llamppl.TokenMask] = {}


def allowed(lm: llamppl.CachedCausalLM, letters: int) -> llamppl.TokenMask:
    """Tokens that keep every word short when the last has `letters` letters already."""
    if letters not in MASKS:
        fits = [_fits("x" * letters + text) for text in lm.str_vocab]
        fits[lm.tokenizer.eos_token_id] = True
        MASKS[letters] = llamppl.TokenMask(np.array(fits))
    return MASKS[letters]


def _fits(text: str) -> bool:
    words = "".join(c if c.isalpha() else " " for c in text).split()
    return "\n" not in text and all(len(word) <= MOST_LETTERS for word in words)


async def main() -> int:
    pretrained.quiet()
    lm = llamppl.CachedCausalLM.from_model(*hf.demo_model())
    particles = await llamppl.smc_standard(ShortWords(lm, PROMPT, 24), n_particles=32, rng=4)
    total = llamppl.logsumexp([p.weight for p in particles])
    posterior: defaultdict[str, float] = defaultdict(float)
    for particle in particles:
        posterior[PROMPT + str(particle.context)] += float(np.exp(particle.weight - total))
    for text, share in sorted(posterior.items(), key=lambda item: -item[1])[:8]:
        print(f"{share:6.3f}  {text}")
    print(f"log probability that the model keeps to it: {total - np.log(32):.2f}")
    found = [text for text, share in posterior.items() if share > 0]
    return 0 if found and all(map(_fits, found)) else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
