"""A transformers causal model as a `constrain.lm.LanguageModel`, behind a trie with a KV cache.

States are nodes of the trie. Only tokens whose keys and values are in no slot are computed, all of
a batch together, wherever the sequences come from and however long they are.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from constrain.errors import Unsupported
from constrain.lm.protocol import States, Tokens
from constrain.tokens.vocabulary import Vocabulary

from .kv_pool import KVPool
from .prefix_trie import PrefixTrie
from .vocabulary import vocabulary as vocabulary_of

KV_BYTES = 1 << 30
ROW_BYTES = 1 << 26
MAX_ROWS = 256

Rows = NDArray[np.float32]


class HFLanguageModel:
    """Log-probabilities of a causal model with ordinary attention.

    vocabulary: that of the tokenizer, if left out.
    kv_bytes: bound on keys and values kept; LimitExceeded where one batch alone needs more.
    row_bytes: bound on rows of logits kept for prefixes that are asked for again.
    max_rows: sequences in one forward pass.

    Agrees with a full forward pass to float32 rounding (1e-4 nats), by whatever path a prefix was
    reached. Raises Unsupported for encoder-decoders and for layers without plain full attention.
    Not for several threads at a time.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any = None,
        *,
        vocabulary: Vocabulary | None = None,
        kv_bytes: int = KV_BYTES,
        row_bytes: int = ROW_BYTES,
        max_rows: int = MAX_ROWS,
    ):
        _check(model)
        self.model, self.tokenizer = model.eval(), tokenizer
        self.vocabulary = vocabulary_of(tokenizer, model) if vocabulary is None else vocabulary
        self.max_rows, self._row_bytes = max_rows, row_bytes
        self._trie = PrefixTrie(len(self.vocabulary))
        self._pool = KVPool(kv_bytes)
        self._kept: OrderedDict[int, Rows] = OrderedDict()  # batch number -> its rows
        self._where: dict[int, tuple[int, int]] = {}  # state -> (batch, row)
        self._n_batches = 0
        self.n_tokens = 0
        """Tokens that went through the model so far."""

    @classmethod
    def from_pretrained(cls, name: str, **options: Any) -> HFLanguageModel:
        """A model and its tokenizer by name or folder; `options` are those of the model."""
        auto: Any = transformers
        model = auto.AutoModelForCausalLM.from_pretrained(name, **options)
        return cls(model, auto.AutoTokenizer.from_pretrained(name))

    def init(self, prompt: Sequence[int] = ()) -> int:
        """The state after a prompt; an empty one stands for the start token, or an end token."""
        if not len(prompt):
            start = getattr(self.tokenizer, "bos_token_id", None)
            prompt = [self.vocabulary.eos_token_ids[0] if start is None else start]
        return self._trie.walk(0, prompt)

    def advance(self, states: States, tokens: Tokens) -> States:
        return self._trie.children(np.asarray(states), np.asarray(tokens))

    def log_probs(self, states: States) -> Rows:
        """int64[n] -> float32[n, vocab], normalised."""
        rows = self.logits(states)
        top = rows.max(-1, keepdims=True)
        total = np.exp(rows - top).sum(-1, keepdims=True, dtype=np.float64)
        return rows - (top + np.log(total)).astype(np.float32)

    def logits(self, states: States) -> Rows:
        """int64[n] -> float32[n, vocab], as the model gives them. Do not write to them."""
        states = np.asarray(states)
        if self._where and all(state in self._where for state in states.tolist()):
            places = [self._where[state] for state in states.tolist()]
            return np.stack([self._kept[batch][row] for batch, row in places])
        missing = [s for s in dict.fromkeys(states.tolist()) if s not in self._where]
        fresh = self._computed(np.array(missing))
        if len(missing) == len(states):
            return fresh
        place = {state: i for i, state in enumerate(missing)}
        return np.stack(
            [fresh[place[s]] if s in place else self._known(s) for s in states.tolist()]
        )

    def forget(self) -> None:
        """Drop all keys, values and rows; states stay good."""
        self._pool.clear()
        self._kept.clear()
        self._where.clear()

    # --- rows that were computed before

    def _known(self, state: int) -> Rows:
        batch, row = self._where[state]
        return self._kept[batch][row]

    def _keep(self, states: Tokens, rows: Rows) -> None:
        """Remember a batch of rows, and forget the oldest beyond the budget."""
        if rows.nbytes > self._row_bytes:
            return
        self._n_batches += 1
        self._kept[self._n_batches] = rows
        self._where.update((s, (self._n_batches, i)) for i, s in enumerate(states.tolist()))
        while sum(kept.nbytes for kept in self._kept.values()) > self._row_bytes:
            gone, _ = self._kept.popitem(last=False)
            self._where = {s: place for s, place in self._where.items() if place[0] != gone}

    # --- rows that are computed

    def _computed(self, states: States) -> Rows:
        """Rows of different states, in forward passes of equal numbers of new tokens."""
        paths = self._trie.paths(states)
        parts: list[tuple[NDArray[np.int64], Rows]] = []
        left: NDArray[np.int64] = np.arange(len(states))
        while len(left):
            news = self._n_new(paths[left])  # asked anew: a pass may have evicted something
            chosen = left[news == news[0]][: self.max_rows]
            width = int(self._trie.depths[states[chosen]].max())
            parts.append((chosen, self._forward(paths[chosen, -width:], int(news[0]))))
            left = left[~np.isin(left, chosen)]
        rows = _in_order(parts)
        self._keep(states, rows)
        return rows

    def _n_new(self, paths: NDArray[np.int32]) -> NDArray[np.int64]:
        """For each path, how many nodes at its end have to be computed: at least the last."""
        before = paths[:, :-1]
        missing = (before > 0) & ~self._pool.held(before)
        none = np.ones((len(paths), 1), np.bool_)  # behind them, for paths that miss none
        return paths.shape[1] - np.concatenate([missing, none], -1).argmax(-1)

    def _forward(self, paths: NDArray[np.int32], new: int) -> Rows:
        """One forward pass over the last `new` nodes of each path; the others are held."""
        old, fresh = paths[:, :-new], paths[:, -new:]
        inputs = {
            "input_ids": self._trie.tokens[fresh].astype(np.int64),
            "attention_mask": (paths > 0).astype(np.int64),
            "position_ids": (self._trie.depths[fresh] - 1).astype(np.int64),
        }
        with torch.inference_mode():
            output = self.model(
                **{k: torch.from_numpy(v).to(self.model.device) for k, v in inputs.items()},
                past_key_values=self._pool.gather(old),
                use_cache=True,
                logits_to_keep=1,
            )
            self._pool.store(output.past_key_values, fresh.astype(np.int64))
        self.n_tokens += fresh.size
        return output.logits[:, -1].float().cpu().numpy()


def _in_order(parts: list[tuple[NDArray[np.int64], Rows]]) -> Rows:
    """Rows of several passes, each with its places, put together; one pass is not copied."""
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([places for places, _ in parts]))
    return np.concatenate([rows for _, rows in parts])[order]


def _check(model: Any) -> None:
    config = model.config.get_text_config()
    if model.config.is_encoder_decoder:
        raise Unsupported("an encoder-decoder as a language model of prefixes")
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    if kinds != {"full_attention"}:
        others = ", ".join(sorted(kinds - {"full_attention"}))
        raise Unsupported(
            f"a prefix trie over layers with {others}",
            note="their cache is not one of single tokens",
        )
