"""Chains with state of their own in `generate`: each row's state is the one its tokens lead to."""

from __future__ import annotations

import compare_modes
import numpy as np
import pytest
import torch
import transformers
from compare_modes import PROMPT, constraints, prompts, vocabulary

from constrain import hf
from constrain.decoding.processing import Chain, GrammarProcessor, Stateless, TopK
from constrain.errors import Unsupported

WIDTH = 600


class Drift:
    """Adds to every logit a number that depends on all tokens so far, kept as per-row state."""

    role = "target"

    def init(self, context):
        return torch.zeros(context.rows, dtype=torch.long), context.prompt_length

    def process(self, state, logits, context):
        sums, length = state
        for column in context.token_ids[:, length:].T:
            sums = (sums * 31 + column) % 1009
        shift = (sums[:, None] * torch.arange(logits.shape[1])) % 7
        return (sums, context.length), logits + shift


class FromScratch(transformers.LogitsProcessor):
    """The slow twin: all of the chain again for each row, from the prompt on."""

    def __init__(self, chains, prompt_length):
        self.chains, self.prompt_length = chains, prompt_length

    def __call__(self, input_ids, scores):
        out = []
        for i, row in enumerate(input_ids):
            chain = self.chains[i * len(self.chains) // len(input_ids)]
            context = hf.chain_processor.Context(row[None], self.prompt_length)
            out.append(chain.process(chain.init(context), scores[i : i + 1], context)[1])
        return torch.cat(out)


@pytest.mark.parametrize("mode", ["sample", "n-best", "beams", "beam-sample", "sampled draft"])
@pytest.mark.parametrize("seed", range(2))
def test_custom_state_in_every_mode(mode, seed):
    chain = Chain([Drift(), Stateless(lambda logits, context: logits * 0.5)])
    live = compare_modes.run("llama", mode, WIDTH, seed, hf.ChainProcessor(chain))
    slow = compare_modes.run("llama", mode, WIDTH, seed, FromScratch([chain], PROMPT))
    assert live == slow


def test_log_masses_of_a_chain_do_not_count_its_proposals():
    grammar = GrammarProcessor(constraints(WIDTH)[0])
    masses = []
    for processors in ([grammar], [TopK(5), grammar]):
        processor = hf.ChainProcessor(Chain(processors), measure=True)
        net = compare_modes.model("llama", WIDTH)
        rows = net.generate(prompts(WIDTH, 1), max_new_tokens=8, logits_processor=[processor])
        path = processor.path(rows[0])
        masses.append([prefix.log_mass for prefix in path if prefix.log_mass is not None])
        assert processor.prompt_length == PROMPT
    assert masses[0] == pytest.approx(masses[1], abs=1e-9)
    assert max(masses[0]) < 0


def test_states_that_were_dropped_are_read_again(monkeypatch):
    monkeypatch.setattr(hf.chain_processor, "MAX_STEPS", 0)
    chain = Chain([Drift(), GrammarProcessor(constraints(WIDTH))])
    monkeypatch.setitem(compare_modes.MODES, "long", (2, compare_modes.plain(do_sample=True)))
    live = compare_modes.run("llama", "long", WIDTH, 4, hf.ChainProcessor(chain))
    slow = [Chain([Drift(), GrammarProcessor(c)]) for c in constraints(WIDTH)]
    once = hf.ChainProcessor(chain)
    assert live == compare_modes.run("llama", "long", WIDTH, 4, once)
    # where all is allowed by the grammar, the twin, which does not know of ends, agrees too
    ids = prompts(WIDTH, 2)
    scores = torch.randn(2, WIDTH, generator=torch.Generator().manual_seed(0))
    assert torch.equal(once(ids, scores), FromScratch(slow, PROMPT)(ids, scores))


def test_rows_with_nothing_left_end():
    vocab = vocabulary(WIDTH)
    nothing = Stateless(lambda logits, context: torch.full_like(logits, -torch.inf), "constraint")
    processor = hf.ChainProcessor(Chain([GrammarProcessor(constraints(WIDTH)[0]), nothing]))
    with pytest.warns(UserWarning, match="the grammar wins"):
        out = processor(torch.zeros(1, 2, dtype=torch.long), torch.zeros(1, WIDTH))
    finite = np.flatnonzero(np.isfinite(out[0].numpy()))
    assert {vocab.tokens[i][:1] for i in finite.tolist()} <= {b"[", b" ", b"\n", b"\t", b"\r"}
    ended = processor(torch.tensor([[0, 0, 9]]), torch.zeros(1, WIDTH))
    assert np.flatnonzero(np.isfinite(ended[0].numpy())).tolist() == compare_modes.EOS


def test_critics_have_no_place_in_generate():
    class Critic:
        role = "critic"

        def init(self, context):
            return ()

        def score(self, state, context):
            return state, torch.zeros(context.rows)

    with pytest.raises(Unsupported, match="critic"):
        hf.ChainProcessor(Chain([Critic()]))
