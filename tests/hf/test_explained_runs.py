"""The report of a constrained run: what the grammar took, and who pushed against it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tiny_models import CONFIGS, tiny

import constrain
from constrain import smc
from constrain.hf import HFLanguageModel
from constrain.hf.introspection import (
    HFTransparentLlm,
    explain_generation,
    explain_run,
    html_page,
    html_section,
    mass_gradient,
)

SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 8}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
PROMPT = "Write a person as JSON:"


@pytest.fixture(scope="module")
def run(demo):
    """(report, what `generate` gave, constraint) of one text of the demo model."""
    model, tokenizer, vocabulary = demo
    constraint = constrain.compile(constrain.json_schema(SCHEMA), vocabulary)
    options = {"max_new_tokens": 40, "do_sample": False}
    out = constrain.hf.generate(model, tokenizer, PROMPT, constraint, **options)
    return explain_generation(model, tokenizer, PROMPT, constraint, **options), out, constraint


def test_log_masses_are_those_of_generation(run):
    report, out, _ = run
    assert report.finished
    assert report.text == out.texts[0]
    assert [s.token for s in report.steps[:-1]] == out.tokens[0]
    masses = [step.log_mass for step in report.steps]
    np.testing.assert_allclose(masses, out.log_masses[0], atol=1e-4)
    assert report.log_weight == pytest.approx(out.log_weights[0], abs=1e-3)
    json.loads(report.text)


def test_forbidden_mass_and_tokens_by_hand(run, demo):
    report, _, constraint = run
    model, tokenizer, _ = demo
    ids = tokenizer(PROMPT)["input_ids"]
    tokens = [step.token for step in report.steps]
    with torch.no_grad():
        logits = model(torch.tensor([ids + tokens])).logits[0]
    state = constraint.init()
    for i, step in enumerate(report.steps):
        p = logits[len(ids) + i - 1].double().softmax(-1).tolist()
        mask = constraint.mask(state)
        forbidden = [t for t in range(len(p)) if not mask[t // 32] >> np.uint32(t % 32) & 1]
        assert step.forbidden_mass == pytest.approx(sum(p[t] for t in forbidden), abs=1e-5)
        assert math.exp(step.log_mass) + step.forbidden_mass == pytest.approx(1)
        best = sorted(forbidden, key=lambda t: -p[t])[:5]
        assert [s.probability for s in step.top_forbidden] == pytest.approx(
            [p[t] for t in best], abs=1e-5
        )
        assert step.probability == pytest.approx(p[step.token], abs=1e-5)
        state = constraint.advance(state, step.token)


def test_overtaking_is_read_off_every_layer(run):
    report, *_ = run
    assert {len(step.margins) for step in report.steps} == {report.n_layers + 1}
    for step in report.steps:
        ahead = [m > 0 for m in step.margins]
        layers = [i for i in range(len(ahead)) if all(ahead[i:])]
        assert step.overtakes_at == (layers[0] if layers else None)
    assert any(step.overtakes_at is None for step in report.steps)
    assert any(step.overtakes_at is not None for step in report.steps)
    # a greedy text leads among the allowed tokens at the end, if nowhere before
    assert all(step.leads_at is not None for step in report.steps)


def test_last_margin_says_whether_the_model_wanted_a_forbidden_token(run):
    report, *_ = run
    for step in report.steps:
        wanted = step.top_forbidden[0].probability >= step.probability
        assert (step.margins[-1] <= 0) == wanted


def test_gradient_of_the_log_mass_by_differences():
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(12, generator=generator, dtype=torch.float64)
    allowed = torch.arange(12) % 3 == 0

    def log_mass(values: torch.Tensor) -> float:
        return float(values.log_softmax(0)[allowed].logsumexp(0))

    for i in range(12):
        nudge = torch.zeros(12, dtype=torch.float64)
        nudge[i] = 1e-6
        slope = (log_mass(logits + nudge) - log_mass(logits - nudge)) / 2e-6
        assert float(mass_gradient(logits, allowed)[i]) == pytest.approx(slope, abs=1e-7)


@pytest.mark.parametrize("family", CONFIGS)
def test_pushes_are_what_the_log_mass_loses_without_a_part(family: str):
    """First order: take a thousandth of a head or neuron away, with the final norm as it was."""
    names = [bytes([65 + i]) for i in range(49)]
    vocabulary = constrain.Vocabulary([*names, None], eos_token_ids=[49])
    constraint = constrain.compile(constrain.regex("[A-E]{2}"), vocabulary)
    tokenizer = SimpleNamespace(decode=lambda ids: " ".join(map(str, ids)), bos_token_id=None)
    llm = HFTransparentLlm(tiny(family), tokenizer)
    report = explain_run(llm, constraint, [7, 8, 9], [1, 2], n_top=3)
    first = report.steps[0]
    allowed = torch.arange(50) < 5
    norm, whole = llm.final_norm(0, 2), llm.residual_out(1)[0, 2]
    matrix, bias = (part.double() for part in llm.unembedding())

    def log_mass(x: torch.Tensor) -> float:
        raw = matrix @ (norm.linear(x) + norm.bias).double() + bias
        cap = getattr(llm.model.config, "final_logit_softcapping", None)
        logits = raw if cap is None else torch.tanh(raw / cap) * cap
        return float(logits.log_softmax(0)[allowed].logsumexp(0))

    assert log_mass(whole) == pytest.approx(first.log_mass, abs=1e-4)
    assert len(first.against) == len(first.along) == 3
    for push in (*first.against, *first.along):
        if push.kind == "head":
            part = llm.attention_output(0, push.layer, 2, push.index)
        else:
            part = llm.decomposed_ffn_out(0, push.layer, 2)[push.index]
        step = 1e-2
        change = (log_mass(whole + step * part) - log_mass(whole - step * part)) / (2 * step)
        assert push.nats == pytest.approx(change, abs=2e-3 + 0.02 * abs(change))
        assert (push.nats < 0) == (push in first.against)


def test_a_run_that_does_not_fit_is_refused(demo):
    model, tokenizer, vocabulary = demo
    llm = HFTransparentLlm(model, tokenizer)
    constraint = constrain.compile(constrain.regex("a+"), vocabulary)
    digit = vocabulary.tokens.index(b"1")
    with pytest.raises(constrain.TokenRejected):
        explain_run(llm, constraint, [0], [digit])
    with pytest.raises(ValueError, match="at least one token"):
        explain_run(llm, constraint, [], [digit])


# --- the page


class Reader(HTMLParser):
    """Texts of table rows; fails where tags do not close."""

    VOID = frozenset({"meta", "br"})

    def __init__(self, page: str):
        super().__init__()
        self.open: list[str] = []
        self.rows: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)
        if tag == "tr":
            self.rows.append("")

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if "tr" in self.open:
            self.rows[-1] += data


def test_the_page_has_a_row_for_each_step(run):
    report, *_ = run
    page = Reader(html_page(report))
    assert len(page.rows) == len(report.steps) + 1
    for step, row in zip(report.steps, page.rows[1:], strict=True):
        assert f"{step.log_mass:.3f}" in row
        for push in step.against:
            shown = f"{push.kind} {push.layer}.{push.index} {push.nats:+.3f}" in row
            assert shown == (push.nats <= -0.0005)
    assert "http" not in html_page(report)


def test_texts_are_escaped(run):
    report, *_ = run
    evil = replace(report.steps[0], text="<script>alert(1)</script>")
    section = html_section(replace(report, prompt="<b>", steps=(evil,), finished=False))
    assert "<script" not in section
    assert "<b>" not in section.split("<thead>")[0]
    assert "(cut short)" in section
    Reader(section)


def test_where_nothing_is_forbidden(run):
    report, *_ = run
    free = replace(
        report.steps[0], margins=(math.inf,) * 5, top_forbidden=(), forbidden_mass=0.0, against=()
    )
    assert "nothing is forbidden" in Reader(html_section(replace(report, steps=(free,)))).text


def test_a_section_of_the_report_of_an_inference(run, demo):
    model, tokenizer, _ = demo
    *_, constraint = run
    lm = HFLanguageModel(model, tokenizer)
    prompt = tokenizer(PROMPT)["input_ids"]
    found = smc.sample(
        lm, prompt, constraint, n_particles=8, rng=1, max_tokens=30, ess_threshold=0.0, record=True
    )
    best = int(np.argmax(found.log_weights))
    report = explain_run(
        HFTransparentLlm(model, tokenizer), constraint, prompt, found.sequences[best]
    )
    weight = found.log_weights[best] + math.log(8)
    assert report.log_weight == pytest.approx(weight, abs=1e-3)
    page = found.to_html(sections=[html_section(report)])
    assert page.index("Ancestry") < page.index("constrain-run") < page.index("</body>")
