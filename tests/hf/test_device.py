"""The processor whose tables are tensors: equal to the one on the host, and no graph break."""

from __future__ import annotations

import pytest
import torch
from compare_modes import model, vocabulary

import constrain
from constrain import hf
from constrain.decoding.processing import Chain, Context, GrammarProcessor
from constrain.errors import VocabularyMismatch

WIDTH = 600
GRAMMAR = constrain.regex(r'\{"[a-f]{1,4}": (\d{1,3}|true|null)\}')


@pytest.fixture(scope="module")
def eager():
    return constrain.compile(GRAMMAR, vocabulary(WIDTH), tables="eager")


def test_steps_equal_those_of_the_engine(eager):
    lazy = constrain.compile(GRAMMAR, vocabulary(WIDTH))
    rows, generator = 16, torch.Generator().manual_seed(0)
    chains = [Chain([hf.DeviceProcessor(eager)]), Chain([GrammarProcessor(lazy)])]
    ids = torch.zeros(rows, 2, dtype=torch.long)
    states = [chain.init(Context(ids, 2)) for chain in chains]
    for _ in range(14):
        logits = torch.randn(rows, WIDTH, generator=generator)
        steps = [
            chain.step(state, logits, Context(ids, 2))
            for chain, state in zip(chains, states, strict=True)
        ]
        assert torch.equal(steps[0].logits, steps[1].logits)
        assert torch.equal(steps[0].log_mass, steps[1].log_mass)
        drawn = torch.multinomial(steps[0].logits.softmax(-1), 1, generator=generator)
        ids = torch.cat([ids, drawn], dim=1)
        order = torch.randint(rows, (rows,), generator=generator)
        ids = ids[order]
        states = [c.take(s.state, order) for c, s in zip(chains, steps, strict=True)]


def test_it_compiles_into_one_graph_with_the_choice_of_tokens(eager):
    processor = hf.DeviceProcessor(eager)

    def step(states, logits):
        tokens = processor.apply(states, logits).argmax(-1)
        return tokens, processor.advance(states, tokens)

    torch.compiler.reset()
    compiled = torch.compile(step, fullgraph=True, backend="aot_eager")
    states = processor.start(4)
    explained = torch._dynamo.explain(step)(states, torch.randn(4, WIDTH))
    assert explained.graph_break_count == 0
    mine = states.clone()
    for seed in range(8):
        logits = torch.randn(4, WIDTH, generator=torch.Generator().manual_seed(seed))
        expected, states = step(states, logits)
        tokens, mine = compiled(mine, logits)
        assert torch.equal(tokens, expected)
        assert torch.equal(mine, states)


def test_generate_with_tables_in_tensors(eager):
    net = model("llama", WIDTH)
    ids = torch.randint(4, WIDTH, (2, 3), generator=torch.Generator().manual_seed(1))
    lazy = constrain.compile(GRAMMAR, vocabulary(WIDTH))
    grammar_chain = Chain([GrammarProcessor(lazy)])
    for kwargs in ({"num_beams": 3}, {"do_sample": True, "top_k": 0}):
        rows = []
        for live in (
            hf.ChainProcessor(Chain([hf.DeviceProcessor(eager)])),
            hf.ChainProcessor(grammar_chain),
            hf.LogitsProcessor(eager),
        ):
            torch.manual_seed(0)
            rows.append(
                net.generate(ids, max_new_tokens=12, logits_processor=[live], **kwargs).tolist()
            )
        assert rows[0] == rows[1] == rows[2]


def test_widths(eager):
    wide = hf.DeviceProcessor(eager, width=WIDTH + 3)
    out = wide.apply(wide.start(1), torch.zeros(1, WIDTH + 3))
    assert out[0, WIDTH:].isinf().all()
    with pytest.raises(VocabularyMismatch):
        hf.DeviceProcessor(eager, width=WIDTH - 1)


def test_tokens_that_may_not_come_lead_nowhere(eager):
    processor = hf.DeviceProcessor(eager)
    states = processor.advance(processor.start(1), torch.tensor([4 + ord("x")]))
    assert states.tolist() == [0]
    assert processor.apply(states, torch.zeros(1, WIDTH)).isinf().all()


def test_triton_is_refused_without_cuda():
    from constrain.errors import Unsupported
    from constrain.hf import triton_masks

    masks, scores = torch.zeros(1, 2, dtype=torch.int32), torch.zeros(1, 64)
    assert not triton_masks.usable(scores)
    with pytest.raises(Unsupported, match="Triton"):
        triton_masks.apply(masks, scores)
