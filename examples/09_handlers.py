"""One little program that writes sentences, and seven handlers that change what it means.

The model is a bigram over seven words, so every answer can also be worked out directly, from the
table of all sentences; each one is asserted.
"""

from __future__ import annotations

import math
import queue

import numpy as np

import constrain
from constrain import poutine
from constrain.lm import NGramModel
from constrain.lm.distributions import LogCategorical

WORDS = ["the", "a", "cat", "dog", "sleeps", "sees", "."]
END = WORDS.index(".")
VOCABULARY = constrain.Vocabulary([word.encode() for word in WORDS], eos_token_ids=[END])
MAX_WORDS = 4


def train(corpus: str) -> NGramModel:
    """A bigram model; a sentence begins behind the full stop of the one before."""
    text = [WORDS.index(word) for word in corpus.split()]
    return NGramModel(VOCABULARY, [[END, *text * 9]], order=1)


CATS = train("the cat sleeps . a cat sees the dog . the cat sees the cat . a cat sleeps .")
DOGS = train("the dog sleeps . the dog sees a cat . a dog sees the dog . the dog sleeps .")


def sentence(lm: NGramModel = CATS) -> str:
    """The program: word after word, until a full stop or too many of them."""
    state, words = lm.init([END]), []
    while len(words) < MAX_WORDS and words[-1:] != ["."]:
        row = poutine.logits(f"row{len(words)}", lm, state)
        word = poutine.sample(f"w{len(words)}", LogCategorical(row))
        words.append(WORDS[word])
        [state] = lm.advance(np.array([state]), np.array([word]))
    return " ".join(words)


def table(lm: NGramModel = CATS) -> dict[str, float]:
    """Every sentence and its probability, without the program or any handler."""
    done: dict[str, float] = {}
    waiting: list[tuple[list[int], float]] = [([], 0.0)]
    while waiting:
        words, score = waiting.pop()
        if words[-1:] == [END] or len(words) == MAX_WORDS:
            done[" ".join(WORDS[w] for w in words)] = math.exp(score)
            continue
        row = lm.log_probs(np.array([lm.init([END, *words])]))[0]
        waiting += [([*words, w], score + row[w]) for w in range(len(WORDS))]
    return done


EXACT = table()


def share(masses: dict[str, float], word: str) -> float:
    """Of the sentences that begin with `word`."""
    return sum(p for s, p in masses.items() if s.split()[0] == word) / sum(masses.values())


def enumerated(program) -> dict[str, float]:
    """Exact enumeration: each complete run of the program and its probability."""
    runs = poutine.enumerate_traces(program)
    return {run.nodes["_RETURN"].value: math.exp(run.log_prob_sum()) for run in runs}


def check(what: str, found: float, exact: float) -> None:
    print(f"  {what}: {found:.6f}")
    assert math.isclose(found, exact, rel_tol=1e-9), (what, found, exact)


def infilling() -> None:
    print("condition: `_ _ sees _`. What is the first word?")
    seen = enumerated(poutine.condition(sentence, {"w2": WORDS.index("sees")}))
    # a sentence that ends sooner has no third word, and stays possible
    exact = {s: p for s, p in EXACT.items() if s.split()[2:3] in ([], ["sees"])}
    check("P(the first word is `a`)", share(seen, "a"), share(exact, "a"))


def force_feeding() -> None:
    print("do: the first word is made to be `dog`, which costs nothing.")
    fed = poutine.do(sentence, {"w0": WORDS.index("dog")})
    trace = poutine.trace(poutine.seed(fed, 1)).get_trace()
    text = trace.nodes["_RETURN"].value
    print(f"  wrote: {text}")
    cost = trace.log_prob_sum(lambda name, site: name != "w0")
    first = CATS.log_probs(np.array([CATS.init([END])]))[0]
    check("P(the rest)", math.exp(cost), EXACT[text] / math.exp(first[WORDS.index("dog")]))


def tempering() -> None:
    print("scale: the cube of the model's probability, renormalised, likes the likeliest.")
    cubes = {s: p**3 for s, p in EXACT.items()}
    best = max(EXACT, key=EXACT.__getitem__)
    found = enumerated(poutine.scale(sentence, 3.0))
    check(f"P({best})", found[best] / sum(found.values()), cubes[best] / sum(cubes.values()))


def rescoring() -> None:
    print("replay: how likely is a sentence about cats in a model of dogs?")
    trace = poutine.trace(poutine.seed(sentence, 5)).get_trace()
    text = trace.nodes["_RETURN"].value
    other = poutine.trace(poutine.replay(sentence, trace)).get_trace(DOGS)
    assert other.nodes["_RETURN"].value == text
    check(f"P({text})", math.exp(other.log_prob_sum()), table(DOGS)[text])


def enumeration() -> None:
    print("escape and a queue: leave at every choice, come back with every word.")
    runs = poutine.queue(poutine.trace(sentence).get_trace, queue=queue.Queue())
    masses: dict[str, float] = {}
    while True:
        try:
            run = runs()
        except poutine.StopSearch:
            break
        masses[run.nodes["_RETURN"].value] = math.exp(run.log_prob_sum())
    assert masses.keys() == EXACT.keys()
    check("the sum over all sentences", sum(masses.values()), 1.0)


def best_first() -> None:
    print("a priority queue: the likeliest sentence, after a few runs only.")
    n_runs = 0

    def counted() -> str:
        nonlocal n_runs
        n_runs += 1
        return sentence()

    best = poutine.queue(counted, queue=poutine.BestFirst())()
    print(f"  {best} ({n_runs} runs; there are {len(EXACT)} sentences)")
    assert best == max(EXACT, key=EXACT.__getitem__)


def regeneration() -> None:
    print("uncondition: what the same program says once its data are taken away again.")
    observed = poutine.condition(sentence, {"w0": WORDS.index("dog")})
    check("P(first word `dog`) with data", share(enumerated(observed), "dog"), 1.0)
    prior = enumerated(poutine.uncondition(observed))
    check("P(first word `dog`) without", share(prior, "dog"), share(EXACT, "dog"))


if __name__ == "__main__":
    infilling()
    force_feeding()
    tempering()
    rescoring()
    enumeration()
    best_first()
    regeneration()
