"""`hf.generate`: texts, their tokens, and log-masses against the model's own probabilities."""

from __future__ import annotations

import json
import re
import warnings

import numpy as np
import pytest
import tiny_tokenizers as tiny
import torch
from fake_constraint import some_strings
from replay import allowed_ids
from transformers import LlamaConfig, LlamaForCausalLM, T5Config, T5ForConditionalGeneration

import constrain
from constrain import hf
from constrain.errors import Unsupported, VocabularyMismatch

PEOPLE = ['{"name": "Mei"}', '{"name": "Max"}', '{"name": "Ñuñ"}', ""]
CITIES = ["Oslo", "Oslo and Lima", "中文"]
PROMPTS = ["Person as JSON with keys name:\n", "The"]

MODES = {
    "greedy": {},
    "sample": {"do_sample": True, "top_k": 0},
    "n-best": {"do_sample": True, "top_k": 0, "num_return_sequences": 3},
    "beams": {"num_beams": 3, "num_return_sequences": 2},
}


def slow_log_masses(demo, prompt, tokens, constraint, finished):
    """Log-probability of the allowed ids at every step, by running the model on the row alone."""
    model, tokenizer, _ = demo
    ids = tokenizer(prompt)["input_ids"]
    with torch.no_grad():
        logits = model(torch.tensor([ids + tokens])).logits[0].double()
    log_probs = torch.log_softmax(logits, dim=-1)[len(ids) - 1 :]
    return [
        float(torch.logsumexp(log_probs[step, allowed_ids(constraint, tokens[:step])], dim=0))
        for step in range(len(tokens) + finished)
    ]


@pytest.mark.parametrize("mode", MODES)
def test_texts_are_in_the_language_and_log_masses_are_the_models(demo, mode):
    model, tokenizer, vocabulary = demo
    constraints = [some_strings(vocabulary, *PEOPLE), some_strings(vocabulary, *CITIES)]
    torch.manual_seed(3)
    out = hf.generate(model, tokenizer, PROMPTS, constraints, **MODES[mode])
    per_prompt = MODES[mode].get("num_return_sequences", 1)
    assert len(out.texts) == 2 * per_prompt
    for row, text in enumerate(out.texts):
        which = row // per_prompt
        assert text in (PEOPLE, CITIES)[which]
        assert b"".join(vocabulary.tokens[i] for i in out.tokens[row]) == text.encode()
        assert out.finished[row] is True
        expected = slow_log_masses(
            demo, PROMPTS[which], out.tokens[row], constraints[which], finished=True
        )
        assert out.log_masses[row].dtype == np.float64
        np.testing.assert_allclose(out.log_masses[row], expected, atol=2e-4)
        assert out.log_weights[row] == pytest.approx(sum(expected), abs=1e-3)


def test_a_constraint_that_forbids_nothing_likely_costs_little(demo):
    model, tokenizer, vocabulary = demo
    date = some_strings(vocabulary, "2024-03-05")
    out = hf.generate(model, tokenizer, "Date: 5 March 2024\nISO:\n", date)
    assert out.texts == ["2024-03-05"]
    assert -3 < out.log_weights[0] < 0


def test_what_is_cut_off_is_not_finished(demo):
    model, tokenizer, vocabulary = demo
    people = some_strings(vocabulary, *PEOPLE[:3])
    out = hf.generate(model, tokenizer, PROMPTS[:1], people, max_new_tokens=3)
    assert out.finished == [False]
    assert [len(out.tokens[0]), len(out.log_masses[0])] == [3, 3]
    assert PEOPLE[0].startswith(out.texts[0][:8])


@pytest.mark.parametrize("mode", ["greedy", "beams"])
def test_the_likeliest_forbidden_tokens_are_named(demo, mode):
    model, tokenizer, vocabulary = demo
    dates = constrain.regex("[0-9/]+")
    out = hf.generate(
        model,
        tokenizer,
        "Date: 5 March 2024\nISO:\n",
        dates,
        report=2,
        max_new_tokens=6,
        **MODES[mode],
    )
    constraint = constrain.compile(dates, vocabulary)
    for tokens, masses, steps in zip(out.tokens, out.log_masses, out.forbidden, strict=True):
        assert len(steps) == len(masses)
        for n, (mass, named) in enumerate(zip(masses, steps, strict=True)):
            assert len(named) == 2
            allowed = set(allowed_ids(constraint, tokens[:n]))
            assert not allowed & {token for token, _ in named}
            assert named[0][1] >= named[1][1] > 0
            assert sum(p for _, p in named) <= 1 - np.exp(mass) + 1e-4
    likeliest = max((p, token) for steps in out.forbidden for ((token, p), _) in steps)[1]
    assert vocabulary.tokens[likeliest].startswith(b"-")  # what ISO dates would have had


def test_a_healed_prompt_may_be_tokenised_anew(demo):
    model, tokenizer, vocabulary = demo
    prompt = '{"name": "Mei Tanaka", "a'
    rest = constrain.regex('ge": [0-9]{2}, "city": "(Oslo|Lima)"')
    ids = tokenizer(prompt)["input_ids"]
    out = hf.generate(model, tokenizer, [prompt, "x"], rest, heal=True, num_beams=2)
    last = vocabulary.tokens[ids[-1]]
    for text, tokens in zip(out.texts, out.tokens, strict=True):
        assert constrain.compile(rest, vocabulary).matches(text)
        assert len(b"".join(vocabulary.tokens[i] for i in tokens)) > len(text)
    whole = b"".join(vocabulary.tokens[i] for i in out.tokens[0])
    assert whole == last + out.texts[0].encode()
    plain = hf.generate(model, tokenizer, prompt, rest)
    assert out.log_weights[0] > plain.log_weights[0]  # the model likes to spell "age" at once
    with pytest.raises(Unsupported, match="pass a Grammar"):
        hf.generate(model, tokenizer, prompt, some_strings(vocabulary, "x"), heal=True)


def test_half_a_character_at_the_end(demo):
    model, tokenizer, vocabulary = demo
    out = hf.generate(model, tokenizer, "x", some_strings(vocabulary, "中"), max_new_tokens=1)
    assert out.texts == ["\ufffd"]


def test_other_stops_leave_no_padding_behind(demo):
    model, tokenizer, vocabulary = demo
    constraints = [
        some_strings(vocabulary, "Oslo and Lima"),
        some_strings(vocabulary, "Lima or Oslo"),
    ]
    out = hf.generate(model, tokenizer, PROMPTS, constraints, stop_strings=["and"])
    assert out.texts == ["Oslo and", "Lima or Oslo"]
    assert out.finished == [False, True]


def test_rows_do_not_depend_on_their_batch(demo):
    model, tokenizer, vocabulary = demo
    constraint = some_strings(vocabulary, *PEOPLE)
    both = hf.generate(model, tokenizer, PROMPTS, constraint)
    for i, prompt in enumerate(PROMPTS):
        alone = hf.generate(model, tokenizer, prompt, constraint)
        assert alone.tokens[0] == both.tokens[i]
        np.testing.assert_allclose(alone.log_masses[0], both.log_masses[i], atol=2e-4)


def test_seeds_are_those_of_torch(demo):
    model, tokenizer, vocabulary = demo
    constraint = some_strings(vocabulary, *(f"{i}" for i in range(1000)))

    def draw(seed):
        torch.manual_seed(seed)
        return hf.generate(
            model, tokenizer, "x", constraint, do_sample=True, num_return_sequences=4
        )

    assert draw(1).texts == draw(1).texts != draw(2).texts


def test_weights_average_to_the_probability_of_the_language(demo):
    """Sum over texts of (sampler's probability) * exp(log_weight) = sum of the model's own."""
    model, tokenizer, vocabulary = demo
    digits = [vocabulary.encode(d)[0] for d in "78"]
    out = hf.generate(
        model,
        tokenizer,
        "12 + 7 =",
        some_strings(vocabulary, "7", "8"),
        num_beams=2,
        num_return_sequences=2,
    )
    ids = tokenizer("12 + 7 =")["input_ids"]
    with torch.no_grad():
        first = model(torch.tensor([ids])).logits[0, -1].double().softmax(-1)
        then = [model(torch.tensor([[*ids, d]])).logits[0, -1].double().softmax(-1) for d in digits]
    ends = [float(p[tokenizer.eos_token_id]) for p in then]
    of_language = sum(float(first[d]) * end for d, end in zip(digits, ends, strict=True))
    drawn = first[digits] / first[digits].sum()
    weights = dict(zip(out.texts, np.exp(out.log_weights), strict=True))
    mean = float(drawn[0]) * weights["7"] + float(drawn[1]) * weights["8"]
    assert mean == pytest.approx(of_language, rel=1e-4)


def test_a_grammar_is_compiled_for_the_model(demo):
    model, tokenizer, _ = demo
    dates = constrain.regex(r"[12]\d{3}-[01]\d-[0-3]\d")
    yes_or_no = constrain.choice(["yes", "no"])
    out = hf.generate(model, tokenizer, ["Date: 5 March 2024\nISO:\n", "?"], [dates, yes_or_no])
    assert out.texts[0] == "2024-03-05"
    assert out.texts[1] in ("yes", "no")
    assert out.finished == [True, True]


def test_a_schema(demo):
    model, tokenizer, _ = demo
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 90}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    torch.manual_seed(0)
    out = hf.generate(
        model,
        tokenizer,
        "Person as JSON with keys name, age:\n",
        constrain.json_schema(schema),
        do_sample=True,
        num_return_sequences=4,
    )
    people = [json.loads(text) for text, done in zip(out.texts, out.finished, strict=True) if done]
    assert people
    assert all(list(p) == ["name", "age"] and p["age"] >= 90 for p in people)


def test_users_processors_run_before_the_grammar(demo):
    model, tokenizer, vocabulary = demo
    yes = [i for i, t in enumerate(vocabulary.tokens) if t and b"yes".startswith(t)]

    def no_yes(input_ids, scores):
        return scores.index_fill(1, torch.tensor(yes), -torch.inf)

    for words, text in ((["yes"], "yes"), (["yes", "no"], "no")):
        constraint = some_strings(vocabulary, *words)
        with warnings.catch_warnings(record=True) as heard:
            warnings.simplefilter("always")
            out = hf.generate(model, tokenizer, "?", constraint, logits_processor=[no_yes])
        assert out.texts == [text]
        assert any("the grammar wins" in str(w.message) for w in heard) == (text == "yes")


def test_a_model_without_end_and_padding_ids(demo):
    model, tokenizer, vocabulary = demo
    before = model.generation_config
    model.generation_config = type(before)()
    try:
        out = hf.generate(model, tokenizer, PROMPTS, some_strings(vocabulary, "a", "bc"))
    finally:
        model.generation_config = before
    assert set(out.texts) <= {"a", "bc"}
    assert out.finished == [True, True]


def test_drafts_of_a_model_with_another_tokenizer(demo):
    model, tokenizer, vocabulary = demo
    other = tiny.byte_level()
    config = LlamaConfig(
        vocab_size=len(other),
        hidden_size=16,
        intermediate_size=16,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    people = some_strings(vocabulary, *PEOPLE[:3])
    torch.manual_seed(0)
    draft = LlamaForCausalLM(config).eval()
    drafted = hf.generate(
        model, tokenizer, PROMPTS[0], people, assistant_model=draft, assistant_tokenizer=other
    )
    plain = hf.generate(model, tokenizer, PROMPTS[0], people)
    assert drafted.tokens == plain.tokens
    np.testing.assert_allclose(drafted.log_masses[0], plain.log_masses[0], atol=2e-4)


def test_an_encoder_with_a_decoder():
    tokenizer = tiny.byte_level()
    torch.manual_seed(0)
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=16,
        d_kv=8,
        d_ff=16,
        num_layers=1,
        num_heads=2,
        decoder_start_token_id=0,
        eos_token_id=1,
        pad_token_id=0,
    )
    model = T5ForConditionalGeneration(config).eval()
    vocabulary = hf.vocabulary(tokenizer, model)
    words = [some_strings(vocabulary, "yes"), some_strings(vocabulary, "no", "non")]
    out = hf.generate(model, tokenizer, ["a question", "b"], words, num_beams=2)
    assert out.texts[0] == "yes"
    assert out.texts[1] in ("no", "non")


def test_what_is_refused(demo):
    model, tokenizer, vocabulary = demo
    words = some_strings(vocabulary, "yes")
    for setting in ({"cache_implementation": "paged"}, {"token_healing": True}):
        with pytest.raises(Unsupported, match=next(iter(setting))):
            hf.generate(model, tokenizer, "?", words, **setting)
    with pytest.raises(VocabularyMismatch, match=r"\[5\].*\[1\]"):
        hf.generate(model, tokenizer, "?", words, eos_token_id=5)
    with pytest.raises(ValueError, match=re.escape("one for each of 2 prompts, got 1")):
        hf.generate(model, tokenizer, PROMPTS, [words])
    with pytest.raises(ValueError, match="empty list"):
        hf.generate(model, tokenizer, [], words)


def test_an_empty_prompt(demo):
    model, tokenizer, vocabulary = demo
    tokenizer = tiny.byte_level()  # puts no start token in front
    out = hf.generate(model, tokenizer, ["", "x"], some_strings(vocabulary, "yes"))
    assert out.texts == ["yes", "yes"]
