"""Where the parts of a transformer are: one small description per family of transformers.

A description names modules. Shapes, grouped queries and biases are read off the modules
themselves, so that a family needs no code of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

from constrain.errors import Unsupported


@dataclass(frozen=True)
class NormParts:
    """A norm as a function: y = gain * (x - mean(x) if centered) / spread + bias."""

    gain: torch.Tensor | float
    bias: torch.Tensor | float
    eps: float
    centered: bool


# --- values inside the output of a projection: (output, heads, d_head) -> by head


def _all_values(out: torch.Tensor, heads: int, d_head: int) -> torch.Tensor:
    return out.unflatten(-1, (-1, d_head))


def _last_third(out: torch.Tensor, heads: int, d_head: int) -> torch.Tensor:
    return out.chunk(3, dim=-1)[2].unflatten(-1, (-1, d_head))


def _third_of_each_head(out: torch.Tensor, heads: int, d_head: int) -> torch.Tensor:
    return out.unflatten(-1, (heads, 3, d_head))[..., 2, :]


# --- the usual answers


def _never(config: Any) -> bool:
    return False


def _always(config: Any) -> bool:
    return True


def _no_reason(config: Any) -> str | None:
    return None


@dataclass(frozen=True)
class Architecture:
    """Names of modules: `layers`, `final_norm` from the model, the others from a block.

    values: the projection whose output holds the values; `split` takes them out, shaped
        (batch, pos, key_value_heads, d_head), given (output, heads, d_head).
    attention_proj, ffn_proj: the last linear maps of the two layers.
    before_ffn: the module that reads the stream after attention (no matter in parallel blocks).
    attention_post_norm, ffn_post_norm: norms between a layer and the stream.
    parallel: does the feed-forward layer read what attention reads (a function of the config)?
    norm: reads a norm's parts.
    refuse: why a config of this family is not handled, or None.
    """

    layers: str
    final_norm: str
    attention: str
    values: str
    attention_proj: str
    ffn_proj: str
    norm: Callable[[Any], NormParts]
    before_ffn: str | None = None
    split: Callable[[torch.Tensor, int, int], torch.Tensor] = _all_values
    attention_post_norm: str | None = None
    ffn_post_norm: str | None = None
    parallel: Callable[[Any], bool] = _never
    refuse: Callable[[Any], str | None] = _no_reason


# --- norms


def _layer_norm(norm: Any) -> NormParts:
    gain = 1.0 if norm.weight is None else norm.weight
    return NormParts(gain, 0.0 if norm.bias is None else norm.bias, norm.eps, centered=True)


def _rms_norm(norm: Any) -> NormParts:
    return NormParts(norm.weight, 0.0, norm.variance_epsilon, centered=False)


def _rms_norm_around_one(norm: Any) -> NormParts:
    return NormParts(1.0 + norm.weight.float(), 0.0, norm.eps, centered=False)


# --- the families


def _opt_refuses(config: Any) -> str | None:
    if not config.do_layer_norm_before:
        return "norms on the residual stream itself (do_layer_norm_before=False)"
    if config.word_embed_proj_dim != config.hidden_size:
        return "embeddings of another width than the residual stream (word_embed_proj_dim)"
    return None


def _gemma_refuses(config: Any) -> str | None:
    return "attention to later tokens" if getattr(config, _BOTH_WAYS, False) else None


def _neox_parallel(config: Any) -> bool:
    return config.use_parallel_residual


_BOTH_WAYS = "use_bidirectional_attention"

_LLAMA = Architecture(
    layers="model.layers",
    final_norm="model.norm",
    attention="self_attn",
    values="self_attn.v_proj",
    attention_proj="self_attn.o_proj",
    ffn_proj="mlp.down_proj",
    before_ffn="post_attention_layernorm",
    norm=_rms_norm,
)
_GEMMA = replace(
    _LLAMA,
    before_ffn="pre_feedforward_layernorm",
    attention_post_norm="post_attention_layernorm",
    ffn_post_norm="post_feedforward_layernorm",
    norm=_rms_norm_around_one,
    refuse=_gemma_refuses,
)
_GPT2 = Architecture(
    layers="transformer.h",
    final_norm="transformer.ln_f",
    attention="attn",
    values="attn.c_attn",
    attention_proj="attn.c_proj",
    ffn_proj="mlp.c_proj",
    before_ffn="ln_2",
    norm=_layer_norm,
    split=_last_third,
)
_GPTJ = replace(
    _GPT2,
    values="attn.v_proj",
    attention_proj="attn.out_proj",
    ffn_proj="mlp.fc_out",
    before_ffn=None,
    split=_all_values,
    parallel=_always,
)
_NEOX = Architecture(
    layers="gpt_neox.layers",
    final_norm="gpt_neox.final_layer_norm",
    attention="attention",
    values="attention.query_key_value",
    attention_proj="attention.dense",
    ffn_proj="mlp.dense_4h_to_h",
    before_ffn="post_attention_layernorm",
    norm=_layer_norm,
    split=_third_of_each_head,
    parallel=_neox_parallel,
)
_OPT = Architecture(
    layers="model.decoder.layers",
    final_norm="model.decoder.final_layer_norm",
    attention="self_attn",
    values="self_attn.v_proj",
    attention_proj="self_attn.out_proj",
    ffn_proj="fc2",
    before_ffn="final_layer_norm",
    norm=_layer_norm,
    refuse=_opt_refuses,
)
_PHI = Architecture(
    layers="model.layers",
    final_norm="model.final_layernorm",
    attention="self_attn",
    values="self_attn.v_proj",
    attention_proj="self_attn.dense",
    ffn_proj="mlp.fc2",
    norm=_layer_norm,
    parallel=_always,
)

ARCHITECTURES: dict[str, Architecture] = {  # by config.model_type
    "gemma2": _GEMMA,
    "gemma3_text": _GEMMA,
    "gpt2": _GPT2,
    "gpt_neox": _NEOX,
    "gptj": _GPTJ,
    "llama": _LLAMA,
    "mistral": _LLAMA,
    "opt": _OPT,
    "phi": _PHI,
    "qwen2": _LLAMA,
    "qwen3": _LLAMA,
}


WHY_NOT = (  # what a config has, what is not described about it
    ("is_encoder_decoder", "it has an encoder"),
    ("num_local_experts", "its neurons are in experts, which differ by token"),
    ("num_experts", "its neurons are in experts, which differ by token"),
    ("state_size", "its layers are no attention"),
)


def architecture_of(model: Any) -> Architecture:
    """The description that fits `model`. Raises Unsupported, with the reason, where none does."""
    where = type(model).__name__
    kind = model.config.model_type
    description = ARCHITECTURES.get(kind)
    if description is None:
        why = next((why for name, why in WHY_NOT if getattr(model.config, name, None)), "")
        note = f"{why + '; ' if why else ''}described are {', '.join(ARCHITECTURES)}"
        raise Unsupported(f"model type {kind!r}", where, note=note)
    for reason in _reasons(model, description):
        raise Unsupported(reason, where)
    return description


def _reasons(model: Any, description: Architecture) -> Iterator[str]:
    """Why a model of a described family cannot be read after all."""
    if reason := description.refuse(model.config):
        yield reason
    if getattr(model, "is_quantized", False):
        yield "quantised weights"
    if model.get_output_embeddings() is None:
        yield "a model without an output layer"
        return
    try:
        blocks: Any = model.get_submodule(description.layers)
    except AttributeError:
        yield f"a model without {description.layers!r}, such as one inside a wrapper,"
        return
    devices = {parameter.device for parameter in model.parameters()}
    if len(devices) > 1:
        yield f"weights on several devices ({', '.join(sorted(map(str, devices)))})"
    for block in blocks:
        for name in (description.attention_proj, description.ffn_proj):
            kind = type(block.get_submodule(name))
            if kind not in (nn.Linear, Conv1D):
                yield f"{name} is {kind.__name__}, where a plain Linear is expected"


def weight_and_bias(module: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Weight, shaped (inputs, outputs), and bias of a Linear or a Conv1D."""
    weight = module.weight if isinstance(module, Conv1D) else module.weight.T
    return weight.detach(), None if module.bias is None else module.bias.detach()
