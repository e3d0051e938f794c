"""A schema as a proposal, and a critic for the keyword that its grammar refuses.

`uniqueItems` is beyond a grammar, so `json_schema` says no to it. Without the keyword the schema
proposes texts; a validator judges them against all of it once they have ended. The verdict is part
of the target: the posterior is that of valid texts, with the probabilities that the model gives.
"""

from __future__ import annotations

import json
import sys

import jsonschema

import constrain
from constrain.hf import HFLanguageModel, demo_model, pretrained

TAGS = {"type": "array", "items": {"type": "string", "maxLength": 9}, "minItems": 2, "maxItems": 3}
PROMPT = "Product as JSON with keys name, tags:\n"
OPTIONS = {"n_particles": 200, "max_tokens": 60, "rng": 3}


def schema(tags: dict) -> dict:
    return {
        "type": "object",
        "properties": {"name": {"enum": ["lamp", "chair", "radio"]}, "tags": tags},
        "required": ["name", "tags"],
        "additionalProperties": False,
    }


def has_repeats(text: str) -> float:
    tags = json.loads(text)["tags"]
    return float(len(set(tags)) < len(tags))


def main() -> int:
    pretrained.quiet()
    whole = schema({**TAGS, "uniqueItems": True})
    try:
        constrain.json_schema(whole)
    except constrain.Unsupported as refusal:
        print(refusal)
    lm = HFLanguageModel(*demo_model())
    constraint = constrain.compile(constrain.json_schema(schema(TAGS)), lm.vocabulary)
    alone = constrain.smc.sample(lm, PROMPT, constraint, **OPTIONS)
    print(
        "tags that repeat, by the grammar alone: {:.2f} ± {:.2f}".format(*alone.mean(has_repeats))
    )

    critic = constrain.smc.critics.valid_json(jsonschema.Draft202012Validator(whole))
    found = constrain.smc.sample(lm, PROMPT, constraint, critic=critic, **OPTIONS)
    print(f"tags that repeat, with the critic: {found.mean(has_repeats)[0]:.2f}")
    for text, share in list(found.posterior().items())[:6]:
        print(f"{share:6.3f}  {text}")
    return 0 if found.posterior() and not found.mean(has_repeats)[0] else 1


if __name__ == "__main__":
    sys.exit(main())
