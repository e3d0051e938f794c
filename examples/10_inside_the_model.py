"""Looking inside the built-in model: where a prediction comes from, and what a grammar fights.

First a sentence that the model goes on with by itself: the strongest route of information to the
last position, the heads behind the chosen token, what one of them promotes. Then a JSON Schema
that the model has other ideas about, step by step. The sums that must agree are asserted.
"""

from __future__ import annotations

import math

import torch

import constrain
from constrain.hf.introspection import (
    HFTransparentLlm,
    attribute,
    explain_generation,
    logit_lens,
    promoted_and_suppressed,
    token_weights,
)
from constrain.hf.introspection.graph import (
    contribution_graph,
    paths_to_predictions,
    strongest_path,
)

PROMPT = 'The musician Jana Sato from Milan is 38.\nKeys: city\nJSON:\n{"city": "'
SCHEMA = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 12}, "age": {"type": "integer"}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def prediction(llm: HFTransparentLlm) -> None:
    """What comes after the prompt, and which parts of the model say so."""
    llm.run([PROMPT])
    last = int(llm.attention_mask()[0].sum()) - 1
    token = int(llm.logits()[0, last].argmax())
    words = llm.tokens_to_strings(llm.tokens()[0])
    print(f"{PROMPT!r} goes on with {llm.tokens_to_strings(torch.tensor([token]))[0]!r}")

    lens = logit_lens(llm, 0, last)
    by_layer = llm.tokens_to_strings(lens.argmax(-1))
    print(f"read off after each layer: {by_layer}")
    assert by_layer[-1] == llm.tokens_to_strings(torch.tensor([token]))[0]

    parts = attribute(llm, 0, last, token_weights(llm, [token]))
    assert torch.allclose(parts.total()[0], llm.logits()[0, last, token], atol=1e-3)
    heads = parts.heads[..., 0]
    layer, head = divmod(int(heads.argmax()), heads.shape[1])
    print(f"head {layer}.{head} adds {float(heads.max()):.2f} of {float(parts.total()[0]):.2f}")

    looked = int(llm.attention_matrix(0, layer, head)[last].argmax())
    vector = llm.attention_output(0, layer, last, head)
    up, _ = promoted_and_suppressed(llm, vector, 3)
    names = llm.tokens_to_strings(torch.tensor([found.token for found in up]))
    print(f"it looks at {words[looked]!r} most, and promotes {names}")

    n_layers = llm.model_info().n_layers
    graph = contribution_graph(llm, 0, threshold=0.01)
    [reached] = paths_to_predictions(graph, n_layers, [last])
    path, share = strongest_path(reached, f"X0_{looked}", f"I{n_layers - 1}_{last}")
    print(f"strongest route from there: {' > '.join(path)} ({share:.2%})")
    assert 0 < share <= 1


def against_the_grammar(llm: HFTransparentLlm) -> None:
    """What the grammar took at each step of a constrained text."""
    report = explain_generation(
        llm.model,
        llm.tokenizer,
        "Write a person as JSON:",
        constrain.json_schema(SCHEMA, whitespace="compact"),
        do_sample=False,
        max_new_tokens=40,
        n_top=1,
    )
    print(f"\n{report.text}   (log-weight {report.log_weight:.2f} nats)")
    for step in report.steps:
        if step.forbidden_mass < 0.5:
            continue
        wanted, push = step.top_forbidden[0], step.against[0]
        print(
            f"  {step.text!r:8} instead of {wanted.text!r:8} ({wanted.probability:.0%}): "
            f"the grammar took {step.forbidden_mass:.0%}, most against it {push.kind} "
            f"{push.layer}.{push.index}"
        )
        assert math.isclose(math.exp(step.log_mass) + step.forbidden_mass, 1, rel_tol=1e-5)


if __name__ == "__main__":
    torch.set_num_threads(1)
    transparent = HFTransparentLlm(*constrain.hf.demo_model())
    prediction(transparent)
    against_the_grammar(transparent)
