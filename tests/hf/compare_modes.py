"""Live processing against full replay: every mode of `generate`, on models of four families.

    python tests/hf/compare_modes.py --seeds 9 --vocab 2000 32000 131072

prints a table of comparisons; the tests run a small part of it.
"""

from __future__ import annotations

import argparse
import random
import warnings
from collections.abc import Callable
from functools import cache

import torch
import transformers as tf
from replay import Replay
from transformers.generation.streamers import BaseStreamer

import constrain
from constrain.decoding.processing import Chain, GrammarProcessor
from constrain.hf import ChainProcessor, LogitsProcessor

EOS, PAD = [0, 3], 1
NEW_TOKENS = 10
PROMPT = 5
SIZES = {"hidden_size": 16, "intermediate_size": 16, "num_attention_heads": 2}


@cache
def vocabulary(width: int) -> constrain.Vocabulary:
    """Four special ids, every byte, then texts of two to five signs."""
    rng = random.Random(width)
    tokens: list[bytes | None] = [None] * 4 + [bytes([b]) for b in range(256)]
    signs = '{}[]":, abcdefnrstule0123456789-.'
    while len(tokens) < width:
        tokens.append("".join(rng.choices(signs, k=rng.randint(2, 5))).encode())
    return constrain.Vocabulary(tokens, EOS)


@cache
def constraints(width: int) -> list[constrain.Constraint]:
    """One for each of two prompts."""
    schema = {"type": "array", "items": {"type": ["integer", "boolean"]}, "maxItems": 3}
    grammars = [constrain.json_schema(schema), constrain.regex(r"[a-f]{1,6}( \d+)?")]
    return [constrain.compile(grammar, vocabulary(width)) for grammar in grammars]


def _llama(width):
    config = tf.LlamaConfig(vocab_size=width, num_hidden_layers=1, num_key_value_heads=1, **SIZES)
    return tf.LlamaForCausalLM(config)


def _gpt2(width):
    return tf.GPT2LMHeadModel(
        tf.GPT2Config(vocab_size=width, n_positions=256, n_embd=16, n_layer=1, n_head=2)
    )


def _qwen3(width):
    config = tf.Qwen3Config(
        vocab_size=width, num_hidden_layers=1, num_key_value_heads=1, head_dim=8, **SIZES
    )
    return tf.Qwen3ForCausalLM(config)


def _t5(width):
    sizes = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2}
    return tf.T5ForConditionalGeneration(
        tf.T5Config(vocab_size=width, decoder_start_token_id=PAD, **sizes)
    )


FAMILIES = {"llama": _llama, "gpt2": _gpt2, "qwen3": _qwen3, "t5": _t5}


@cache
def model(family: str, width: int, seed: int = 0):
    """A random model whose logits differ enough for every token to have its day."""
    torch.manual_seed(seed)
    made = FAMILIES[family](width).eval()
    made.get_output_embeddings().weight.data.normal_(std=1.0)
    made.generation_config = tf.GenerationConfig(
        eos_token_id=EOS, pad_token_id=PAD, decoder_start_token_id=PAD, top_k=0
    )
    return made


class Listener(BaseStreamer):
    def __init__(self):
        self.heard: list[list[int]] = []

    def put(self, value):
        self.heard.append(value.reshape(-1).tolist())

    def end(self):
        self.heard.append([])


def prompts(width: int, rows: int) -> torch.Tensor:
    """Left padded, the second longer than the first."""
    generator = torch.Generator().manual_seed(7)
    ids = torch.randint(4, width, (2, PROMPT), generator=generator)
    ids[0, :2] = PAD
    return ids[2 - rows :]


def plain(**kwargs) -> Callable:
    return lambda net, ids, width: kwargs


def _static(net, ids, width):
    return {"cache_implementation": "static"}


def _compiled(net, ids, width):
    config = tf.CompileConfig(backend="eager", fullgraph=False)
    config._compile_all_devices = True
    return {"cache_implementation": "static", "compile_config": config}


def _draft(**more) -> Callable:
    def kwargs(net, ids, width):
        family = next(f for f, cls in NAMES.items() if cls == type(net).__name__)
        return {"assistant_model": model(family, width, seed=1), **more}

    return kwargs


NAMES = {
    "llama": "LlamaForCausalLM",
    "gpt2": "GPT2LMHeadModel",
    "qwen3": "Qwen3ForCausalLM",
    "t5": "T5ForConditionalGeneration",
}


def _embeds(net, ids, width):
    return {"inputs_embeds": net.get_input_embeddings()(ids), "input_ids": None}


def _continued(net, ids, width):
    with torch.no_grad():
        cache_ = net(ids[:, :-2], use_cache=True).past_key_values
    return {"past_key_values": cache_}


MODES: dict[str, tuple[int, Callable]] = {  # rows, what is passed to generate
    "greedy": (2, plain()),
    "sample": (2, plain(do_sample=True)),
    "warped sample": (2, plain(do_sample=True, temperature=0.7, top_k=20, top_p=0.9)),
    "n-best": (2, plain(do_sample=True, num_return_sequences=3)),
    "beams": (2, plain(num_beams=4, num_return_sequences=2)),
    "renormalized beams": (2, plain(num_beams=3, renormalize_logits=True)),
    "beam-sample": (2, plain(num_beams=3, do_sample=True)),
    "draft": (1, _draft()),
    "sampled draft": (1, _draft(do_sample=True)),
    "prompt lookup": (1, plain(prompt_lookup_num_tokens=3)),
    "static cache": (2, plain(cache_implementation="static")),
    "compiled": (2, _compiled),
    "inputs_embeds": (2, _embeds),
    "continued cache": (1, _continued),
    "repetition penalty": (2, plain(repetition_penalty=1.3)),
    "chunked prefill": (1, plain(prefill_chunk_size=2)),
    "streamer": (1, lambda net, ids, width: {"streamer": Listener()}),
}
NOT_FOR = {"t5": {"chunked prefill", "continued cache", "prompt lookup"}}
"""What the library itself has not for a family."""


def run(family: str, mode: str, width: int, seed: int, processor) -> list[list[int]]:
    """The ids that come out, and what a streamer heard."""
    net = model(family, width)
    rows, kwargs = MODES[mode]
    ids = prompts(width, rows)
    arguments = {"input_ids": ids, "attention_mask": (ids != PAD).long()}
    arguments |= kwargs(net, ids, width)
    torch.manual_seed(seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        out = net.generate(
            **{k: v for k, v in arguments.items() if v is not None},
            max_new_tokens=NEW_TOKENS,
            logits_processor=[processor],
        )
    heard = getattr(arguments.get("streamer"), "heard", [])
    return out.tolist() + heard


def compare(family: str, mode: str, width: int, seed: int) -> bool:
    """Is what the processors give that of a full replay, bit for bit?"""
    rows = MODES[mode][0]
    mine = constraints(width)[2 - rows :]
    length = 1 if family == "t5" else 0 if mode == "inputs_embeds" else PROMPT
    slow = run(family, mode, width, seed, Replay(mine, length))
    chain = Chain([GrammarProcessor(mine)])
    live = [LogitsProcessor(mine), ChainProcessor(chain)]
    return all(run(family, mode, width, seed, processor) == slow for processor in live)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("--vocab", type=int, nargs="+", default=[2000])
    arguments = parser.parse_args()
    tf.utils.logging.set_verbosity_error()
    equal = total = 0
    for width in arguments.vocab:
        for family in FAMILIES:
            for mode in MODES:
                if mode in NOT_FOR.get(family, ()):
                    continue
                same = [compare(family, mode, width, seed) for seed in range(arguments.seeds)]
                print(f"{width:7} {family:6} {mode:20} {sum(same)} of {len(same)}", flush=True)
                equal, total = equal + sum(same), total + len(same)
    print(f"{equal} of {total} comparisons are identical")


if __name__ == "__main__":
    main()
