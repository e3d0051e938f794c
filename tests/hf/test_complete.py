"""Budget-aware generation; `many_budgets.py` runs a thousand of these."""

from __future__ import annotations

import many_budgets
import pytest

import constrain
from constrain import hf
from constrain.errors import EmptyLanguage, Unsupported


@pytest.mark.parametrize("index", [0, 6, 10, 16])
@pytest.mark.parametrize("slack", [0, 1, 9])
def test_texts_are_whole_and_valid(index, slack):
    assert many_budgets.check(index, slack, rows=4) == 4
    assert many_budgets.refuses(index)


def test_complete_texts_from_the_demo_model(demo):
    model, tokenizer, _ = demo
    grammar = constrain.json_schema(many_budgets.record(name=many_budgets.STRING))
    prompt = "Person as JSON with keys name:\n"
    for limit in (8, 9, 12):
        out = hf.generate(model, tokenizer, prompt, grammar, complete=True, max_new_tokens=limit)
        assert out.finished == [True]
        assert len(out.tokens[0]) < limit
    width = len(tokenizer(prompt)["input_ids"])
    by_length = hf.generate(model, tokenizer, prompt, grammar, complete=True, max_length=width + 12)
    assert by_length.texts == out.texts
    with pytest.raises(EmptyLanguage, match="fits into 3 tokens"):
        hf.generate(model, tokenizer, prompt, grammar, complete=True, max_new_tokens=3)
    with pytest.raises(Unsupported, match="max_new_tokens"):
        hf.generate(model, tokenizer, prompt, grammar, complete=True, max_time=5.0)
