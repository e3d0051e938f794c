"""Models of every family that introspection knows: two layers, random weights, biases not 0."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import transformers as hf
from transformers import AutoModelForCausalLM

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 50}
GROUPED = {**SIZES, "num_key_value_heads": 2, "intermediate_size": 40}
LONG_NAMES = {"bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
GEMMA = {**GROUPED, **LONG_NAMES, "head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 3}
GPT2 = {"n_embd": 32, "n_layer": 2, "n_head": 4, "vocab_size": 50, "n_positions": 32}

CONFIGS: dict[str, Callable[[], Any]] = {
    "gpt2": lambda: hf.GPT2Config(**GPT2),
    "gptj": lambda: hf.GPTJConfig(**GPT2, rotary_dim=4),
    "llama": lambda: hf.LlamaConfig(**GROUPED, attention_bias=True, mlp_bias=True),
    "mistral": lambda: hf.MistralConfig(**GROUPED, sliding_window=3),
    "qwen2": lambda: hf.Qwen2Config(**GROUPED),
    "qwen3": lambda: hf.Qwen3Config(**GROUPED, head_dim=8, attention_bias=True),
    "opt": lambda: hf.OPTConfig(**SIZES, ffn_dim=40, word_embed_proj_dim=32, **LONG_NAMES),
    "gemma2": lambda: hf.Gemma2Config(**GEMMA, final_logit_softcapping=5.0),
    "gemma3": lambda: hf.Gemma3TextConfig(**GEMMA, attention_bias=True),
    "phi": lambda: hf.PhiConfig(**GROUPED, qk_layernorm=True),
    "neox": lambda: hf.GPTNeoXConfig(**SIZES, intermediate_size=40),
    "neox_sequential": lambda: hf.GPTNeoXConfig(
        **SIZES, intermediate_size=40, use_parallel_residual=False
    ),
}


def tiny(family: str, dtype: torch.dtype = torch.float32, **changes: Any) -> Any:
    """A model whose every parameter, biases and norms included, is away from where it starts."""
    config = CONFIGS[family]()
    config.update(changes)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.2)
    return model.to(dtype)
