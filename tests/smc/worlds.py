"""Small worlds in which every text can be written down: models, grammars, critics."""

from __future__ import annotations

import math
from functools import cache, partial

import numpy as np

import constrain
from constrain.lm import TabularModel
from constrain.smc.enumeration import enumeration
from constrain.smc.future import FutureMass, bigrams
from constrain.smc.target import target
from constrain.tokens.vocabulary import Vocabulary

BRACKETS = Vocabulary([b"(", b")", b"()", b"a", None], eos_token_ids=[4])
TWO_ENDS = Vocabulary([b"(", b")", b"()", b"a", None, None], eos_token_ids=[4, 5])
DYCK = 'start: item*\nitem: "(" item* ")" | "a"\n'


@cache
def model(vocabulary, order=2, seed=1):
    return TabularModel.random(vocabulary, order, seed)


@cache
def dyck(vocabulary):
    return constrain.compile(constrain.cfg(DYCK, lexer="scannerless"), vocabulary)


def flat_critic(text):
    """Likes an even number of a's; forbids three."""
    n = text.count(b"a")
    return -math.inf if n == 3 else 0.4 * (n % 2 == 0)


class Hopeful:
    """A critic whose guess is -inf once no text can go on well."""

    def complete(self, text):
        return -math.inf if text.count(b"a") > 1 else 0.5 * text.count(b"(")

    def prefix(self, text):
        return -math.inf if text.count(b"a") > 1 else 0.2 * text.count(b"(")


def world(name):
    """A target by name: what makes it hard is in the name."""
    lm, c = model(BRACKETS), dyck(BRACKETS)
    return {
        "plain": lambda: target(lm, (), c, max_tokens=4),
        "early finish": lambda: target(lm, (3, 1), c, max_tokens=6),
        "length cap": lambda: target(lm, (), c, max_tokens=3),
        "two ends": lambda: target(model(TWO_ENDS), (), dyck(TWO_ENDS), max_tokens=4),
        "critic": lambda: target(lm, (), c, critic=flat_critic, max_tokens=4),
        "hopeless prefixes": lambda: target(lm, (), c, critic=Hopeful(), max_tokens=4),
        "twist": lambda: target(lm, (), c, max_tokens=4, twist=FutureMass),
        "bigram twist": lambda: target(
            lm, (), c, max_tokens=4, twist=partial(FutureMass, weights=bigrams(lm))
        ),
        "free": lambda: target(model(BRACKETS, 1), (), None, max_tokens=3),
    }[name]()


WORLDS = [
    "plain", "early finish", "length cap", "two ends", "critic", "hopeless prefixes", "twist",
    "bigram twist", "free",
]  # fmt: skip


@cache
def exact(name):
    """(target, log Z, {text: probability}) by enumeration."""
    wanted = world(name)
    found = enumeration(wanted)
    return wanted, found.log_evidence, found.posterior()


def written_down(wanted):
    """The same by the obvious recursion over tokens, for the enumeration itself."""
    vocabulary = wanted.lm.vocabulary
    eos = set(vocabulary.eos_token_ids)
    found = {}

    def go(tokens, text, log_p):
        state = np.array([wanted.lm.init((*wanted.prompt, *tokens))])
        row = wanted.lm.log_probs(state)[0]
        for token in range(len(vocabulary)):
            if token in eos:
                if all(c.matches(text) for c in wanted.constraints):
                    score = log_p + row[token] + wanted.log_potential(tokens)
                    if score > -math.inf:
                        found[text.decode()] = found.get(text.decode(), 0) + math.exp(score)
            elif len(tokens) < wanted.max_tokens:
                go((*tokens, token), text + vocabulary.tokens[token], log_p + row[token])

    go((), b"", 0.0)
    return found
