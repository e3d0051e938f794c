"""The laws of `TransparentLlm`, on random models of every family, in a padded batch of two."""

from __future__ import annotations

from typing import get_args, get_type_hints

import pytest
import torch
from jaxtyping import jaxtyped
from tiny_models import CONFIGS, tiny
from torch import nn
from transformers import AutoModelForCausalLM, BloomConfig, MambaConfig, MixtralConfig

from constrain.errors import Unsupported
from constrain.hf.introspection import HFTransparentLlm

ROWS = [[3, 14, 15, 9, 26, 5, 35], [8, 9, 7, 9]]
SHORT = 4  # where padding begins in the second row
LAYERS = range(2)


def close(a: torch.Tensor, b: torch.Tensor, atol: float = 1e-4) -> None:
    torch.testing.assert_close(a.float(), b.float(), atol=atol, rtol=0)


@pytest.fixture(scope="module", params=CONFIGS)
def ran(request: pytest.FixtureRequest) -> HFTransparentLlm:
    llm = HFTransparentLlm(tiny(request.param))
    llm.run_ids(ROWS)
    return llm


def attention_out(llm: HFTransparentLlm, layer: int) -> torch.Tensor:
    rows = [
        torch.stack([llm.attention_output(b, layer, p) for p in range(7)])
        for b in range(llm.batch_size())
    ]
    return torch.stack(rows)


def test_residual_stream_adds_up(ran: HFTransparentLlm):
    for layer in LAYERS:
        mid = ran.residual_after_attn(layer)
        close(ran.residual_in(layer) + attention_out(ran, layer), mid)
        close(mid + ran.ffn_out(layer), ran.residual_out(layer))
    assert torch.equal(ran.residual_in(1), ran.residual_out(0))


def test_residuals_and_logits_are_what_the_model_reports(ran: HFTransparentLlm):
    out = ran.model(ran.tokens(), attention_mask=ran.attention_mask(), output_hidden_states=True)
    real = ran.attention_mask()
    close(ran.logits()[real], out.logits[real].detach())
    for layer in LAYERS:
        close(ran.residual_in(layer)[real], out.hidden_states[layer][real].detach())
    close(ran.unembed(ran.residual_out(1), normalize=True), ran.logits())


CALLS = {
    "tokens": (),
    "attention_mask": (),
    "logits": (),
    "residual_in": (0,),
    "residual_after_attn": (1,),
    "residual_out": (1,),
    "ffn_out": (1,),
    "decomposed_ffn_out": (1, 0, 2),
    "ffn_bias": (1, 0, 2),
    "neuron_activations": (1, 0, 2),
    "neuron_output": (0, 3),
    "attention_matrix": (1, 0, 3),
    "attention_output": (1, 0, 2),
    "decomposed_attn": (1, 0),
    "attention_bias": (1, 0, 2),
    "head_outputs": (1, 0, 2),
    "unembedding": (),
}


def test_shapes_are_as_annotated(ran: HFTransparentLlm):
    """All in one context, where an axis has one size throughout."""
    with jaxtyped("context"):
        for name, arguments in CALLS.items():
            method = getattr(ran, name)
            said = get_type_hints(method)["return"]
            found = method(*arguments)
            pairs = zip(get_args(said), found, strict=True) if name == "unembedding" else []
            for expected, part in pairs or [(said, found)]:
                assert isinstance(part, expected), (name, part.shape, expected)


def test_padding_changes_nothing(ran: HFTransparentLlm):
    alone = HFTransparentLlm(ran.model)
    alone.run_ids(ROWS[1:])
    close(alone.logits()[0], ran.logits()[1, :SHORT])
    close(alone.decomposed_attn(0, 1), ran.decomposed_attn(1, 1)[:SHORT, :SHORT])


def test_attention_rows_sum_to_one_and_look_back_only(ran: HFTransparentLlm):
    for layer in LAYERS:
        for head in range(4):
            for b in range(2):
                matrix = ran.attention_matrix(b, layer, head)
                close(matrix.sum(1), torch.ones(7), 1e-5)
                assert torch.equal(matrix, matrix.tril())
            assert not ran.attention_matrix(1, layer, head)[:SHORT, SHORT:].any()


def test_decomposed_attention_sums_to_heads_and_to_the_layer(ran: HFTransparentLlm):
    for layer in LAYERS:
        for b in range(2):
            parts = ran.decomposed_attn(b, layer)
            assert parts.shape == (7, 7, 4, 32)
            for p in range(7):
                heads = torch.stack([ran.attention_output(b, layer, p, h) for h in range(4)])
                close(parts[p].sum(0), heads)
                whole = heads.sum(0) + ran.attention_bias(b, layer, p)
                close(whole, ran.attention_output(b, layer, p))
                assert not parts[p, p + 1 :].any()


def test_decomposed_ffn_sums_to_the_layer(ran: HFTransparentLlm):
    for layer in LAYERS:
        for p in range(7):
            parts = ran.decomposed_ffn_out(1, layer, p)
            close(parts.sum(0) + ran.ffn_bias(1, layer, p), ran.ffn_out(layer)[1, p])
            assert parts.shape == (*ran.neuron_activations(1, layer, p).shape, 32)


def test_a_neuron_adds_its_activation_times_its_output(ran: HFTransparentLlm):
    parts = ran.decomposed_ffn_out(0, 1, 3)
    activations = ran.neuron_activations(0, 1, 3)
    outputs = torch.stack([ran.neuron_output(1, n) for n in range(len(parts))])
    expected = activations[:, None] * outputs
    if ran.architecture.ffn_post_norm:  # one factor per coordinate, the same for all neurons
        factor = parts.sum(0) / expected.sum(0)
        expected = expected * factor
    close(parts, expected)


def test_activations_are_those_behind_the_activation_function():
    model = tiny("gpt2")
    seen: list[torch.Tensor] = []
    model.transformer.h[1].mlp.act.register_forward_hook(lambda m, i, out: seen.append(out))
    llm = HFTransparentLlm(model)
    llm.run_ids(ROWS)
    close(llm.neuron_activations(0, 1, 3), seen[0][0, 3].detach())


def test_the_bias_of_the_values_counts_once():
    """A known implementation adds it to the values, where it already is."""
    llm = HFTransparentLlm(tiny("gpt2"))
    llm.run_ids(ROWS)
    block = llm.model.transformer.h[0].attn
    bias = block.c_attn.bias[64:].detach()
    once = llm.decomposed_attn(0, 0).sum((1, 2))[3] + llm.attention_bias(0, 0, 3)
    whole = llm.attention_output(0, 0, 3)
    close(once, whole)
    assert (once + bias @ block.c_proj.weight.detach() - whole).abs().max() > 0.1


def test_unembed_is_affine_without_the_norm(ran: HFTransparentLlm):
    a, b = ran.residual_out(0)[0, :2]
    zero = ran.unembed(torch.zeros_like(a), normalize=False)
    both = ran.unembed(a + b, normalize=False) + zero
    close(both, ran.unembed(a, normalize=False) + ran.unembed(b, normalize=False), 1e-3)


def test_the_final_norm_is_linear_once_frozen(ran: HFTransparentLlm):
    frozen = ran.final_norm(1, 2)
    parts = [ran.residual_in(1), attention_out(ran, 1), ran.ffn_out(1)]
    summed = sum(frozen.linear(part[1, 2]) for part in parts) + frozen.bias
    cap = getattr(ran.model.config, "final_logit_softcapping", None) or float("inf")
    logits = ran.unembed((summed), normalize=False)
    expected = ran.logits()[1, 2]
    close(logits if cap == float("inf") else torch.tanh(logits / cap) * cap, expected)


@pytest.mark.parametrize("family", CONFIGS)
def test_bfloat16(family: str):
    llm = HFTransparentLlm(tiny(family, torch.bfloat16))
    llm.run_ids(ROWS)
    size = llm.residual_out(1).abs().max().item()
    for layer in LAYERS:
        mid = llm.residual_after_attn(layer)
        close(llm.residual_in(layer) + attention_out(llm, layer), mid, size / 100)
        close(mid + llm.ffn_out(layer), llm.residual_out(layer), size / 100)
        heads = llm.decomposed_attn(1, layer).sum((1, 2))[2] + llm.attention_bias(1, layer, 2)
        close(heads, llm.attention_output(1, layer, 2), size / 50)
        neurons = llm.decomposed_ffn_out(1, layer, 2).sum(0) + llm.ffn_bias(1, layer, 2)
        close(neurons, llm.ffn_out(layer)[1, 2], size / 50)
    assert torch.equal(llm.unembed(llm.residual_out(1), normalize=True), llm.logits())


def test_the_model_is_left_as_it_was():
    model = tiny("llama")
    assert model.config._attn_implementation == "sdpa"
    before = {name: parameter.clone() for name, parameter in model.named_parameters()}
    HFTransparentLlm(model).run_ids(ROWS)
    assert model.config._attn_implementation == "sdpa"
    assert all(torch.equal(before[name], p) for name, p in model.named_parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_hooks_go_when_the_run_fails():
    model = tiny("gpt2")
    with pytest.raises(IndexError):
        HFTransparentLlm(model).run_ids([[10_000]])
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_a_copy_has_its_own_run():
    llm = HFTransparentLlm(tiny("gpt2"))
    llm.run_ids(ROWS)
    other = llm.copy()
    logits = llm.logits()
    other.run_ids([[1, 2]])
    assert llm.logits() is logits
    assert other.batch_size() == 1


def test_before_the_first_run():
    llm = HFTransparentLlm(tiny("phi"))
    info = llm.model_info()
    assert (info.n_layers, info.n_heads, info.d_model, info.d_vocab) == (2, 4, 32, 50)
    assert info.parallel
    with pytest.raises(RuntimeError, match="call run"):
        llm.logits()


def test_sentences_get_a_start_token(demo):
    model, tokenizer, _ = demo
    llm = HFTransparentLlm(model, tokenizer)
    llm.run(["A book", "B"])
    assert llm.tokens()[:, 0].tolist() == [tokenizer.bos_token_id] * 2
    n = int(llm.attention_mask()[0].sum())
    assert "".join(llm.tokens_to_strings(llm.tokens()[0, 1:n])) == "A book"
    assert llm.batch_size() == 2


SMALL = {"hidden_size": 32, "num_hidden_layers": 1, "vocab_size": 50, "intermediate_size": 40}


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (BloomConfig(hidden_size=32, n_layer=1, n_head=4, vocab_size=50), "'bloom'.*described are"),
        (MixtralConfig(**SMALL, num_attention_heads=4, num_key_value_heads=2), "in experts"),
        (MambaConfig(**SMALL), "no attention"),
    ],
    ids=lambda value: getattr(value, "model_type", ""),
)
def test_other_models_are_refused(config, why: str):
    with pytest.raises(Unsupported, match=why):
        HFTransparentLlm(AutoModelForCausalLM.from_config(config))


class Wrapped(nn.Module):
    """Says what the model in it says, as an adapter does."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.config = inner, inner.config

    def get_output_embeddings(self):
        return self.inner.get_output_embeddings()


def test_refusals_within_a_family():
    with pytest.raises(Unsupported, match="do_layer_norm_before"):
        HFTransparentLlm(tiny("opt", do_layer_norm_before=False))
    with pytest.raises(Unsupported, match="word_embed_proj_dim"):
        HFTransparentLlm(tiny("opt", word_embed_proj_dim=12))
    with pytest.raises(Unsupported, match="later tokens"):
        HFTransparentLlm(tiny("gemma3", use_bidirectional_attention=True))
    with pytest.raises(Unsupported, match="without an output layer"):
        HFTransparentLlm(tiny("llama").model)
    with pytest.raises(Unsupported, match=r"a model without 'model\.layers'"):
        HFTransparentLlm(Wrapped(tiny("llama")))
    model = tiny("llama")
    model.model.layers[1].mlp.down_proj = nn.Sequential(model.model.layers[1].mlp.down_proj)
    with pytest.raises(Unsupported, match=r"mlp\.down_proj is Sequential"):
        HFTransparentLlm(model)
    with pytest.raises(ValueError, match="training mode"):
        HFTransparentLlm(tiny("gpt2").train()).run_ids(ROWS)
