"""Train the demo model that ships in this folder: `python -m constrain.hf.demo.train OUT`.

A Llama of 4 layers and 1.27 M parameters over a byte-level BPE of 1,024 ids, on text that
`corpus` makes. Everything is seeded; the files that result are the ones `demo_model` loads.

The files here came from the default arguments (seed 0, 7,500 steps, 100,000 documents, one
thread; torch 2.13.0, transformers 5.23.0): 3.7 M tokens at 6,300 tokens/s on an idle core of an
AMD EPYC, 10 minutes (16 where the core was shared); held-out loss 0.697 nats/token, 0.41 bit/byte.
Needs torch 2.9 or newer, for its Muon optimizer.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from .corpus import documents

VOCAB_SIZE = 1024
SPECIAL_TOKENS = ["<s>", "</s>", "<pad>"]
BOS, EOS, PAD = range(3)
TOKENS_PER_BATCH = 512
PEAK_RATE = 4e-3
IGNORED = -100  # the label that cross-entropy skips


def train_tokenizer(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """Byte-level BPE; digits stand alone; `<s>` is put in front when special tokens are asked."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=SPECIAL_TOKENS,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", BOS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        padding_side="left",
        clean_up_tokenization_spaces=False,
    )


def new_model() -> LlamaForCausalLM:
    config = LlamaConfig(
        vocab_size=VOCAB_SIZE,
        hidden_size=160,
        intermediate_size=416,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        bos_token_id=BOS,
        eos_token_id=EOS,
        pad_token_id=PAD,
    )
    model = LlamaForCausalLM(config)
    model.generation_config = GenerationConfig(bos_token_id=BOS, eos_token_id=EOS, pad_token_id=PAD)
    return model


def batches(rows: list[list[int]], rng: Random) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield (ids, labels) of about TOKENS_PER_BATCH, rows of like length together, shuffled."""
    rows = sorted(rows, key=lambda row: (len(row), rng.random()))
    groups: list[list[list[int]]] = [[]]
    for row in rows:
        if (len(groups[-1]) + 1) * len(row) > TOKENS_PER_BATCH:
            groups.append([])
        groups[-1].append(row)
    rng.shuffle(groups)
    for group in filter(None, groups):
        width = len(group[-1])
        ids = torch.tensor([row + [PAD] * (width - len(row)) for row in group])
        labels = torch.tensor([row + [IGNORED] * (width - len(row)) for row in group])
        yield ids, labels


def encode(tokenizer: PreTrainedTokenizerFast, texts: Sequence[str]) -> list[list[int]]:
    """Ids of every text between `<s>` and `</s>`."""
    return [[*ids, EOS] for ids in tokenizer(list(texts))["input_ids"]]


def rate(step: int, steps: int) -> float:
    """Learning rate: a short warm-up, a plateau, and a linear fall over the last half."""
    return PEAK_RATE * min(1.0, (step + 1) / 50, 2 * (steps - step) / steps)


def optimizers(model: LlamaForCausalLM) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the embedding and the norms."""
    inner = [p for p in model.model.layers.parameters() if p.ndim == 2]
    outer = [p for p in model.parameters() if all(p is not q for q in inner)]
    return [
        torch.optim.Muon(inner, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
        torch.optim.AdamW(outer, betas=(0.9, 0.95), weight_decay=0.1),
    ]


def train(model: LlamaForCausalLM, rows: list[list[int]], steps: int, seed: int) -> None:
    """`steps` steps of gradient descent, with a printed line every 250."""
    chain = optimizers(model)
    rng, began, step, tokens = Random(seed), time.perf_counter(), 0, 0
    while step < steps:
        for ids, labels in batches(rows, rng):
            loss = model(input_ids=ids, labels=labels).loss
            model.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimizer in chain:
                for group in optimizer.param_groups:
                    group["lr"] = rate(step, steps)
                optimizer.step()
            step, tokens = step + 1, tokens + ids.numel()
            if step % 250 == 0 or step == steps:
                spent = time.perf_counter() - began
                print(
                    f"step {step} loss {loss.item():.3f} tokens {tokens} {spent:.0f} s", flush=True
                )
            if step == steps:
                break


@torch.no_grad()
def mean_loss(model: LlamaForCausalLM, rows: list[list[int]]) -> float:
    """Nats per token over `rows`."""
    total = count = 0.0
    for ids, labels in batches(rows, Random(0)):
        n = int((labels[:, 1:] != IGNORED).sum())
        total += float(model(input_ids=ids, labels=labels).loss) * n
        count += n
    return total / count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path, help="folder for the model and tokenizer files")
    parser.add_argument("--steps", type=int, default=7500)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)

    texts = list(documents(args.seed, args.documents))
    tokenizer = train_tokenizer(texts[:20_000])
    rows = encode(tokenizer, texts)
    held_out = encode(tokenizer, list(documents(args.seed + 1, max(1, args.documents // 100))))
    print(f"{len(rows)} documents, {sum(map(len, rows))} tokens", flush=True)

    model = new_model().train()
    print(f"{sum(p.numel() for p in model.parameters())} parameters", flush=True)
    train(model, rows, args.steps, args.seed)
    model.eval()
    print(f"held-out loss {mean_loss(model, held_out):.4f} nats/token")
    model.half().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
