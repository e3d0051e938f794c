"""A text that grows as a program samples from it: the model, the tokens, what is ruled out.

`LMContext.next_token()` and `.mask_dist(mask)` are distributions with a side effect: whichever of
`sample` and `log_prob` is asked moves the context on. The model is asked at most once for each
prefix, and not before the answer is needed: never behind an end token that nobody continues.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from constrain.lm.distributions import Distribution, invert, log_normalized, logsumexp
from constrain.lm.keys import Key, seed_of
from constrain.lm.protocol import LanguageModel
from constrain.poutine import Logits, apply_stack, apply_stack_async

from .masks import Bits, TokenMask
from .tokens import Token, TokenSequence

Row = NDArray[np.float64]


class LMContext:
    """A text of a language model.

    prompt: text, or token ids. temp: the model's log-probabilities are divided by it and
        normalised. show_prompt, show_eos: what `str` shows.
    """

    def __init__(
        self,
        lm: LanguageModel,
        prompt: str | Sequence[int] = (),
        temp: float = 1.0,
        show_prompt: bool = False,
        show_eos: bool = True,
    ):
        self.lm = lm
        self._tokens = tuple(TokenSequence(lm, prompt).seq)
        self._state = lm.init(self._tokens)
        self.temp = temp
        self.prompt_token_count = len(self._tokens)
        self.show_prompt, self.show_eos = show_prompt, show_eos
        self._row: Row | None = None  # of the model at this temperature, nothing ruled out
        self._mask: Bits | None = None  # tokens not ruled out; None: all
        self._log_mass = 0.0  # log of their probability

    @classmethod
    async def create(cls, *args: Any, **kwargs: Any) -> LMContext:
        """The same as the class itself, for programs that await it."""
        return cls(*args, **kwargs)

    def fork(self) -> LMContext:
        """A context that goes on from here by itself. O(1): everything inside is immutable."""
        other = object.__new__(type(self))
        other.__dict__.update(self.__dict__)
        return other

    def __deepcopy__(self, memo: dict[int, Any]) -> LMContext:
        return self.fork()

    @property
    def tokens(self) -> list[int]:
        """Ids of prompt and text."""
        return list(self._tokens)

    @property
    def token_count(self) -> int:
        return len(self._tokens)

    @property
    def model_mask(self) -> TokenMask:
        """The tokens that are not ruled out for the next place."""
        bits = np.ones(len(self.lm.vocabulary), np.bool_) if self._mask is None else self._mask
        return TokenMask(bits)

    @property
    def next_token_logprobs(self) -> Row:
        """float64[vocab]: of the next token, given what is ruled out. Asks the model if needed."""
        return self.masked(self._known_row())

    def next_token(self) -> LMNextToken:
        """The distribution of the next token; what is drawn or observed is appended."""
        return LMNextToken(self)

    def mask_dist(self, mask: Any) -> LMTokenMask:
        """Whether the next token will be in a set; the answer rules out the others.

        mask: a TokenMask, token ids, bool[vocab], or packed uint32 words as constraints give them.
        """
        return LMTokenMask(self, mask)

    def __str__(self) -> str:
        first = 0 if self.show_prompt else self.prompt_token_count
        eos = () if self.show_eos else self.lm.vocabulary.eos_token_ids
        shown = (token for token in self._tokens[first:] if token not in eos)
        return "".join(_shown(self.lm, token) for token in shown)

    # --- for the two distributions

    async def prepare(self) -> None:
        """Have the model's row, waiting for it if need be."""
        if self._row is None:
            asked = Logits(name=self._site(), lm=self.lm, state=self._state)
            self._row = self._tempered((await apply_stack_async(asked)).value)

    def _known_row(self) -> Row:
        if self._row is None:
            asked = Logits(name=self._site(), lm=self.lm, state=self._state)
            self._row = self._tempered(apply_stack(asked).value)
        return self._row

    def _site(self) -> str:
        return f"logits{len(self._tokens)}"

    def _tempered(self, row: NDArray[Any]) -> Row:
        wide = np.asarray(row, np.float64)
        return wide if self.temp == 1.0 else log_normalized(wide / self.temp)

    def masked(self, row: Row) -> Row:
        if self._mask is None:
            return row
        return np.where(self._mask, row - self._log_mass, -np.inf)

    def append(self, token: int) -> None:
        """One token more, with nothing ruled out for the next."""
        self._tokens = (*self._tokens, token)
        self._state = int(self.lm.advance(np.array([self._state]), np.array([token]))[0])
        self._row, self._mask, self._log_mass = None, None, 0.0

    def split(self, bits: Bits) -> tuple[Bits, float]:
        """(tokens of a set not ruled out, log-probability that the next token is one of them)"""
        row = self._known_row()
        inside = bits if self._mask is None else bits & self._mask
        return inside, min(0.0, logsumexp(row[inside]) - self._log_mass)

    def keep(self, inside: Bits, log_mass: float) -> None:
        """Rule out all others; `log_mass` is their share of what was left before."""
        self._mask, self._log_mass = inside, self._log_mass + log_mass


def _shown(lm: LanguageModel, token: int) -> str:
    text = lm.vocabulary.tokens[token]
    if text is not None:
        return text.decode(errors="replace")
    tokenizer = getattr(lm, "tokenizer", None)
    return "" if tokenizer is None else str(tokenizer.convert_ids_to_tokens(token))


def _of_rank(row: Row, rank: int) -> int:
    possible = np.flatnonzero(np.isfinite(row))
    if not 0 <= rank < len(possible):
        raise IndexError(f"the support has {len(possible)} values; there is no rank {rank}")
    return int(possible[np.argsort(-row[possible], kind="stable")[rank]])


class LMNextToken(Distribution[Token]):
    """The next token of a context. Sampling or scoring one appends it."""

    def __init__(self, context: LMContext):
        self.context = context

    async def prepare(self) -> None:
        await self.context.prepare()

    @property
    def log_probs(self) -> Row:
        return self.context.next_token_logprobs

    async def sample(self, key: Key | None = None) -> tuple[Token, float]:  # type: ignore[override]
        await self.context.prepare()
        row = self.log_probs
        token = invert(np.exp(row), (key or Key(seed_of(None))).uniform())
        self.context.append(token)
        return Token(self.context.lm, token), float(row[token])

    async def log_prob(self, value: Any) -> float:  # type: ignore[override]
        await self.context.prepare()
        row = self.log_probs
        token = self._id(value)
        self.context.append(token)
        return float(row[token])

    def token(self, token_id: int) -> Token:
        """The value that stands for an id."""
        return Token(self.context.lm, token_id)

    def _id(self, value: Any) -> int:
        """An id from an id, a token, or the text of exactly one token."""
        if not isinstance(value, str):
            return int(value)
        ids = TokenSequence(self.context.lm, value).seq
        if len(ids) != 1:
            raise ValueError(f"{value!r} is {len(ids)} tokens; a next token is one")
        return ids[0]

    def argmax(self, rank: int = 0) -> tuple[Token, float]:
        """The token of this rank, without appending it."""
        row = self.log_probs
        token = _of_rank(row, rank)
        return Token(self.context.lm, token), float(row[token])

    def enumerate_support(self) -> Iterator[Token]:
        ids = np.flatnonzero(np.isfinite(self.log_probs)).tolist()
        return (Token(self.context.lm, token) for token in ids)


class LMTokenMask(Distribution[bool]):
    """Whether the next token of a context is in a set. Either answer rules out the other tokens."""

    def __init__(self, context: LMContext, mask: Any):
        self.context = context
        self.mask = TokenMask.of(mask, len(context.lm.vocabulary))

    async def prepare(self) -> None:
        await self.context.prepare()

    async def sample(self, key: Key | None = None) -> tuple[bool, float]:  # type: ignore[override]
        await self.context.prepare()
        inside, log_yes = self.context.split(self.mask.bits)
        if (key or Key(seed_of(None))).uniform() < math.exp(log_yes):
            self.context.keep(inside, log_yes)
            return True, log_yes
        return False, self._other(inside, log_yes)

    async def log_prob(self, value: bool) -> float:  # type: ignore[override]
        await self.context.prepare()
        inside, log_yes = self.context.split(self.mask.bits)
        if not value:
            return self._other(inside, log_yes)
        if log_yes > -math.inf:
            self.context.keep(inside, log_yes)
        return log_yes

    def _other(self, inside: Bits, log_yes: float) -> float:
        """Rule out `inside` and give the log-probability of what is left, from its own sum."""
        outside, log_no = self.context.split(~self.mask.bits)
        if log_no > -math.inf:
            self.context.keep(outside, log_no)
        return log_no

    def argmax(self, rank: int = 0) -> tuple[bool, float]:
        """The answer of this rank, without ruling anything out."""
        _, log_yes = self.context.split(self.mask.bits)
        _, log_no = self.context.split(~self.mask.bits)
        yes = _of_rank(np.array([log_yes, log_no]), rank) == 0
        return yes, log_yes if yes else log_no

    def enumerate_support(self) -> Iterator[bool]:
        _, log_yes = self.context.split(self.mask.bits)
        _, log_no = self.context.split(~self.mask.bits)
        return (v for v, p in ((True, log_yes), (False, log_no)) if p > -math.inf)


class Transformer(Distribution[Token]):
    """The next token after a prompt, without a context: nothing is appended anywhere."""

    def __init__(self, lm: LanguageModel, prompt: str | Sequence[int] = (), temp: float = 1.0):
        self._start = LMContext(lm, prompt, temp)

    async def prepare(self) -> None:
        await self._start.prepare()

    @property
    def log_probs(self) -> Row:
        return self._start.next_token_logprobs

    async def sample(self, key: Key | None = None) -> tuple[Token, float]:  # type: ignore[override]
        await self.prepare()
        return await self._start.fork().next_token().sample(key)

    async def log_prob(self, value: Any) -> float:  # type: ignore[override]
        await self.prepare()
        return await self._start.fork().next_token().log_prob(value)

    def token(self, token_id: int) -> Token:
        """The value that stands for an id."""
        return self._start.next_token().token(token_id)

    def argmax(self, rank: int = 0) -> tuple[Token, float]:
        return self._start.next_token().argmax(rank)

    def enumerate_support(self) -> Iterator[Token]:
        return self._start.next_token().enumerate_support()
