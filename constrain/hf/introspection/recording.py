"""One run of an unmodified model, watched through forward hooks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from constrain.errors import Unsupported

from .architectures import Architecture, weight_and_bias


@dataclass(frozen=True, eq=False)
class Layer:
    """What one block did. `..._raw` is before the norm that follows a layer in some families."""

    residual_in: Float[torch.Tensor, "batch pos d_model"]
    residual_after_attn: Float[torch.Tensor, "batch pos d_model"]
    residual_out: Float[torch.Tensor, "batch pos d_model"]
    attention: Float[torch.Tensor, "batch head query_pos key_pos"]
    values: Float[torch.Tensor, "batch pos kv_head d_head"]
    attention_raw: Float[torch.Tensor, "batch pos d_model"]
    attention_out: Float[torch.Tensor, "batch pos d_model"]
    neurons: Float[torch.Tensor, "batch pos d_ffn"]
    ffn_raw: Float[torch.Tensor, "batch pos d_model"]
    ffn_out: Float[torch.Tensor, "batch pos d_model"]


@dataclass(frozen=True, eq=False)
class Recording:
    tokens: Int[torch.Tensor, "batch pos"]
    mask: Bool[torch.Tensor, "batch pos"]
    logits: Float[torch.Tensor, "batch pos d_vocab"]
    layers: list[Layer]


def record(
    model: Any,
    architecture: Architecture,
    tokens: Int[torch.Tensor, "batch pos"],
    mask: Bool[torch.Tensor, "batch pos"],
) -> Recording:
    """Run `model` once on rows padded on the right and keep what its modules read and wrote.

    Padding comes after everything that counts, where causal attention cannot see it; so the model
    is not told of it, and its attention stays regular at padded positions too.
    Attention weights need the eager implementation, to which the model is switched for the
    duration of the call; another thread must not use it meanwhile. Memory:
    O(layers * batch * pos * (heads * pos + d_ffn + d_model)).
    """
    if model.training:
        raise ValueError("the model is in training mode, where dropout is random; call .eval()")
    blocks = list(model.get_submodule(architecture.layers))
    seen: list[dict[str, torch.Tensor]] = [{} for _ in blocks]
    with torch.no_grad(), _eager(model), _hooked(blocks, architecture, seen):
        everything = torch.ones_like(tokens)
        logits = model(input_ids=tokens, attention_mask=everything, use_cache=False).logits
    parallel = architecture.parallel(model.config)
    layers = [
        _layer(block, architecture, parts, parallel)
        for block, parts in zip(blocks, seen, strict=True)
    ]
    return Recording(tokens, mask, logits, layers)


@contextmanager
def _eager(model: Any) -> Generator[None]:
    before: str = model.config._attn_implementation
    if before != "eager":
        model.set_attn_implementation("eager")
    try:
        if model.config._attn_implementation != "eager":
            raise Unsupported(
                f"attention by {before!r}", note='load the model with attn_implementation="eager"'
            )
        yield
    finally:
        if before != "eager":
            model.set_attn_implementation(before)


Keep = Callable[[str, torch.Tensor], None]


@contextmanager
def _hooked(
    blocks: list[Any], architecture: Architecture, seen: list[dict[str, torch.Tensor]]
) -> Generator[None]:
    handles: list[Any] = []
    try:
        for block, parts in zip(blocks, seen, strict=True):
            handles += _hook(block, architecture, parts)
        yield
    finally:
        for handle in handles:
            handle.remove()


def _hook(block: Any, a: Architecture, parts: dict[str, torch.Tensor]) -> Generator[Any]:
    """Put hooks on one block that file tensors under the names of `Layer`."""

    def inputs(name: str, module: Any) -> Any:
        def keep(_module: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            parts[name] = (args[0] if args else kwargs["hidden_states"]).detach()

        return module.register_forward_pre_hook(keep, with_kwargs=True)

    def output(name: str, module: Any, index: int = 0) -> Any:
        def keep(_module: Any, _args: Any, out: Any) -> None:
            parts[name] = (out[index] if isinstance(out, tuple) else out).detach()

        return module.register_forward_hook(keep)

    yield inputs("residual_in", block)
    yield output("residual_out", block)
    yield output("attention", block.get_submodule(a.attention), index=1)
    yield output("values", block.get_submodule(a.values))
    yield output("attention_raw", block.get_submodule(a.attention_proj))
    yield output("attention_out", block.get_submodule(a.attention_post_norm or a.attention_proj))
    yield inputs("neurons", block.get_submodule(a.ffn_proj))
    yield output("ffn_raw", block.get_submodule(a.ffn_proj))
    yield output("ffn_out", block.get_submodule(a.ffn_post_norm or a.ffn_proj))
    if a.before_ffn:
        yield inputs("residual_after_attn", block.get_submodule(a.before_ffn))


def _layer(block: Any, a: Architecture, parts: dict[str, torch.Tensor], parallel: bool) -> Layer:
    if parallel:  # nothing reads this sum, so it is made here
        parts["residual_after_attn"] = parts["residual_in"] + parts["attention_out"]
    batch, pos, _ = parts["residual_in"].shape
    attention = parts.pop("attention")
    # some blocks fold batch and position into one axis on their way
    shaped = {name: part.reshape(batch, pos, -1) for name, part in parts.items()}
    n_heads = attention.shape[1]
    d_head = len(weight_and_bias(block.get_submodule(a.attention_proj))[0]) // n_heads
    shaped["values"] = a.split(shaped["values"], n_heads, d_head)
    return Layer(attention=attention, **shaped)
