"""The logits processor against its slow twin, in every mode of `generate`, and by hand."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from fake_constraint import some_strings
from hypothesis import given, strategies as st
from replay import Replay, allowed_ids
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from constrain.decoding.processing.apply import Buffers
from constrain.errors import VocabularyMismatch
from constrain.hf import LogitsProcessor
from constrain.hf.masking import apply_masks, apply_plainly, pack
from constrain.tokens.vocabulary import Vocabulary

EOS, PAD = 0, 7
TOKENS = [None, b"a", b"b", b"ab", b"c", b"ba", b"\xff", None]
VOCABULARY = Vocabulary(TOKENS, [EOS])
NAMES = some_strings(VOCABULARY, "ab", "aba", "abba", "cab", "")
LETTERS = some_strings(VOCABULARY, "ccc", "cc")


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(TOKENS),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        eos_token_id=EOS,
        pad_token_id=PAD,
        initializer_range=0.4,
    )
    return LlamaForCausalLM(config).eval()


@pytest.fixture(scope="module")
def draft(model):
    """Another model over the same ids, so that some of its drafts are rejected."""
    torch.manual_seed(1)
    return LlamaForCausalLM(copy.deepcopy(model.config)).eval()


PROMPTS = torch.tensor([[PAD, 1, 2, 4], [3, 4, 4, 1]])
MODES = {
    "greedy": {},
    "sample": {"do_sample": True},
    "n-best": {"do_sample": True, "num_return_sequences": 3},
    "beams": {"num_beams": 4, "num_return_sequences": 2},
    "beam-sample": {"num_beams": 3, "do_sample": True},
    "renormalized": {"num_beams": 3, "renormalize_logits": True},
    "static": {"cache_implementation": "static"},
}
ALONE = {  # batches of one prompt only
    "drafts": {"assistant_model": None},
    "sampled-drafts": {"assistant_model": None, "do_sample": True},
    "lookup": {"prompt_lookup_num_tokens": 3},
}


def generate(model, processor, prompts=PROMPTS, seed=0, **kwargs):
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        return model.generate(
            prompts,
            attention_mask=(prompts != PAD).long(),
            max_new_tokens=7,
            logits_processor=[processor],
            top_k=0,
            **kwargs,
        )


def texts(output, prompt=PROMPTS) -> list[bytes]:
    rows = output[:, prompt.shape[1] :].tolist()
    return [b"".join(TOKENS[i] or b"" for i in row) for row in rows]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", MODES)
def test_batches_equal_full_replay(model, mode, seed):
    constraints = [NAMES, LETTERS]
    ours = generate(model, LogitsProcessor(constraints), seed=seed, **MODES[mode])
    slow = generate(model, Replay(constraints, PROMPTS.shape[1]), seed=seed, **MODES[mode])
    assert ours.tolist() == slow.tolist()
    half = len(ours) // 2
    assert set(texts(ours[:half])) <= set(NAMES.strings)
    assert set(texts(ours[half:])) <= set(LETTERS.strings)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("mode", ALONE)
def test_drafts_equal_full_replay(model, draft, mode, seed):
    prompt = PROMPTS[1:]
    kwargs = {k: draft if v is None else v for k, v in ALONE[mode].items()}
    ours = generate(model, LogitsProcessor(NAMES), prompt, seed, **kwargs)
    slow = generate(model, Replay([NAMES], prompt.shape[1]), prompt, seed, **kwargs)
    assert ours.tolist() == slow.tolist()
    assert set(texts(ours)) <= set(NAMES.strings)


@pytest.mark.parametrize("mode", ["greedy", "n-best", "beams"])
def test_in_place_gives_the_same(model, mode):
    ours = generate(model, LogitsProcessor(NAMES, in_place=True), **MODES[mode])
    assert ours.tolist() == generate(model, LogitsProcessor(NAMES), **MODES[mode]).tolist()
    scores = torch.zeros(1, len(TOKENS))
    assert LogitsProcessor(NAMES, in_place=True)(PROMPTS[1:], scores).isinf().any()
    assert scores.isinf().any()


def test_one_object_serves_many_calls(model):
    processor = LogitsProcessor(NAMES)
    for prompts in (PROMPTS, PROMPTS[:1], PROMPTS[:, 1:], PROMPTS):
        for mode in ("greedy", "beams"):
            expected = generate(model, LogitsProcessor(NAMES), prompts, **MODES[mode])
            assert generate(model, processor, prompts, **MODES[mode]).tolist() == expected.tolist()


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_old_output_as_prompt_starts_anew_unless_told_otherwise(model, steps):
    """The one case that token ids cannot decide: the new prompt is one step on."""
    config = GenerationConfig(max_new_tokens=steps, eos_token_id=EOS, pad_token_id=PAD)
    three = some_strings(VOCABULARY, "abab")
    processor = LogitsProcessor(three)
    prompt = PROMPTS[1:]
    first = model.generate(prompt, generation_config=config, logits_processor=[processor])
    anew = model.generate(first, generation_config=config, logits_processor=[processor])
    assert texts(anew, first)[0] == texts(first, prompt)[0]  # the same beginning once more
    onward = LogitsProcessor(three, prompt_length=prompt.shape[1])
    config.max_new_tokens = 5
    whole = model.generate(first, generation_config=config, logits_processor=[onward])
    assert texts(whole, prompt) == [b"abab"]


def test_a_loop_without_generate_goes_on_row_by_row():
    processor = LogitsProcessor(NAMES)
    zeros = torch.zeros(2, len(TOKENS))
    prompt = torch.tensor([[1, 1], [4, 4]])

    def allowed(rows):
        out = processor(torch.tensor(rows), zeros)
        return [np.flatnonzero(np.isfinite(row.numpy())).tolist() for row in out]

    start = allowed(prompt.tolist())
    assert start[0] == start[1] == allowed_ids(NAMES, [])
    second = allowed([[1, 1, 1], [4, 4, 4]])
    assert second == [allowed_ids(NAMES, [1]), allowed_ids(NAMES, [4])]
    assert allowed([[1, 1, 3], [4, 4, 1]]) == [allowed_ids(NAMES, [3]), allowed_ids(NAMES, [1])]
    third = allowed([[1, 1, 1, 2], [4, 4, 4, 1]])
    assert third == [allowed_ids(NAMES, [1, 2]), allowed_ids(NAMES, [4, 1])]
    other = allowed([[1, 1, 3, 2], [4, 4, 1, 2]])
    assert other == [allowed_ids(NAMES, [3, 2]), allowed_ids(NAMES, [1, 2])]
    # two columns more than any row seen, and another prompt: new generations
    assert allowed([[1, 1, 1, 2, 2, 1], [4, 4, 4, 1, 2, 1]]) == start
    assert allowed([[2, 2], [2, 2]]) == start


rows = st.lists(st.integers(0, len(TOKENS) - 1), min_size=3, max_size=3)


@given(st.lists(st.lists(rows, min_size=2, max_size=2), min_size=1, max_size=6))
def test_any_rows_in_any_order(batches):
    """With a given prompt length rows may be anything: also ended, rejected, or unrelated."""
    processor = LogitsProcessor([NAMES, LETTERS], prompt_length=1)
    slow = Replay([NAMES, LETTERS], 1)
    scores = torch.randn(2, len(TOKENS), generator=torch.Generator().manual_seed(0))
    before = scores.clone()
    for batch in batches:
        for length in (1, 2, 3):
            ids = torch.tensor(batch)[:, :length]
            out = processor(ids, scores)
            assert torch.equal(out, slow(ids, scores))
            assert torch.isfinite(out).any(dim=1).all()
    assert torch.equal(scores, before)


def test_the_grammar_wins_over_other_processors(model):
    processor = LogitsProcessor(LETTERS)
    with pytest.warns(UserWarning, match="the grammar wins"):
        output = model.generate(
            PROMPTS[1:],
            logits_processor=[processor],
            suppress_tokens=[4, EOS],
            max_new_tokens=5,
        )
    assert texts(output)[0] in LETTERS.strings
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        banned = torch.full((1, len(TOKENS)), -torch.inf)
        again = processor(PROMPTS[1:], banned)
    assert again[0, 4] == 0
    assert again[0].isinf().sum() == len(TOKENS) - 1


def test_wider_logits_are_banned_beyond_the_vocabulary():
    out = LogitsProcessor(LETTERS)(PROMPTS, torch.zeros(2, len(TOKENS) + 5))
    assert out.shape == (2, len(TOKENS) + 5)
    assert out[:, len(TOKENS) :].isinf().all()
    assert out[:, 4].tolist() == [0, 0]


def test_narrower_logits_do_not_fit():
    with pytest.raises(VocabularyMismatch, match=r"6 logits.*8 ids"):
        LogitsProcessor(LETTERS)(PROMPTS, torch.zeros(2, 6))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_dtype_stays(dtype):
    out = LogitsProcessor(LETTERS)(PROMPTS, torch.ones(2, len(TOKENS), dtype=dtype))
    assert out.dtype == dtype
    assert out[:, 4].tolist() == [1, 1]
    assert out.isinf().sum() == 2 * (len(TOKENS) - 1)


def test_rows_that_do_not_divide_among_the_constraints():
    with pytest.raises(ValueError, match="one per prompt, got 3"):
        LogitsProcessor([NAMES, LETTERS])(torch.zeros(3, 2, dtype=torch.long), torch.zeros(3, 8))
    with pytest.raises(ValueError, match="no constraint"):
        LogitsProcessor([])


def test_constraints_over_different_vocabularies_do_not_mix():
    other = some_strings(Vocabulary([b"a", None], [1]), "a")
    with pytest.raises(VocabularyMismatch, match=r"\[2, 8\]"):
        LogitsProcessor([NAMES, other])


@given(st.sets(st.integers(0, 69)), st.integers(70, 90))
def test_masks_apply_to_what_was_packed(ids, width):
    words = np.zeros((1, (width + 31) // 32), np.uint32)
    words[0, :3] = pack(ids, 70)[: words.shape[1]]
    row, alive = apply_masks(words, torch.zeros(1, width), Buffers())
    assert set(np.flatnonzero(row[0].numpy() == 0).tolist()) == ids
    assert row.isinf().sum() == width - len(ids)
    assert alive.tolist() == [bool(ids)]
    plain = apply_plainly(torch.from_numpy(words.view(np.int32)), torch.zeros(1, width))
    assert torch.equal(row, plain)
