"""Programs written for LLaMPPL (hfppl) run after changing their import line.

`import constrain.llamppl as llamppl`. The names and what they mean are LLaMPPL's (Lew, Zhi-Xuan,
Grand and Mansinghka 2023); behind them stand `constrain.smc` and `constrain.hf`. Differences, all
on purpose: a particle of weight zero ends at once; masks are bits and not Python sets (they behave
as sets); language models are asked together when all programs wait, so timeouts, batch sizes and
caches need no setting; every run takes `rng`, a seed or a generator.
"""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from constrain.distributions import (
    LMContext,
    Token,
    TokenCategorical as PlainTokenCategorical,
    TokenMask,
    TokenSequence,
    Transformer,
)
from constrain.errors import SpecError, Unsupported
from constrain.hf.language_model import HFLanguageModel
from constrain.lm import distributions as plain
from constrain.lm.keys import Key, Seed, seed_of
from constrain.lm.protocol import LanguageModel, Request, States, Tokens
from constrain.smc.modeling import Model as _Model, SubModel, submodel
from constrain.smc.program_beam import program_beam
from constrain.smc.programs import Programs
from constrain.smc.resampling import RESAMPLERS
from constrain.smc.result import Result
from constrain.smc.sequential import sequential
from constrain.smc.steering import steering

# --- numbers


def logsumexp(nums: ArrayLike) -> float:
    """log of the sum of exp; -inf for only -inf."""
    return plain.logsumexp(nums)


def log_softmax(nums: ArrayLike) -> NDArray[np.float64]:
    return plain.log_normalized(nums)


def softmax(nums: ArrayLike) -> NDArray[np.float64]:
    return np.exp(plain.log_normalized(nums))


# --- distributions: here `sample` and `log_prob` are awaited


class Distribution:
    """Base of a program's own distributions: `async sample() -> (x, log_prob)`, `log_prob(x)`."""

    async def sample(self) -> tuple[Any, float]:
        raise NotImplementedError

    async def log_prob(self, x: Any) -> float:
        raise NotImplementedError

    async def argmax(self, idx: int) -> tuple[Any, float]:
        raise NotImplementedError


class _Awaited(Distribution):
    """A distribution of `constrain.distributions` whose answers are awaited."""

    def __init__(self, inner: Any):
        self.inner = inner

    async def sample(self, key: Key | None = None) -> tuple[Any, float]:
        return self.inner.sample(Key(seed_of(None)) if key is None else key)

    async def log_prob(self, x: Any) -> float:
        return self.inner.log_prob(x)

    async def argmax(self, idx: int) -> tuple[Any, float]:
        return self.inner.argmax(idx)


class Bernoulli(_Awaited):
    def __init__(self, p: float):
        super().__init__(plain.Bernoulli(p))


class Geometric(_Awaited):
    def __init__(self, p: float):
        super().__init__(plain.Geometric(p))


class LogCategorical(_Awaited):
    def __init__(self, logits: ArrayLike):
        super().__init__(plain.LogCategorical(logits))


class TokenCategorical(_Awaited):
    def __init__(self, lm: LanguageModel, logits: ArrayLike):
        super().__init__(PlainTokenCategorical(lm, logits))


class _Keyless:
    """A program's own distribution, whose `sample` takes no key."""

    def __init__(self, inner: Distribution):
        self._inner = inner

    async def sample(self, key: Key) -> tuple[Any, float]:
        return await self._inner.sample()

    async def log_prob(self, value: Any) -> float:
        return await self._inner.log_prob(value)


def _sampled(dist: Any) -> Any:
    """A distribution as sites ask it."""
    own = isinstance(dist, Distribution) and not isinstance(dist, _Awaited)
    return _Keyless(dist) if own else dist


class Model(_Model):
    """A particle; see `constrain.smc.modeling.Model`."""

    async def sample(self, dist: Any, proposal: Any = None, name: str | None = None) -> Any:
        if self.mode == "beam" and isinstance(dist, Distribution):
            chosen = proposal if isinstance(proposal, Distribution) else dist
            value, _ = await chosen.argmax(self.beam_idx)
            return await self.observe(dist, value, name)
        return await super().sample(_sampled(dist), _sampled(proposal), name)

    async def observe(self, dist: Any, x: Any, name: str | None = None) -> Any:
        return await super().observe(_sampled(dist), x, name)

    async def intervene(self, dist: Any, x: Any, name: str | None = None) -> Any:
        return await super().intervene(_sampled(dist), x, name)


# --- language models


class Masks:
    """Sets of a model's tokens, by their text."""

    def __init__(self, lm: CachedCausalLM):
        self._texts = lm.str_vocab
        self._ids = lm.vocabulary.eos_token_ids
        self._lengths = np.array([len(text) for text in self._texts])
        self._lengths[list(self._ids)] = 0
        self.ALL_TOKENS = TokenMask(np.ones(len(self._texts), np.bool_))
        self.EOS = TokenMask.of(self._ids, len(self._texts))
        self.STARTS_NEW_WORD = self._where(_starts_word)
        self.CONTINUES_CURRENT_WORD = self._where(_continues_word)
        self.MID_PUNCTUATION = self._where({",", ":", ";", "-", '"'}.__contains__)
        self.END_PUNCTUATION = self._where({".", "!", "?"}.__contains__)
        self.PUNCTUATION = self.MID_PUNCTUATION | self.END_PUNCTUATION
        self.CONTAINS_WHITESPACE = self._where(_has_whitespace)

    def _where(self, holds: Callable[[str], bool]) -> TokenMask:
        special = set(self._ids)
        return TokenMask(
            np.array([i not in special and holds(t) for i, t in enumerate(self._texts)])
        )

    def token_length_mask(
        self, min: int | None = None, max: int | None = None, max_chars: int | None = None
    ) -> TokenMask:
        """Tokens of `min` to `max` characters; end tokens have 0. `max_chars` is `max`."""
        most = max if max is not None else max_chars
        least = 0 if min is None else min
        fits = self._lengths >= least
        return TokenMask(fits if most is None else fits & (self._lengths <= most))


def _has_whitespace(text: str) -> bool:
    return any(c in string.whitespace for c in text)


def _starts_word(text: str) -> bool:
    return (
        len(text) > 1 and text[0] == " " and text[1] not in string.whitespace + string.punctuation
    )


def _continues_word(text: str) -> bool:
    return bool(text) and all(c in "'" or c.isalpha() for c in text)


class CachedCausalLM:
    """A language model with the extras that LLaMPPL programs use; itself a LanguageModel.

    The methods that steer caches and batches of the original do nothing here that changes an
    answer: prefixes are shared and kept under a byte budget, and a batch is what all programs ask.
    """

    batch_size = 0
    timeout = 0.0

    def __init__(self, model: LanguageModel):
        self.model = model
        self.vocabulary = model.vocabulary
        self.tokenizer: Any = getattr(model, "tokenizer", None) or _Ids(model)

    @classmethod
    def from_pretrained(cls, model_id: str, backend: str = "hf", **kwargs: Any) -> CachedCausalLM:
        """A transformers model by name or folder; kwargs go to its `from_pretrained`."""
        if backend != "hf":
            raise Unsupported(f"backend={backend!r}", note='this version has "hf"')
        if kwargs.pop("load_in_8bit", False):
            raise Unsupported("load_in_8bit", note="give a quantisation config to the model")
        token = kwargs.pop("auth_token", None)
        options = {**kwargs, **({} if token is None else {"token": token})}
        return cls(HFLanguageModel.from_pretrained(model_id, **options))

    @classmethod
    def from_model(cls, model: Any, tokenizer: Any) -> CachedCausalLM:
        """Around a transformers model that is loaded already."""
        return cls(HFLanguageModel(model, tokenizer))

    # a LanguageModel

    def init(self, prompt: Sequence[int] = ()) -> int:
        return self.model.init(prompt)

    def advance(self, states: States, tokens: Tokens) -> States:
        return self.model.advance(states, tokens)

    def log_probs(self, states: States) -> Any:
        return self.model.log_probs(states)

    # what programs ask besides

    @cached_property
    def byte_vocab(self) -> list[bytes]:
        return [token or b"" for token in self.vocabulary.tokens]

    @cached_property
    def str_vocab(self) -> list[str]:
        return [token.decode(errors="replace") for token in self.byte_vocab]

    @property
    def vocab(self) -> list[str]:
        return self.str_vocab

    @cached_property
    def masks(self) -> Masks:
        return Masks(self)

    async def next_token_logprobs(self, token_ids: Sequence[int]) -> NDArray[Any]:
        """float[vocab] after these ids; inside of inference, together with other programs'."""
        return await Request(self, self.init(token_ids))

    def next_token_logprobs_unbatched(self, token_ids: Sequence[int]) -> NDArray[Any]:
        return self.log_probs(np.array([self.init(token_ids)]))[0]

    def cache_kv(self, prompt_tokens: Sequence[int]) -> None:
        """Have the keys and values of a prompt; they would come by themselves."""
        self.log_probs(np.array([self.init(prompt_tokens)]))

    def clear_cache(self) -> None:
        """Free what is kept for prefixes."""
        forget = getattr(self.model, "forget", None)
        if forget is not None:
            forget()

    clear_kv_cache = clear_cache

    def reset_async_queries(self) -> None:
        """Nothing waits between runs here."""


class _Ids:
    """The little of a tokenizer that programs use, for a model that has none."""

    bos_token_id = None

    def __init__(self, model: LanguageModel):
        self._vocabulary = model.vocabulary
        self.eos_token_id = model.vocabulary.eos_token_ids[0]

    def convert_ids_to_tokens(self, token: int) -> str:
        text = self._vocabulary.tokens[token]
        return f"<{token}>" if text is None else text.decode(errors="replace")

    def decode(self, ids: Sequence[int]) -> str:
        return b"".join(self._vocabulary.tokens[i] or b"" for i in ids).decode(errors="replace")

    def encode(self, text: str, add_special_tokens: bool = True) -> list[int]:
        if self._vocabulary.encode is None:
            raise SpecError("the model's vocabulary has no `encode`; give token ids")
        return list(self._vocabulary.encode(text))


# --- inference


async def smc_standard(
    model: _Model,
    n_particles: int,
    ess_threshold: float = 0.5,
    visualization_dir: str | None = None,
    json_file: str | None = None,
    resampling_method: str = "multinomial",
    rng: Seed | None = None,
) -> list[Any]:
    """Sequential Monte Carlo; the particles, whose weights average to the evidence."""
    seed, where = seed_of(rng), _record_path(visualization_dir, json_file)
    found = sequential(
        Programs.start(model, n_particles, seed),
        seed,
        ess_threshold=ess_threshold,
        resample=_resampler(resampling_method),
        record=where is not None,
    )
    return _written(found, where)


async def smc_steer(
    model: _Model,
    n_particles: int,
    n_beam: int,
    visualization_dir: str | None = None,
    json_file: str | None = None,
    rng: Seed | None = None,
) -> list[Any]:
    """Sequential Monte Carlo steering; the particles, of which none has weight zero."""
    seed, where = seed_of(rng), _record_path(visualization_dir, json_file)
    population = Programs.start(model, n_particles, seed)
    return _written(steering(population, seed, n_beam, record=where is not None), where)


async def importance_sampling(
    model: _Model, n_particles: int, rng: Seed | None = None
) -> list[Any]:
    """Independent particles."""
    return await smc_standard(model, n_particles, ess_threshold=0.0, rng=rng)


async def beam(
    model: _Model, n_beam: int, n_explore: int = 2, force_eos: bool = False
) -> list[Any]:
    """The heaviest programs that a beam finds."""
    found = program_beam(model, n_beam, n_explore, force_eos=force_eos)
    return list(found.particles.models)


def _resampler(name: str) -> Any:
    if name not in RESAMPLERS:
        raise SpecError(f"unknown resampling method {name!r}; there are {', '.join(RESAMPLERS)}")
    return RESAMPLERS[name]


def _record_path(folder: str | None, file: str | None) -> Path | None:
    """Where the record goes: None for nowhere; a folder alone gets `record.json`."""
    if folder is None and file is None:
        return None
    return Path(folder or ".") / (file or "record.json")


def _written(found: Result[Programs], where: Path | None) -> list[Any]:
    if where is not None:
        where.write_text(found.to_json(), encoding="utf-8")
    return list(found.particles.models)


# --- words


@submodel
async def sample_word(
    self: SubModel, context: LMContext, max_tokens: int = 5, allow_punctuation: bool = True
) -> tuple[str, str]:
    """A word of at most `max_tokens` tokens, and a punctuation mark or nothing."""
    masks, word = _masks(context), ""
    await self.observe(context.mask_dist(_begins(context)), True)
    for n in range(1, max_tokens + 1):
        word += (await self.sample(context.next_token())).token_str
        goes_on = context.mask_dist(masks.CONTINUES_CURRENT_WORD)
        if n == max_tokens:
            await self.observe(goes_on, False)
        elif not await self.sample(goes_on):
            break
    mark = await _mark(self, context, masks.PUNCTUATION) if allow_punctuation else ""
    return word, mark


@submodel
async def sample_word_2(
    self: SubModel,
    context: LMContext,
    max_chars: int | None = None,
    allow_mid_punctuation: bool = True,
    allow_end_punctuation: bool = True,
) -> tuple[str, str, str]:
    """A word of at most `max_chars` characters, with a mark inside and one at the end, or ''."""
    masks, word = _masks(context), ""
    await self.observe(context.mask_dist(_begins(context)), True)
    while True:
        if max_chars is not None:
            room = max_chars - len(word.strip()) + (not word)  # the space in front is no part
            await self.observe(context.mask_dist(masks.token_length_mask(max=room)), True)
        word += (await self.sample(context.next_token())).token_str
        goes_on = context.mask_dist(masks.CONTINUES_CURRENT_WORD)
        if max_chars is not None and len(word.strip()) >= max_chars:
            await self.observe(goes_on, False)
            break
        if not await self.sample(goes_on):
            break
    nothing = TokenMask.of((), len(context.lm.vocabulary))
    mid = masks.MID_PUNCTUATION if allow_mid_punctuation else nothing
    end = masks.END_PUNCTUATION if allow_end_punctuation else nothing
    mark = await _mark(self, context, mid | end) if len(mid | end) else ""
    is_end = mark.strip()[-1:] in (".", "!", "?") and mark != ""
    return (word, "", mark) if is_end else (word, mark, "")


async def _mark(self: SubModel, context: LMContext, allowed: TokenMask) -> str:
    if not await self.sample(context.mask_dist(allowed)):
        return ""
    return (await self.sample(context.next_token())).token_str


def _masks(context: LMContext) -> Masks:
    lm: Any = context.lm
    return lm.masks


def _begins(context: LMContext) -> TokenMask:
    """The tokens that may begin a word here: with a space, unless there is one already."""
    lm: Any = context.lm
    last = lm.str_vocab[context.tokens[-1]] if context.tokens else ""
    spaced = last[-1:] in (*string.whitespace, "-", "'", '"') and last != ""
    return lm.masks.CONTINUES_CURRENT_WORD if spaced or not last else lm.masks.STARTS_NEW_WORD


__all__ = [
    "Bernoulli",
    "CachedCausalLM",
    "Distribution",
    "Geometric",
    "LMContext",
    "LogCategorical",
    "Masks",
    "Model",
    "SubModel",
    "Token",
    "TokenCategorical",
    "TokenMask",
    "TokenSequence",
    "Transformer",
    "beam",
    "importance_sampling",
    "log_softmax",
    "logsumexp",
    "sample_word",
    "sample_word_2",
    "smc_standard",
    "smc_steer",
    "softmax",
    "submodel",
]
