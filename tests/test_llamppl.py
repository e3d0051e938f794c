"""LLaMPPL programs: they run unchanged, and ten things that were wrong there are right here.

The ten are numbered as in a survey of llamppl 0.2.3 with genlm-backend 0.3.1; each test says in its
first line what happens there.
"""

from __future__ import annotations

import asyncio
import copy
import json
import math
import string
import time

import numpy as np
import pytest
import torch
import transformers

import constrain.llamppl as llamppl
from constrain.hf.language_model import HFLanguageModel
from constrain.llamppl import (
    Bernoulli,
    CachedCausalLM,
    Geometric,
    LMContext,
    LogCategorical,
    Model,
    Token,
    TokenCategorical,
    TokenSequence,
    Transformer,
    sample_word,
    sample_word_2,
    smc_standard,
    smc_steer,
)
from constrain.lm import NGramModel, TabularModel
from constrain.tokens.vocabulary import Vocabulary

TEXT = """the old dog can see a red cat. the cat sat on a mat, and the dog ran to it!
a man let the cat out; the big dog was sad. can the old man see it? he can, he can not.
"""


def encode(text):
    """Words with the space before them where the vocabulary has them, else letters."""
    ids, i = [], 0
    while i < len(text):
        n = next(n for n in range(8, 0, -1) if text[i : i + n] in IDS)
        ids.append(IDS[text[i : i + n]])
        i += n
    return ids


WORDS = [*sorted({f" {w.strip('.,;?!')}" for w in TEXT.split()}), "ing", "er", "'s"]
PIECES = [*string.ascii_lowercase, " ", ".", ",", "!", "?", ";", "\n", *WORDS]
IDS = {piece: i for i, piece in enumerate(PIECES)}
VOCABULARY = Vocabulary([*(p.encode() for p in PIECES), None], [len(PIECES)], encode=encode)
EOS = len(PIECES)


@pytest.fixture(scope="module")
def lm():
    texts = [[*encode(line), EOS] for line in TEXT.splitlines()]
    return CachedCausalLM(NGramModel(VOCABULARY, texts, order=2))


def run(program):
    return asyncio.run(program)


class HardConstraints(Model):
    """Words of at most five letters (LLaMPPL's example)."""

    def __init__(self, lm, prompt, max_tokens=12):
        super().__init__()
        self.lm = lm
        self.context = LMContext(lm, prompt)
        self.max_tokens = max_tokens
        self.allowed = {
            i for i, v in enumerate(lm.str_vocab) if len(v.strip()) <= 3 and "\n" not in v
        }

    def immutable_properties(self):
        return {"allowed"}

    async def step(self):
        await self.observe(self.context.mask_dist(self.allowed), True)
        token = await self.sample(self.context.next_token())
        self.max_tokens -= 1
        if token == self.lm.tokenizer.eos_token_id or self.max_tokens == 0:
            self.finish()

    def string_for_serialization(self):
        return f"{self.context}"


class TwoPrompts(Model):
    """A text that is likely after both of two prompts."""

    def __init__(self, lm, prompts):
        super().__init__()
        self.lm = lm
        self.contexts = [LMContext(lm, prompt) for prompt in prompts]

    async def step(self):
        token = await self.sample(self.contexts[0].next_token())
        for context in self.contexts[1:]:
            await self.observe(context.next_token(), token)
        if token.token_id == self.lm.tokenizer.eos_token_id:
            self.finish()


class Words(Model):
    """A line of words, each sampled as a whole, that must not be too long."""

    def __init__(self, lm):
        super().__init__()
        self.context = LMContext(lm, "the")
        self.words = []

    async def step(self):
        word, mark = await self.call(sample_word(self.context, max_tokens=2))
        self.words.append(word + mark)
        self.condition(len(word.strip()) < 6)
        if len(self.words) == 3:
            self.finish()


def test_hard_constraints(lm):
    particles = run(smc_standard(HardConstraints(lm, "the"), 8, rng=1))
    assert len(particles) == 8
    for particle in particles:
        written = particle.context.tokens[particle.context.prompt_token_count :]
        assert written
        assert all(len(lm.str_vocab[token].strip()) <= 3 for token in written)
    assert np.isfinite([p.weight for p in particles]).all()


def test_prompt_intersection(lm):
    particles = run(smc_standard(TwoPrompts(lm, ["the old", "a red"]), 6, rng=2))
    assert all(p.contexts[0].tokens[-1] == EOS for p in particles)
    assert all(
        p.contexts[0].tokens[len(encode("the old")) :]
        == p.contexts[1].tokens[len(encode("a red")) :]
        for p in particles
    )


def test_words(lm):
    for method in (smc_standard(Words(lm), 6, rng=3), smc_steer(Words(lm), 3, 2, rng=3)):
        particles = run(method)
        assert all(len(p.words) == 3 for p in particles if p.weight > -math.inf)
    best = run(llamppl.beam(HardConstraints(lm, "the", 4), 3, 2))
    assert best[0].weight == max(p.weight for p in best)


def test_words_by_letters(lm):
    """`sample_word_2` with max_chars."""

    class Short(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(lm, "the")

        async def step(self):
            self.found = await self.call(sample_word_2(self.context, max_chars=3))
            self.finish()

    particles = run(smc_standard(Short(), 20, rng=4))
    alive = [p for p in particles if p.weight > -math.inf]
    assert alive
    for particle in alive:
        word, mid, end = particle.found
        assert 1 <= len(word.strip()) <= 3
        assert not (mid and end)


# --- the ten


def test_l1_steering_never_resurrects_the_dead():
    """There 87% of the weighted results of (4, 1) break the constraint, and E[Z] is 0.3."""

    class Bits(Model):
        def __init__(self):
            super().__init__()
            self.bits = []

        async def step(self):
            self.bits.append(await self.sample(Bernoulli(0.5)))
            self.condition(self.bits[-1])
            if len(self.bits) == 3:
                self.finish()

    estimates = []
    for seed in range(300):
        particles = run(smc_steer(Bits(), 4, 1, rng=seed))
        assert all(p.bits == [True] * 3 for p in particles)
        estimates.append(sum(math.exp(p.weight) for p in particles) / 4)
    error = np.std(estimates) / math.sqrt(300)
    assert abs(np.mean(estimates) - 0.125) < 4 * error


def test_l1_all_dead_is_an_empty_list():
    class Doomed(Model):
        async def step(self):
            self.condition(False)

    assert run(smc_steer(Doomed(), 3, 2, rng=0)) == []
    assert [p.weight for p in run(smc_standard(Doomed(), 3, rng=0))] == [-math.inf] * 3


@pytest.fixture(scope="module")
def small_gpt2():
    """A random GPT-2 with sharp logits; its answers to prefixes by full forward passes."""
    torch.manual_seed(1)
    n = len(VOCABULARY)
    config = transformers.GPT2Config(vocab_size=n, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    model = transformers.GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        model.get_output_embeddings().weight.mul_(20)

    def full(tokens):
        with torch.inference_mode():
            row = model(torch.tensor([tokens])).logits[0, -1]
        return torch.log_softmax(row.double(), -1).numpy()

    def fresh():
        return CachedCausalLM(HFLanguageModel(model, vocabulary=VOCABULARY))

    return fresh, full


def test_l2_two_prompts_with_one_suffix(small_gpt2):
    """There the second prompt gets the logits of the first: wrong by 17.8 nats."""
    fresh, full = small_gpt2
    lm, prompts = fresh(), (encode("the old dog"), encode("a red cat can"))
    for prompt in prompts:
        lm.cache_kv(prompt)

    class Both(Model):
        async def step(self):
            suffix = encode(" the")
            self.rows = [await lm.next_token_logprobs([*p, *suffix]) for p in prompts]
            self.finish()

    for particle in run(smc_standard(Both(), 4, rng=0)):
        for row, prompt in zip(particle.rows, prompts, strict=True):
            assert np.abs(row - full([*prompt, *encode(" the")])).max() < 1e-4


def test_l3_below_a_node_without_keys(small_gpt2):
    """There a context built below a node that holds only log-probabilities is 15.7 nats wrong."""
    fresh, full = small_gpt2
    lm, tokens = fresh(), encode("the old dog can see")
    lm.next_token_logprobs_unbatched(tokens)
    row = LMContext(lm, [*tokens, 3]).next_token_logprobs
    assert np.abs(row - full([*tokens, 3])).max() < 1e-4


def test_l3b_a_cached_prompt_is_not_written_to(small_gpt2):
    """There every question appends to the prompt's cache: later ones are wrong by 14.9 nats."""
    fresh, full = small_gpt2
    lm, prompt = fresh(), encode("the old dog")
    lm.cache_kv(prompt)
    for token in range(4):
        row = lm.next_token_logprobs_unbatched([*prompt, token, 5])
        assert np.abs(row - full([*prompt, token, 5])).max() < 1e-4


def test_l4_a_twist_of_minus_infinity_is_not_a_number_of_its_own():
    """There untwisting gives NaN."""

    class Hopeless(Model):
        def __init__(self):
            super().__init__()
            self.steps = 0

        async def step(self):
            self.steps += 1
            if self.steps == 3:
                self.finish()
            else:
                self.twist(-math.inf)

    particles = run(smc_standard(Hopeless(), 3, rng=0))
    assert [p.weight for p in particles] == [0.0] * 3


def test_l5_the_dead_are_not_stepped_and_nobody_asks_behind_the_end(lm):
    """There a particle scored -inf is stepped on, and the model is asked after the end token."""
    steps, asked = [], []

    class Watched(NGramModel):
        def log_probs(self, states):
            asked.extend(states.tolist())
            return super().log_probs(states)

    watched = CachedCausalLM(Watched(VOCABULARY, [[*encode("the cat"), EOS]], order=1))

    class Program(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(watched, "the")

        async def step(self):
            steps.append(self)
            if len(steps) > 1:
                self.score(-math.inf)
                raise AssertionError("nothing runs after a score of -inf")
            await self.intervene(self.context.next_token(), EOS)

    run(smc_standard(Program(), 1, rng=0))
    assert len(steps) == 2
    assert len(asked) == 1


def test_l6_a_record_has_a_name(lm, tmp_path, monkeypatch):
    """There a folder without a file name makes a file called None."""
    monkeypatch.chdir(tmp_path)
    run(smc_standard(HardConstraints(lm, "the", 3), 3, visualization_dir=str(tmp_path), rng=1))
    assert [path.name for path in tmp_path.iterdir()] == ["record.json"]
    record = json.loads((tmp_path / "record.json").read_text())
    assert {entry["mode"] for entry in record} <= {"init", "smc_step", "resample"}
    assert (record[0]["step"], record[0]["mode"]) == (0, "init")
    assert [p["contents"] for p in record[0]["particles"]] == [""] * 3
    assert [p["logweight"] for p in record[0]["particles"]] == pytest.approx([0.0] * 3)
    assert "<<<" in record[1]["particles"][0]["contents"]


def test_l7_small_things(lm):
    """There + changes its left side, tokens have no hash, argmax(0) is the least likely index."""
    one = TokenSequence(lm, "the")
    two = one + " cat" + Token(lm, IDS["."]) + IDS["!"]
    assert (str(one), str(two)) == ("the", "the cat.!")
    assert str("a" + one) == "athe"
    token = Token(lm, IDS[" cat"], " cat")
    assert token == " cat" == token
    assert token == IDS[" cat"]
    assert len({token, Token(lm, IDS[" cat"])}) == 1
    assert str(token + Token(lm, IDS["."])) == " cat."
    assert run(LogCategorical([0.0, 3.0, 1.0]).argmax(0))[0] == 1
    assert run(Geometric(0.5).argmax(0)) == (1, math.log(0.5))
    assert run(Geometric(0.5).log_prob(0)) == -math.inf
    row = np.zeros(len(VOCABULARY))
    row[7] = 2.0
    assert run(TokenCategorical(lm, row).argmax(0))[0] == 7
    with pytest.raises(ValueError, match="one logit for each"):
        TokenCategorical(lm, [0.0, 1.0])


def test_l8_a_temperature_is_normalised(lm):
    """There log-probabilities are divided by it and left so; max_chars crashes (tested above)."""
    prompt = encode("the")
    row = lm.next_token_logprobs_unbatched(prompt)
    cold = Transformer(lm, "the", temp=0.5)
    total = sum(math.exp(run(cold.log_prob(token))) for token in range(len(VOCABULARY)))
    assert total == pytest.approx(1.0)
    expected = 2 * row[3] - llamppl.logsumexp(2 * row)
    assert run(cold.log_prob(3)) == pytest.approx(expected)
    context = LMContext(lm, "the", temp=0.5)
    assert run(context.next_token().log_prob(3)) == pytest.approx(expected)


def test_l9_masks_are_bits_and_a_clone_is_cheap():
    """There a clone of a context costs 31 ms and a mask 8 ms, at 50,257 tokens."""
    n = 50_257
    wide = Vocabulary([b"%d " % i for i in range(n - 1)] + [None], [n - 1])
    model = CachedCausalLM(TabularModel(wide, np.ones((1, n))))

    class Program(Model):
        def __init__(self):
            super().__init__()
            self.context = LMContext(model)
            self.half = llamppl.TokenMask(np.arange(n) % 2 == 0)

        async def step(self):
            await self.observe(self.context.mask_dist(self.half), True)
            self.bit = await self.sample(self.context.next_token())
            self.finish()

    [particle] = run(smc_standard(Program(), 1, rng=0))
    assert particle.bit % 2 == 0
    assert particle.weight == pytest.approx(math.log(0.5), abs=1e-4)
    assert min(timed(lambda: copy.deepcopy(particle)) for _ in range(20)) < 1e-3
    masked = LMContext(model)
    masked.next_token_logprobs  # noqa: B018 (the model's part)
    assert min(timed(lambda: run_observe(masked, particle.half)) for _ in range(5)) < 5e-3


def run_observe(context, mask):
    return LMContext.fork(context).mask_dist(mask).context.split(mask.bits)


def timed(function):
    begin = time.perf_counter()
    function()
    return time.perf_counter() - begin


def test_l10_few_programs_do_not_wait_for_more(small_gpt2):
    """There a step with fewer questions than the batch size waits 20 ms; prefixes are computed
    again at every step, and log-probabilities are kept for ever."""
    fresh, _ = small_gpt2
    lm = fresh()
    run(smc_standard(HardConstraints(lm, "the", 20), 2, rng=0))
    computed = lm.model.n_tokens
    assert computed <= len(encode("the")) + 2 * 20
    lm.clear_cache()
    row = lm.next_token_logprobs_unbatched(encode("the"))
    assert lm.model.n_tokens == computed + len(encode("the"))
    assert np.isfinite(row).all()


def test_l11_results_are_reproducible_and_name_their_resampler(lm):
    """There NumPy's global generator decides."""
    for method in ("multinomial", "stratified", "systematic", "residual"):
        once, again = (
            [
                str(p.context)
                for p in run(
                    smc_standard(HardConstraints(lm, "a"), 5, 0.9, None, None, method, rng=8)
                )
            ]
            for _ in range(2)
        )
        assert once == again
    with pytest.raises(ValueError, match="unknown resampling"):
        run(smc_standard(HardConstraints(lm, "a"), 2, resampling_method="fair"))


def test_a_distribution_of_ones_own(lm):
    class Die(llamppl.Distribution):
        async def sample(self):
            return 4, math.log(1 / 6)

        async def log_prob(self, x):
            return math.log(1 / 6) if x in range(1, 7) else -math.inf

    class Program(Model):
        async def step(self):
            self.x = await self.sample(Die(), proposal=Die())
            await self.observe(Die(), 3)
            self.finish()

    [particle] = run(smc_standard(Program(), 1, rng=0))
    assert (particle.x, particle.weight) == (4, pytest.approx(math.log(1 / 6)))
