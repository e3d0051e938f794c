"""Text from a model that fits a grammar: prompts in, texts and their exact log-masses out."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from constrain.errors import Unsupported, VocabularyMismatch
from constrain.syntax.grammar import Grammar
from constrain.tokens.vocabulary import Vocabulary

from .prefixes import Constraint, Prefix
from .processor import LogitsProcessor
from .token_tables import AnyTokenizer
from .vocabulary import vocabulary

DEFAULT_NEW_TOKENS = 256
LIMITS = ("max_new_tokens", "max_length", "max_time")

REFUSED = [  # setting, value, why
    ("cache_implementation", "paged", "it passes logits processors by without a word"),
    ("token_healing", True, "it rewrites the prompt unseen; heal=True does so within the grammar"),
]

NEED_TOKENIZER = ("stop_strings", "assistant_tokenizer")


@dataclass(frozen=True, eq=False)
class Generated:
    """What `generate` gives, one entry per row (prompt by prompt, `num_return_sequences` each).

    texts: the bytes of the generated tokens, read as UTF-8.
    tokens: the generated ids, without prompt, end token and padding.
    log_masses: one float64 per step, in nats: the log of the probability that the grammar left
        (the step that chose the end token included).
    log_weights: their sums, float64 (rows,). A text drawn at temperature 1 without other
        processors has weight exp(log_weight) against the model's own distribution, restricted
        to the grammar's language.
    finished: ended by an end token, not by length.
    forbidden: with `report=n`, for each step the n likeliest tokens that the grammar forbade, as
        (id, the probability that the model gave it); else empty lists.
    """

    texts: list[str]
    tokens: list[list[int]]
    log_masses: list[NDArray[np.float64]]
    log_weights: NDArray[np.float64]
    finished: list[bool]
    forbidden: list[list[list[tuple[int, float]]]]


def generate(
    model: Any,
    tokenizer: AnyTokenizer,
    prompts: str | Sequence[str],
    g: Grammar | Constraint | Sequence[Grammar | Constraint],
    *,
    complete: bool = False,
    heal: bool = False,
    report: int = 0,
    **generate_kwargs: Any,
) -> Generated:
    """Generate text after each prompt that fits `g`, one for all or a list with one per prompt.

    generate_kwargs go to `model.generate`: sampling, beams, `num_return_sequences`, ...; seeds
    are torch's. Other logits processors run before the grammar. A text ends with any end token
    of the vocabulary. Where nothing sets a length the limit is 256 new tokens, not the 20 of
    transformers: a text that is cut off does not fit. Sampling keeps the 50 likeliest tokens
    unless `top_k=0`, as it does there.
    complete: allow only tokens after which the text can still be finished within the length, so
        that no text is cut off: `constrain.decoding.budget`. The language is then the texts that
        fit; EmptyLanguage is raised, before the model is called, if none does.
    heal: take the last token of each prompt away and let the first tokens spell its text anew, so
        that they may reach over the end of the prompt. `tokens` and `log_masses` count these
        too, `texts` begin behind them. For grammars without a contextual lexer.
    report: how many forbidden tokens to name for each step.
    Raises Unsupported for paged generation and token healing.
    """
    texts = [prompts] if isinstance(prompts, str) else list(prompts)
    if not texts:
        raise ValueError("expected a prompt or a list of prompts, got an empty list")
    rows: list[list[int]] = [tokenizer(text)["input_ids"] for text in texts]
    healed = [b""] * len(texts)
    if heal:
        if model.config.is_encoder_decoder:
            raise Unsupported("heal=True with an encoder", note="its prompt does not go on")
        rows, healed, g = _healed(rows, g, vocabulary(tokenizer, model))
    constraints = _constraints(model, tokenizer, g, len(texts))
    kwargs = dict(generate_kwargs)
    before = kwargs.pop("logits_processor", None) or []
    config, kwargs = _configured(model, constraints, kwargs)
    if any(getattr(config, name, None) or name in kwargs for name in NEED_TOKENIZER):
        kwargs["tokenizer"] = tokenizer
    inputs = _encode(model, tokenizer, rows, config)
    length = None if model.config.is_encoder_decoder else inputs["input_ids"].shape[1]
    if complete:
        limit = _new_tokens(model, config, length or 1)
        budgets = {id(c): _within(c, limit) for c in constraints}
        constraints = [budgets[id(c)] for c in constraints]
    processor = LogitsProcessor(constraints, prompt_length=length, measure=True, report=report)
    chain = transformers.LogitsProcessorList([*before, processor])
    output = model.generate(**inputs, generation_config=config, logits_processor=chain, **kwargs)
    sequences: torch.Tensor = output if isinstance(output, torch.Tensor) else output.sequences
    per_prompt = len(sequences) // len(texts)
    paths = [processor.path(row, i // per_prompt) for i, row in enumerate(sequences)]
    spelled = [constraints[i // per_prompt].vocabulary.tokens for i in range(len(sequences))]
    before = [healed[i // per_prompt] for i in range(len(sequences))]
    return _collect(paths, spelled, before, sequences[:, processor.prompt_length :])


def _healed(
    rows: Sequence[list[int]],
    g: Grammar | Constraint | Sequence[Grammar | Constraint],
    known: Vocabulary,
) -> tuple[list[list[int]], list[bytes], list[Grammar | Constraint]]:
    """Prompts without their last token if it has text, that text, and grammars that begin so."""
    specs = list(g) if isinstance(g, Sequence) else [g] * len(rows)
    ends = [(known.tokens[row[-1]] or b"") if len(row) > 1 else b"" for row in rows]
    whole: list[Grammar | Constraint] = []
    for spec, end in zip(specs, ends, strict=True):
        if not isinstance(spec, Grammar):
            raise Unsupported(f"heal=True with a {type(spec).__name__}", note="pass a Grammar")
        whole.append(end + spec if end else spec)
    return [row[:-1] if end else row for row, end in zip(rows, ends, strict=True)], ends, whole


def _constraints(
    model: Any,
    tokenizer: AnyTokenizer,
    g: Grammar | Constraint | Sequence[Grammar | Constraint],
    count: int,
) -> list[Constraint]:
    """One constraint per prompt; equal grammars are compiled once."""
    specs = list(g) if isinstance(g, Sequence) else [g] * count
    if len(specs) != count:
        raise ValueError(
            f"expected one grammar, or one for each of {count} prompts, got {len(specs)}"
        )
    grammars = {spec for spec in specs if isinstance(spec, Grammar)}
    compiled = {grammar: _compiled(grammar, model, tokenizer) for grammar in grammars}
    return [compiled[spec] if isinstance(spec, Grammar) else spec for spec in specs]


def _compiled(grammar: Grammar, model: Any, tokenizer: AnyTokenizer) -> Constraint:
    from constrain.decoding import compile  # loads numba, which nothing else here needs

    return compile(grammar, vocabulary(tokenizer, model))


def _new_tokens(model: Any, config: Any, length: int) -> int:
    """How many tokens may be generated after `length` columns."""
    settings = (config, model.generation_config)
    new, whole = (
        next((v for c in settings if (v := getattr(c, name, None)) is not None), None)
        for name in ("max_new_tokens", "max_length")
    )
    if new is not None:
        return int(new)
    if whole is None:
        raise Unsupported("complete=True without max_new_tokens or max_length")
    return int(whole) - length


def _within(constraint: Constraint, limit: int) -> Constraint:
    from constrain.decoding import Constraint as Compiled
    from constrain.decoding.budget import within

    if not isinstance(constraint, Compiled):
        raise Unsupported(f"complete=True with a {type(constraint).__name__}")
    return within(constraint, limit)


def _configured(
    model: Any, constraints: Sequence[Constraint], kwargs: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    """A generation config with end and padding ids and a length, and the other arguments."""
    given: Any = kwargs.pop("generation_config", None)
    config: Any = copy.deepcopy(model.generation_config if given is None else given)
    rest: dict[str, Any] = config.update(**kwargs)

    def setting(name: str) -> Any:
        value = getattr(config, name, None)
        return getattr(model.generation_config, name, None) if value is None else value

    for name, value, note in REFUSED:
        if setting(name) == value:
            raise Unsupported(f"{name}={value!r}", note=note)
    config.eos_token_id = _end_ids(constraints, kwargs.get("eos_token_id"))
    if setting("pad_token_id") is None:
        config.pad_token_id = config.eos_token_id[0]
    if not any(map(setting, LIMITS)):
        config.max_new_tokens = DEFAULT_NEW_TOKENS
    return config, rest


def _end_ids(constraints: Sequence[Constraint], asked: int | Sequence[int] | None) -> list[int]:
    ids = {i for c in constraints for i in c.vocabulary.eos_token_ids}
    others = {asked} - ids if isinstance(asked, int) else set(asked or ()) - ids
    if others:
        raise VocabularyMismatch(
            f"eos_token_id {sorted(others)} ends no text in the constraint's vocabulary, where "
            f"{sorted(ids)} do; build the vocabulary with these ids"
        )
    return sorted(ids)


def _encode(
    model: Any, tokenizer: AnyTokenizer, prompts: Sequence[list[int]], config: Any
) -> dict[str, torch.Tensor]:
    """Ids and attention mask, padded on the left (for an encoder: on the right).

    An empty prompt becomes the tokenizer's start token, or else an end token.
    """
    start: int | None = tokenizer.bos_token_id
    empty = [config.eos_token_id[0] if start is None else start]
    rows = [row or empty for row in prompts]
    width = max(map(len, rows))
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    attention = torch.zeros_like(ids)
    for i, row in enumerate(rows):
        place = slice(len(row)) if model.config.is_encoder_decoder else slice(-len(row), None)
        ids[i, place] = torch.tensor(row)
        attention[i, place] = 1
    pad = config.pad_token_id
    ids[attention == 0] = model.generation_config.pad_token_id if pad is None else pad
    return {"input_ids": ids.to(model.device), "attention_mask": attention.to(model.device)}


def _collect(
    paths: Sequence[Sequence[Prefix]],
    spelled: Sequence[Sequence[bytes | None]],
    before: Sequence[bytes],
    suffixes: torch.Tensor,
) -> Generated:
    """Read rows along their prefixes; `suffixes` (rows, steps) are the ids after the prompt."""
    tokens: list[list[int]] = []
    masses: list[NDArray[np.float64]] = []
    forbidden: list[list[list[tuple[int, float]]]] = []
    for path, row in zip(paths, suffixes.tolist(), strict=True):
        n_tokens = sum(prefix.open for prefix in path) - 1
        n_steps = n_tokens + path[-1].ended
        tokens.append(row[:n_tokens])
        masses.append(np.array([_mass(prefix) for prefix in path[:n_steps]], np.float64))
        forbidden.append([prefix.forbidden for prefix in path[:n_steps]])
    return Generated(
        texts=[_text(*row) for row in zip(spelled, before, tokens, strict=True)],
        tokens=tokens,
        log_masses=masses,
        log_weights=np.array([mass.sum() for mass in masses], np.float64),
        finished=[path[-1].ended for path in paths],
        forbidden=forbidden,
    )


def _text(spelled: Sequence[bytes | None], before: bytes, tokens: Sequence[int]) -> str:
    """What the tokens spell behind the text that belongs to the prompt."""
    data = b"".join(spelled[token] or b"" for token in tokens)
    return data[len(before) :].decode(errors="replace")


def _mass(prefix: Prefix) -> float:
    if prefix.log_mass is None:
        raise Unsupported("log-masses of a decoding method that skips logits processors")
    return prefix.log_mass
