"""What can be seen inside a language model: an abstract interface.

A model is run on a batch; afterwards the parts of that run can be asked for. The laws, for every
layer l (float32, up to rounding):

    residual_in(l) + attention output(l)  == residual_after_attn(l)
    residual_after_attn(l) + ffn_out(l)   == residual_out(l) == residual_in(l + 1)
    sum over keys of decomposed_attn      == attention_output of each head
    sum over heads + attention_bias       == attention_output of the layer
    sum over neurons + ffn_bias           == ffn_out
    unembed(residual_out(last), True)     == logits
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model before any run.

    n_params_estimate: its size, for orientation. parallel: attention and feed-forward read the
    same input, so that `residual_after_attn` is a sum that no feed-forward layer reads.
    """

    name: str
    n_params_estimate: int
    n_layers: int
    n_heads: int
    d_model: int
    d_vocab: int
    parallel: bool = False


class TransparentLlm(ABC):
    """A decoder-only language model whose inner states can be read.

    `run` replaces what all other methods answer for; before the first run they raise
    RuntimeError (`model_info` and `neuron_output` do not need one). Rows of unequal length are
    padded on the right, where states exist but mean nothing; `attention_mask` says where.
    """

    @abstractmethod
    def model_info(self) -> ModelInfo: ...

    @abstractmethod
    def run(self, sentences: Sequence[str]) -> None:
        """Run the model on all sentences in one batch, a start token before each if it has one."""

    @abstractmethod
    def copy(self) -> TransparentLlm:
        """The same model with its own last run; a later `run` on either leaves the other alone."""

    @abstractmethod
    def batch_size(self) -> int: ...

    @abstractmethod
    def tokens(self) -> Int[torch.Tensor, "batch pos"]: ...

    @abstractmethod
    def attention_mask(self) -> Bool[torch.Tensor, "batch pos"]:
        """False where a row is padded."""

    @abstractmethod
    def tokens_to_strings(self, tokens: Int[torch.Tensor, " pos"]) -> list[str]: ...

    @abstractmethod
    def logits(self) -> Float[torch.Tensor, "batch pos d_vocab"]: ...

    @abstractmethod
    def unembed(
        self, t: Float[torch.Tensor, "*any d_model"], normalize: bool
    ) -> Float[torch.Tensor, "*any d_vocab"]:
        """Project a vector of the residual stream to the vocabulary.

        normalize: through the final norm first (and the cap on logits, where a model has one);
        without it the projection is affine in `t`.
        """

    # --- the residual stream

    @abstractmethod
    def residual_in(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        """What enters a layer; for layer 0 the embedded tokens, with their positions if added."""

    @abstractmethod
    def residual_after_attn(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        """The stream once attention has been added, before the feed-forward layer is."""

    @abstractmethod
    def residual_out(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]: ...

    # --- the feed-forward layer

    @abstractmethod
    def ffn_out(self, layer: int) -> Float[torch.Tensor, "batch pos d_model"]:
        """What the feed-forward layer adds to the stream."""

    @abstractmethod
    def decomposed_ffn_out(
        self, batch_i: int, layer: int, pos: int
    ) -> Float[torch.Tensor, "d_ffn d_model"]:
        """What each neuron adds: activation x output, scaled as a norm behind the layer did."""

    @abstractmethod
    def ffn_bias(self, batch_i: int, layer: int, pos: int) -> Float[torch.Tensor, " d_model"]:
        """What the layer adds that belongs to no neuron; 0 where it has no bias."""

    @abstractmethod
    def neuron_activations(
        self, batch_i: int, layer: int, pos: int
    ) -> Float[torch.Tensor, " d_ffn"]:
        """The hidden layer after its activation function (gated: after the product)."""

    @abstractmethod
    def neuron_output(self, layer: int, neuron: int) -> Float[torch.Tensor, " d_model"]:
        """The weights from a neuron to the stream."""

    # --- attention

    @abstractmethod
    def attention_matrix(
        self, batch_i: int, layer: int, head: int
    ) -> Float[torch.Tensor, "query_pos key_pos"]:
        """Weights that sum to one over keys and are 0 for later ones (so, but for queries in the
        padding, for padded ones)."""

    @abstractmethod
    def attention_output(
        self, batch_i: int, layer: int, pos: int, head: int | None = None
    ) -> Float[torch.Tensor, " d_model"]:
        """What one head adds to the stream, or, without `head`, the layer with its bias."""

    @abstractmethod
    def decomposed_attn(
        self, batch_i: int, layer: int
    ) -> Float[torch.Tensor, "query_pos key_pos head d_model"]:
        """What each head adds at each position, by the position that it comes from.

        The bias of the value projection is part of the values, and in here once.
        """

    @abstractmethod
    def attention_bias(self, batch_i: int, layer: int, pos: int) -> Float[torch.Tensor, " d_model"]:
        """What the layer adds that belongs to no head; 0 where it has no output bias."""
