"""Counted and dense automata over tokens long enough to need every kind of table."""

from __future__ import annotations

import pytest
from brute_force import check_masks

import constrain
from constrain.automata import dfa
from constrain.automata.regex_to_dfa import from_node
from constrain.automata.resolve import resolve
from constrain.syntax.regex_parser import parse

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 .,;-é"


def vocabulary() -> constrain.Vocabulary:
    """4,000 words over `LETTERS`, runs of up to 60 letters, and what ends or leaves a class."""
    pairs = [a + b for a in LETTERS for b in LETTERS]
    runs = [c * n for c in "aé " for n in range(3, 61)]
    leave = [f"{c * n}\n{d}" for c in "aé" for d in ("", "a", "x\n") for n in range(0, 60, 7)]
    words = [word.encode() for word in [*pairs, *runs, *leave]]
    singles = [bytes([b]) for b in range(256)]
    return constrain.Vocabulary([*singles, *words, b"a\xc3", b"\xa9a", None], [258 + len(words)])


@pytest.mark.parametrize(
    "pattern",
    [
        "[^\n]{0,40}",
        "[^\n]{3,70}\n[^\n]{0,2}",
        "([^\n]{1,30}\n)*",
        "([^\n,]|,[ab])*\n",
        "[a-zé ]{2,50}\n",
    ],
)
def test_masks_of_dense_states(pattern: str):
    node = parse(pattern).node
    machine = dfa.trim(from_node(resolve(node)))
    check_masks(
        constrain.compile(constrain.regex(pattern), vocabulary()),
        lambda text: dfa.advance(machine, machine.start, text) != 0,
        lambda text: dfa.accepts(machine, text),
        depth=2,
        most=12,
    )
