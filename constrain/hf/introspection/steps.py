"""What a grammar did to a run, step by step, and where in the model the resistance sits.

At each step: how much probability the grammar took away and from which tokens, at which layer the
chosen token overtook the forbidden ones, and which heads and neurons pushed against the grammar.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from constrain.decoding.constraint import Constraint, Mask
from constrain.hf.generate import generate
from constrain.syntax.grammar import Grammar

from .attribution import Attribution, attribute
from .tokens import logit_lens
from .transparent import HFTransparentLlm


@dataclass(frozen=True)
class Push:
    """A part of the model and what it adds to the log-mass of a step, in nats, to first order.

    kind: "head" or "neuron". Negative: against the grammar.
    """

    kind: str
    layer: int
    index: int
    nats: float


@dataclass(frozen=True)
class TokenShare:
    token: int
    text: str
    probability: float


@dataclass(frozen=True)
class Step:
    """One token of a constrained run.

    log_mass: log of the probability that the grammar left, in nats; forbidden_mass: what it took.
    probability: of the token, under the model alone. top_forbidden: likeliest first.
    margins: by layer, from the embeddings on, the logit of the token minus the largest one of a
        forbidden token (inf where nothing is forbidden), read off the residual stream.
    overtakes_at: the layer from which on the token is ahead of all forbidden ones (0: from the
        embeddings on); None if it never is. leads_at: the same among the allowed tokens.
    against, along: the parts that lower the log-mass most, and that raise it most.
    """

    token: int
    text: str
    log_mass: float
    forbidden_mass: float
    probability: float
    top_forbidden: tuple[TokenShare, ...]
    margins: tuple[float, ...]
    overtakes_at: int | None
    leads_at: int | None
    against: tuple[Push, ...]
    along: tuple[Push, ...]


@dataclass(frozen=True)
class RunReport:
    """All steps of a run. log_weight is the sum of their log-masses."""

    prompt: str
    text: str
    finished: bool
    n_layers: int
    steps: tuple[Step, ...]

    @property
    def log_weight(self) -> float:
        return sum(step.log_mass for step in self.steps)


def explain_generation(
    model: Any,
    tokenizer: Any,
    prompt: str,
    g: Grammar | Constraint,
    *,
    n_top: int = 5,
    **generate_kwargs: Any,
) -> RunReport:
    """Generate one text after `prompt` under a grammar, and report its steps.

    generate_kwargs go to `constrain.hf.generate`. One forward pass more than generation needs.
    """
    from constrain.decoding import compile  # loads numba
    from constrain.hf.vocabulary import vocabulary

    llm = HFTransparentLlm(model, tokenizer)  # first, since it refuses some models
    constraint = compile(g, vocabulary(tokenizer, model)) if isinstance(g, Grammar) else g
    out = generate(model, tokenizer, prompt, constraint, **generate_kwargs)
    # as generation reads a prompt: an empty one is a start or an end token
    start = tokenizer.bos_token_id
    ids = tokenizer(prompt)["input_ids"] or [
        constraint.vocabulary.eos_token_ids[0] if start is None else start
    ]
    return explain_run(llm, constraint, ids, out.tokens[0], finished=out.finished[0], n_top=n_top)


def explain_run(
    llm: HFTransparentLlm,
    constraint: Constraint,
    prompt: Sequence[int],
    tokens: Sequence[int],
    *,
    finished: bool = True,
    n_top: int = 5,
) -> RunReport:
    """Report the steps of a run whose tokens are known, behind a prompt of at least one token.

    finished: an end token follows; of several the likeliest is taken. Runs the model once on
    prompt and tokens. Cost per step: two passes over the unembedding matrix, and one over the
    feed-forward weights of every layer. Raises TokenRejected for a token that does not fit.
    """
    if not prompt:
        raise ValueError("expected a prompt of at least one token, such as the start token")
    llm.run_ids([[*prompt, *tokens]])
    width = llm.logits().shape[-1]
    state = constraint.init()
    steps: list[Step] = []
    for i in range(len(tokens) + finished):
        pos = len(prompt) + i - 1
        allowed = _allowed(constraint.mask(state), len(constraint.vocabulary), width)
        if i < len(tokens):
            token = tokens[i]
        else:
            token = _likeliest(llm.logits()[0, pos], constraint.vocabulary.eos_token_ids)
        state = constraint.advance(state, token)
        steps.append(_step(llm, pos, token, allowed, n_top))
    return RunReport(
        prompt=llm.tokenizer.decode(list(prompt)),
        text=_spelled(constraint, tokens),
        finished=finished,
        n_layers=llm.model_info().n_layers,
        steps=tuple(steps),
    )


def _spelled(constraint: Constraint, tokens: Sequence[int]) -> str:
    spelled = constraint.vocabulary.tokens
    return b"".join(spelled[token] or b"" for token in tokens).decode(errors="replace")


def _allowed(mask: Mask, vocab: int, width: int) -> Bool[torch.Tensor, " d_vocab"]:
    """A packed mask as booleans; ids beyond the vocabulary are not allowed."""
    octets = mask.astype("<u4", copy=False).view(np.uint8)
    row = np.zeros(width, np.bool_)
    row[:vocab] = np.unpackbits(octets, count=vocab, bitorder="little")
    return torch.from_numpy(row)


def _likeliest(logits: torch.Tensor, ids: Sequence[int]) -> int:
    return max(ids, key=lambda token: float(logits[token]))


def _step(
    llm: HFTransparentLlm, pos: int, token: int, allowed: Bool[torch.Tensor, " d_vocab"], n_top: int
) -> Step:
    logits = llm.logits()[0, pos].float()
    allowed = allowed.to(logits.device)
    log_probs = logits.double().log_softmax(-1)
    log_mass = float(log_probs[allowed].logsumexp(0))
    lens = logit_lens(llm, 0, pos).float()
    margins = _margins(lens, token, ~allowed)
    against, along = _pushes(llm, pos, logits, allowed, n_top)
    return Step(
        token=token,
        text=_text(llm, token),
        log_mass=log_mass,
        forbidden_mass=float(log_probs[~allowed].exp().sum()),
        probability=float(log_probs[token].exp()),
        top_forbidden=_top_forbidden(llm, log_probs, allowed, n_top),
        margins=margins,
        overtakes_at=_from_where(margins),
        leads_at=_from_where(_margins(lens, token, _others(allowed, token))),
        against=against,
        along=along,
    )


def _text(llm: HFTransparentLlm, token: int) -> str:
    return llm.tokens_to_strings(torch.tensor([token]))[0]


def _others(allowed: torch.Tensor, token: int) -> torch.Tensor:
    others = allowed.clone()
    others[token] = False
    return others


def _top_forbidden(
    llm: HFTransparentLlm, log_probs: torch.Tensor, allowed: torch.Tensor, n: int
) -> tuple[TokenShare, ...]:
    top = log_probs.masked_fill(allowed, -torch.inf).topk(min(n, int((~allowed).sum())))
    pairs = zip(top.indices.tolist(), top.values.exp().tolist(), strict=True)
    return tuple(TokenShare(token, _text(llm, token), p) for token, p in pairs)


def _margins(
    lens: Float[torch.Tensor, "layers d_vocab"], token: int, rivals: Bool[torch.Tensor, " d_vocab"]
) -> tuple[float, ...]:
    """By layer, how far a token is ahead of the best of its rivals."""
    if not rivals.any():
        return (float("inf"),) * len(lens)
    best = lens.masked_fill(~rivals, -torch.inf).max(-1).values
    return tuple((lens[:, token] - best).tolist())


def _from_where(margins: Sequence[float]) -> int | None:
    """The first index from which on all margins are positive."""
    behind = [i for i, margin in enumerate(margins) if margin <= 0]
    first = behind[-1] + 1 if behind else 0
    return first if first < len(margins) else None


# --- who pushes


def mass_gradient(
    logits: Float[torch.Tensor, " d_vocab"], allowed: Bool[torch.Tensor, " d_vocab"]
) -> Float[torch.Tensor, " d_vocab"]:
    """d log_mass / d logits: the share of a token among the allowed ones minus that among all."""
    inside = logits.masked_fill(~allowed, -torch.inf).softmax(-1)
    return inside - logits.softmax(-1)


def _pushes(
    llm: HFTransparentLlm, pos: int, logits: torch.Tensor, allowed: torch.Tensor, n: int
) -> tuple[tuple[Push, ...], tuple[Push, ...]]:
    weights = mass_gradient(logits, allowed) * llm.slope(logits)
    parts = attribute(llm, 0, pos, weights[None])
    return _extremes(parts, n, largest=False), _extremes(parts, n, largest=True)


def _extremes(parts: Attribution, n: int, largest: bool) -> tuple[Push, ...]:
    """The n heads and neurons that add most (or take away most), strongest first."""
    found: list[Push] = []
    for kind, values in (("head", parts.heads[..., 0]), ("neuron", parts.neurons[..., 0])):
        top = values.flatten().topk(min(n, values.numel()), largest=largest)
        rows, columns = np.unravel_index(top.indices.cpu().numpy(), tuple(values.shape))
        nats = top.values.tolist()
        found += map(Push, [kind] * len(nats), rows.tolist(), columns.tolist(), nats)
    found.sort(key=lambda push: -push.nats if largest else push.nats)
    return tuple(push for push in found[:n] if (push.nats > 0) == largest and push.nats != 0)
