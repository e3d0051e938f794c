"""Any text as a spec, through every front end: a grammar, or a ConstrainError, and soon."""

from __future__ import annotations

import random
import re
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import constrain
from constrain.errors import ConstrainError, LimitExceeded, SpecError
from constrain.syntax.grammar import Grammar

BYTES = constrain.Vocabulary([bytes([b]) for b in range(256)] + [b"aa", None], [257])
CORPUS = Path(__file__).parents[1] / "corpus"
N_EXAMPLES = 120


def corpus(name: str, kind: str, field: str) -> list[str]:
    entries = tomllib.loads((CORPUS / f"{name}.toml").read_text("utf-8"))[kind]
    return [entry[field] for entry in entries]


PATTERNS = [
    *corpus("regex", "regex", "pattern"),
    *corpus("regex", "error", "pattern"),
    *(r"\p{Lu}+(?>a|ab)*+", r"(?i:\w{2,5}?)\b", r"[\p{Greek}\d-]{,3}"),
]
LARK = [*corpus("lark", "grammar", "text"), *corpus("lark", "extended", "text")]
GBNF = [*corpus("gbnf", "grammar", "text"), 'root ::= <a> !<b>* "x"{2,3} [^a-z]']

FRONTS: dict[str, tuple[list[str], Callable[[str], Grammar]]] = {
    "python": (PATTERNS, constrain.regex),
    "ecma": (PATTERNS, lambda text: constrain.regex(text, dialect="ecma")),
    "lark": (LARK, constrain.cfg),
    "scannerless": (LARK, lambda text: constrain.cfg(text, lexer="scannerless")),
    "gbnf": (GBNF, lambda text: constrain.cfg(text, syntax="gbnf")),
}

SIGNS = "ab01 \n\t\"'/\\()[]{}|*+?.^$-~&!<>%#:;=,_ABé😀\x00\ud800xsP"
PIECES = (
    '"a" /b+/ ( ) * + ? ~2 ~0..1 {2} [ ] | A x & ~ -> "c"i "a".."z" <t> %json{"type":"null"} x{A}'
    ' %regex{"substring_chars":"ab"} \n /(?=a)b*/ /a*?/ . ! [^a] {0,99999} %ignore (?>a) a*+ \\b'
).split(" ")


def random_text(rng: random.Random) -> str:
    return "".join(rng.choice(SIGNS) for _ in range(rng.randrange(40)))


def with_other_signs(text: str, rng: random.Random) -> str:
    for _ in range(rng.choice([1, 1, 2, 4])):
        i = rng.randrange(len(text) + 1)
        j = min(len(text), i + rng.randrange(1, 8))
        middle = [
            "",
            rng.choice(SIGNS) + text[i:j],
            rng.choice(SIGNS),
            text[i:j] * rng.choice([2, 3, 50]),
            text[i:j][::-1],
        ]
        text = text[:i] + rng.choice(middle) + text[j:]
    return text


def with_other_pieces(text: str, rng: random.Random) -> str:
    parts = re.findall(r'"(?:\\.|[^"\\\n])*"|/(?:\\.|[^/\\\n])*/|\w+|\s+|.', text)
    for _ in range(rng.choice([1, 1, 1, 2])):
        i = rng.randrange(len(parts) or 1)
        parts[i : i + rng.randrange(2)] = [rng.choice([*PIECES, *parts])] * rng.randrange(2)
    return "".join(parts)


def examples(front: str, seed: int, count: int) -> list[str]:
    rng = random.Random(f"{front} {seed}")
    seeds, _ = FRONTS[front]
    found: list[str] = []
    for _ in range(count):
        make = rng.choice([with_other_pieces, with_other_pieces, with_other_signs, None])
        found.append(make(rng.choice(seeds), rng) if make else random_text(rng))
    return found


def tried(make: Callable[[str], Grammar], text: str) -> str:
    """Compile a spec and take a few steps; return the name of what came of it."""
    try:
        constraint = constrain.compile(make(text), BYTES)
        state = constraint.init()
        for byte in b"a1":
            mask = constraint.mask(state)
            if mask[byte >> 5] >> (byte & 31) & 1:
                state = constraint.advance(state, byte)
        constraint.mask(state)
    except ConstrainError as error:
        return type(error).__name__
    return "a grammar"


@pytest.mark.parametrize("front", FRONTS)
def test_any_text_is_a_grammar_or_refused(front: str):
    _, make = FRONTS[front]
    tried(make, "")
    outcomes: dict[str, int] = {}
    for text in examples(front, 1, N_EXAMPLES):
        begin = time.process_time()
        outcome = tried(make, text)
        assert time.process_time() - begin < 5, text
        outcomes[outcome] = outcomes.get(outcome, 0) + 1
    assert outcomes["a grammar"] > N_EXAMPLES // 20
    assert sum(outcomes.values()) - outcomes["a grammar"] > N_EXAMPLES // 5


GROUPS = ("(a" * 60, ")?" * 60)
WORDS = [f"w{i}" for i in range(10_000)]

HOSTILE: dict[str, tuple[str, str, dict[str, Any], bool]] = {
    "atomic stars": ("regex", "(?>a*)*+", {}, False),
    "possessive groups": ("regex", GROUPS[0] + GROUPS[1].replace("?", "?+"), {}, True),
    "deep atomic groups": ("regex", "(?>" * 5_000 + "a" + ")" * 5_000, {}, True),
    "a thousand atomic groups": ("regex", "(?:(?>a?){1000})+", {}, True),
    "many looks": ("regex", "(?=.*a)(?=.*b)" * 20 + ".*", {}, False),
    "large count": ("regex", "[ab]{1,4000000000}", {}, True),
    "property in a count": ("regex", r"\p{L}{0,5000}x\p{Lu}*", {}, False),
    "ecma gaps": ("regex", ".{0,5000}x.{0,5000}", {"dialect": "ecma"}, False),
    "lark: all splits, with a lexer": ("cfg", 'start: s\ns: s s | s s s | "a"', {}, False),
    "lark: groups": ("cfg", "start: " + '("a" ' * 60 + ")?" * 60, {}, False),
    "lark: parentheses": ("cfg", "start: " + "(" * 100_000 + '"a"' + ")" * 100_000, {}, True),
    "lark: gaps": ("cfg", "start: /.{0,5000}x.{0,5000}/", {}, False),
    "lark: words": ("cfg", "start: " + " | ".join(f'"{w}"' for w in WORDS), {}, False),
    "lark: words, no lexer": (
        "cfg",
        "start: " + " | ".join(f'"{w}"' for w in WORDS) + '\n%ignore " "',
        {"lexer": "scannerless"},
        False,
    ),
    "lark: many rules": (
        "cfg",
        "".join(f'r{i}: "x" r{i + 1}? "y"\n' for i in range(2_000)) + 'r2000: "z"\nstart: r0',
        {},
        False,
    ),
    "gbnf: all splits": ("cfg", 'root ::= s\ns ::= s s | s s s | "a"', {"syntax": "gbnf"}, False),
    "gbnf: groups": ("cfg", "root ::= " + '("a" ' * 60 + ")?" * 60, {"syntax": "gbnf"}, False),
    "gbnf: parentheses": ("cfg", "root ::= " + "(" * 100_000, {"syntax": "gbnf"}, True),
    "gbnf: gaps": ("cfg", 'root ::= .{0,5000} "x" .{0,5000}', {"syntax": "gbnf"}, False),
    "gbnf: words": (
        "cfg",
        "root ::= " + " | ".join(f'"{w}"' for w in WORDS),
        {"syntax": "gbnf"},
        False,
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_specs_are_bounded(name: str):
    front, text, options, may_refuse = HOSTILE[name]
    make = getattr(constrain, front)
    tried(make, "a")
    begin = time.process_time()
    outcome = tried(lambda spec: make(spec, **options), text)
    assert time.process_time() - begin < 4
    assert outcome == "a grammar" or (may_refuse and outcome == LimitExceeded.__name__)


def test_bytes_are_text_or_refused():
    assert constrain.regex("é".encode()) == constrain.regex("é")
    assert constrain.cfg(b'start: "a"') == constrain.cfg('start: "a"')
    for make in (constrain.regex, constrain.cfg):
        with pytest.raises(SpecError, match="no UTF-8") as caught:
            make(b"ab\xffc")
        assert caught.value.span == (2, 3)
        with pytest.raises(SpecError, match="expected a text, found 3"):
            make(3)
