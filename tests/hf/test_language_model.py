"""A model behind the prefix trie says what it says in a fresh full forward pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings, strategies as st

import constrain
from constrain.errors import LimitExceeded, Unsupported
from constrain.hf.language_model import HFLanguageModel
from constrain.lm import LanguageModel

TOLERANCE = 1e-4
V = 96
SMALL = {
    "vocab_size": V, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip


def gpt2():
    config = transformers.GPT2Config(vocab_size=V, n_embd=32, n_layer=2, n_head=4, n_positions=64)
    return transformers.GPT2LMHeadModel(config)


MODELS = {
    "gpt2": gpt2,
    "llama": lambda: transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL)),
    "qwen3": lambda: transformers.Qwen3ForCausalLM(transformers.Qwen3Config(**SMALL, head_dim=8)),
    "neox": lambda: transformers.GPTNeoXForCausalLM(
        transformers.GPTNeoXConfig(**{k: v for k, v in SMALL.items() if "key_value" not in k})
    ),
}


VOCABULARY = constrain.Vocabulary([b"%d " % i for i in range(V - 1)] + [None], [V - 1])


def wrap(model, **options):
    return HFLanguageModel(model, vocabulary=VOCABULARY, **options)


@pytest.fixture(scope="module", params=MODELS)
def model(request):
    torch.manual_seed(3)
    made = MODELS[request.param]().eval()
    with torch.no_grad():  # sharper, so that a wrong token would show
        made.get_output_embeddings().weight.mul_(8.0)
    return made


def fresh(model, tokens):
    with torch.inference_mode():
        logits = model(torch.tensor([list(tokens)])).logits[0, -1].double()
    return torch.log_softmax(logits, -1).numpy()


def assert_right(lm, prefixes):
    rows = lm.log_probs(np.array([lm.init(prefix) for prefix in prefixes]))
    for row, prefix in zip(rows, prefixes, strict=True):
        assert np.abs(row - fresh(lm.model, prefix)).max() < TOLERANCE


def test_growing_and_branching(model):
    lm = wrap(model)
    assert isinstance(lm, LanguageModel)
    assert_right(lm, [[5, 6, 7]])
    assert_right(lm, [[5, 6, 7, 8], [5, 6, 7, 9], [5, 6, 7, 8]])
    assert_right(lm, [[5, 6, 7, 8, 1], [5, 6, 7, 9, 1], [5, 6, 7, 9, 2, 3], [4]])
    assert_right(lm, [[5, 6], [5]])


def test_two_prompts_with_the_same_suffix_in_one_batch(model):
    """Elsewhere the second prompt got the logits of the first."""
    lm = wrap(model)
    assert_right(lm, [[10, 11, 12], [20, 21, 22, 23]])
    assert_right(lm, [[10, 11, 12, 7, 8], [20, 21, 22, 23, 7, 8]])
    assert_right(lm, [[10, 11, 12, 7, 8, 9], [20, 21, 22, 23, 7, 8, 9]])


def test_below_nodes_that_hold_no_keys(model):
    """Elsewhere such a node was read as the empty prefix."""
    lm = wrap(model)
    state = lm.init([3, 1, 4, 1, 5, 9, 2, 6])  # a node, of which nothing was computed
    deeper = lm.advance(np.array([state]), np.array([5]))
    row = lm.log_probs(deeper)[0]
    assert np.abs(row - fresh(model, [3, 1, 4, 1, 5, 9, 2, 6, 5])).max() < TOLERANCE
    assert_right(lm, [[3, 1, 4, 1], [3, 1, 4, 1, 5, 9, 2, 6]])
    lm.forget()
    assert_right(lm, [[3, 1, 4, 1, 5, 9, 2, 6, 5, 3]])


def test_a_question_does_not_change_what_others_get(model):
    """Elsewhere a query appended to the cache that later ones were read from."""
    lm = wrap(model)
    before = lm.log_probs(np.array([lm.init([1, 2, 3])])).copy()
    for token in range(5):
        lm.log_probs(np.array([lm.init([1, 2, 3, token])]))
    lm._kept.clear()
    lm._where.clear()
    after = lm.log_probs(np.array([lm.init([1, 2, 3])]))
    assert np.abs(after - before).max() < TOLERANCE
    assert_right(lm, [[1, 2, 3, 9, 9], [1, 2, 3, 0, 9]])


prefixes = st.lists(
    st.lists(st.integers(0, 4), min_size=1, max_size=9).map(tuple), min_size=1, max_size=6
)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(3)
    return gpt2().eval()


BYTES_PER_TOKEN = 2 * 2 * 32 * 4  # layers, keys and values, width, float32


@settings(max_examples=25, deadline=None)
@given(batches=st.lists(prefixes, min_size=1, max_size=6), slots=st.integers(40, 80))
def test_any_order_of_questions_under_a_budget(small, batches, slots):
    lm = wrap(small, kv_bytes=slots * BYTES_PER_TOKEN, row_bytes=0, max_rows=4)
    for batch in batches:
        assert_right(lm, batch)
    assert lm._pool.n_bytes <= slots * BYTES_PER_TOKEN


def test_equal_questions_are_computed_once(model):
    lm = wrap(model)
    states = np.array([lm.init([1, 2]), lm.init([1, 2]), lm.init([1, 2])])
    lm.log_probs(states)
    assert lm.n_tokens == 2
    lm.log_probs(lm.advance(states, np.array([3, 3, 4])))
    assert lm.n_tokens == 4
    lm.log_probs(states)
    assert lm.n_tokens == 4


def test_budgets(model):
    lm = wrap(model, kv_bytes=6000)
    states = np.array([lm.init([start, *range(40)]) for start in range(5)])
    with pytest.raises(LimitExceeded, match="kv_bytes"):
        lm.log_probs(states)
    rows = wrap(model, row_bytes=3 * V * 4)
    for start in range(20):
        rows.log_probs(np.array([rows.init([start])]))
    assert sum(kept.nbytes for kept in rows._kept.values()) <= 3 * V * 4
    assert len(rows._where) <= 3


def test_an_empty_prompt_is_an_end_token_without_a_start_token(model):
    lm = wrap(model)
    assert lm.init() == lm.init([V - 1])


def test_models_that_do_not_fit():
    t5 = transformers.T5ForConditionalGeneration(
        transformers.T5Config(vocab_size=V, d_model=16, d_kv=4, d_ff=16, num_layers=1, num_heads=2)
    )
    with pytest.raises(Unsupported, match="encoder-decoder"):
        wrap(t5)
    sliding = transformers.Gemma3TextConfig(**SMALL, head_dim=8)
    with pytest.raises(Unsupported, match="sliding_attention"):
        wrap(transformers.Gemma3ForCausalLM(sliding))
