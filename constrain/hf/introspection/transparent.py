"""`TransparentLlm` for decoder-only models of transformers, read through forward hooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from jaxtyping import Bool, Float, Int

from .architectures import architecture_of, weight_and_bias
from .interface import ModelInfo, TransparentLlm
from .norms import FrozenNorm, freeze
from .recording import Layer, Recording, record


class HFTransparentLlm(TransparentLlm):
    """Looks inside `model`, which stays as it is. float32 and bfloat16.

    Wholes (residuals, `ffn_out`, logits) come as the model made them; decompositions are worked
    out from weights and activations in float32. GPT-2, GPT-J, GPT-NeoX, Llama, Mistral, Qwen 2
    and 3, Gemma 2 and 3, OPT and Phi; anything else raises Unsupported with the reason.
    """

    def __init__(self, model: Any, tokenizer: Any = None):
        self.model, self.tokenizer = model, tokenizer
        self.architecture = architecture_of(model)
        self._recording: Recording | None = None

    def model_info(self) -> ModelInfo:
        config = self.model.config
        return ModelInfo(
            name=config.name_or_path or config.model_type,
            n_params_estimate=sum(parameter.numel() for parameter in self.model.parameters()),
            n_layers=config.num_hidden_layers,
            n_heads=config.num_attention_heads,
            d_model=config.hidden_size,
            d_vocab=self.model.get_output_embeddings().weight.shape[0],
            parallel=self.architecture.parallel(config),
        )

    def run(self, sentences: Sequence[str]) -> None:
        self.run_ids([self.encode(sentence) for sentence in sentences])

    def encode(self, sentence: str) -> list[int]:
        """Token ids of a text, behind the tokenizer's start token if it has one."""
        ids: list[int] = self._named()(sentence)["input_ids"]
        start: int | None = self._named().bos_token_id
        return ids if start is None or ids[:1] == [start] else [start, *ids]

    def run_ids(self, rows: Sequence[Sequence[int]]) -> None:
        """Run the model on token ids as they are, one sequence per row of any length >= 1."""
        if not rows or not all(rows):
            raise ValueError("expected at least one row of at least one token id")
        width = max(map(len, rows))
        tokens = torch.full((len(rows), width), self._pad(), dtype=torch.long)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        for i, row in enumerate(rows):
            tokens[i, : len(row)] = torch.tensor(list(row))
            mask[i, : len(row)] = True
        device = self.model.device
        self._recording = record(self.model, self.architecture, tokens.to(device), mask.to(device))

    def copy(self) -> HFTransparentLlm:
        other = HFTransparentLlm(self.model, self.tokenizer)
        other._recording = self._recording  # a value: runs replace it, nothing changes it
        return other

    def batch_size(self) -> int:
        return len(self._ran().tokens)

    def tokens(self) -> Int[torch.Tensor, "batch pos"]:
        return self._ran().tokens

    def attention_mask(self) -> Bool[torch.Tensor, "batch pos"]:
        return self._ran().mask

    def tokens_to_strings(self, tokens: Int[torch.Tensor, " pos"]) -> list[str]:
        return [self._named().decode([token]) for token in tokens.tolist()]

    def logits(self) -> Float[torch.Tensor, "batch pos d_vocab"]:
        return self._ran().logits

    def unembed(
        self, t: Float[torch.Tensor, "*any d_model"], normalize: bool
    ) -> Float[torch.Tensor, "*any d_vocab"]:
        with torch.no_grad():
            if not normalize:
                return self.model.get_output_embeddings()(t.to(self.model.dtype))
            logits = self.model.get_output_embeddings()(self._final_norm()(t.to(self.model.dtype)))
            cap = self._cap()
            return logits if cap is None else torch.tanh(logits / cap) * cap

    # --- the residual stream

    def residual_in(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        return self._layer(layer).residual_in

    def residual_after_attn(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        return self._layer(layer).residual_after_attn

    def residual_out(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        return self._layer(layer).residual_out

    # --- the feed-forward layer

    def ffn_out(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        return self._layer(layer).ffn_out

    def decomposed_ffn_out(
        self, batch_i: int, layer: int, pos: int
    ) -> Float[torch.Tensor, "d_ffn d_model"]:
        activations = self.neuron_activations(batch_i, layer, pos).float()
        parts = activations[:, None] * self._ffn_weight(layer)[0].float()
        return self._after_ffn(batch_i, layer, pos, parts)

    def ffn_bias(self, batch_i: int, layer: int, pos: int) -> Float[torch.Tensor, " d_model"]:
        weight, bias = self._ffn_weight(layer)
        return self._after_ffn(batch_i, layer, pos, _or_zero(bias, weight))

    def neuron_activations(
        self, batch_i: int, layer: int, pos: int
    ) -> Float[torch.Tensor, " d_ffn"]:
        return self._layer(layer).neurons[batch_i, pos]

    def neuron_output(self, layer: int, neuron: int) -> Float[torch.Tensor, " d_model"]:
        return self._ffn_weight(layer)[0][neuron]

    # --- attention

    def attention_matrix(
        self, batch_i: int, layer: int, head: int
    ) -> Float[torch.Tensor, "query_pos key_pos"]:
        return self._layer(layer).attention[batch_i, head]

    def attention_output(
        self, batch_i: int, layer: int, pos: int, head: int | None = None
    ) -> Float[torch.Tensor, " d_model"]:
        if head is None:
            return self._layer(layer).attention_out[batch_i, pos]
        return self.head_outputs(batch_i, layer, pos)[head]

    def head_outputs(
        self, batch_i: int, layer: int, pos: int
    ) -> Float[torch.Tensor, "head d_model"]:
        """What every head adds to the stream at one position."""
        attention = self._layer(layer).attention[batch_i, :, pos].float()
        mixed = torch.einsum("hk,khe->he", attention, self._head_values(batch_i, layer))
        parts = torch.einsum("he,hed->hd", mixed, self._head_weights(layer))
        return self._after_attention(batch_i, layer, pos, parts)

    def decomposed_attn(
        self, batch_i: int, layer: int
    ) -> Float[torch.Tensor, "query_pos key_pos head d_model"]:
        written = torch.einsum(
            "khe,hed->khd", self._head_values(batch_i, layer), self._head_weights(layer)
        )
        attention = self._layer(layer).attention[batch_i].float()
        parts = torch.einsum("hqk,khd->qkhd", attention, written)
        return self._after_attention(batch_i, layer, None, parts)

    def attention_bias(self, batch_i: int, layer: int, pos: int) -> Float[torch.Tensor, " d_model"]:
        weight, bias = self._attention_weight(layer)
        return self._after_attention(batch_i, layer, pos, _or_zero(bias, weight))

    def final_norm(self, batch_i: int, pos: int) -> FrozenNorm:
        """The last norm, frozen as it acted at a position of the run."""
        x = self._ran().layers[-1].residual_out[batch_i, pos]
        return freeze(self._final_norm(), x, self.architecture.norm)

    def slope(self, logits: Float[torch.Tensor, "*any"]) -> Float[torch.Tensor, "*any"]:
        """d logit / d (logit before the cap); 1 where a model has no cap on logits."""
        cap = self._cap()
        return torch.ones_like(logits) if cap is None else 1 - (logits / cap).square()

    def _cap(self) -> float | None:
        return getattr(self.model.config, "final_logit_softcapping", None)

    def unembedding(
        self,
    ) -> tuple[Float[torch.Tensor, "d_vocab d_model"], Float[torch.Tensor, " d_vocab"]]:
        """Weight and bias (0 if there is none) of the output layer."""
        head = self.model.get_output_embeddings()
        weight, bias = weight_and_bias(head)
        return weight.T, _or_zero(bias, weight)

    # --- inside

    def _ran(self) -> Recording:
        if self._recording is None:
            raise RuntimeError("nothing has been run yet; call run(sentences) first")
        return self._recording

    def _layer(self, layer: int) -> Layer:
        return self._ran().layers[layer]

    def _named(self) -> Any:
        if self.tokenizer is None:
            raise ValueError("texts need a tokenizer: HFTransparentLlm(model, tokenizer)")
        return self.tokenizer

    def _pad(self) -> int:
        """Any token will do, since padding is masked; the model's own if it has one."""
        pad: int | None = getattr(self.model.config, "pad_token_id", None)
        return 0 if pad is None or pad < 0 else pad

    def _block(self, layer: int) -> Any:
        return self.model.get_submodule(self.architecture.layers)[layer]

    def _final_norm(self) -> Any:
        return self.model.get_submodule(self.architecture.final_norm)

    def _attention_weight(self, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        return weight_and_bias(self._block(layer).get_submodule(self.architecture.attention_proj))

    def _ffn_weight(self, layer: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        return weight_and_bias(self._block(layer).get_submodule(self.architecture.ffn_proj))

    def _head_weights(self, layer: int) -> Float[torch.Tensor, "head d_head d_model"]:
        n_heads = self._layer(layer).attention.shape[1]
        return self._attention_weight(layer)[0].float().unflatten(0, (n_heads, -1))

    def _head_values(self, batch_i: int, layer: int) -> Float[torch.Tensor, "pos head d_head"]:
        """Values as each head sees them: grouped queries share theirs."""
        values = self._layer(layer).values[batch_i].float()
        n_heads = self._layer(layer).attention.shape[1]
        return values.repeat_interleave(n_heads // values.shape[1], dim=1)

    def _after_attention(
        self, batch_i: int, layer: int, pos: int | None, parts: torch.Tensor
    ) -> torch.Tensor:
        """Parts of attention's output at `pos` (None: at all of them) as they reach the stream."""
        raw = self._layer(layer).attention_raw[batch_i]
        return self._through(
            self.architecture.attention_post_norm,
            layer,
            raw[:, None, None] if pos is None else raw[pos],
            parts,
        )

    def _after_ffn(self, batch_i: int, layer: int, pos: int, parts: torch.Tensor) -> torch.Tensor:
        raw = self._layer(layer).ffn_raw[batch_i, pos]
        return self._through(self.architecture.ffn_post_norm, layer, raw, parts)

    def _through(
        self, norm: str | None, layer: int, whole: torch.Tensor, parts: torch.Tensor
    ) -> torch.Tensor:
        if norm is None:
            return parts
        frozen = freeze(self._block(layer).get_submodule(norm), whole, self.architecture.norm)
        return frozen.linear(parts)


def _or_zero(bias: torch.Tensor | None, weight: torch.Tensor) -> torch.Tensor:
    return weight.new_zeros(weight.shape[1], dtype=torch.float32) if bias is None else bias.float()
