"""Dense tables under a tiny budget: dropped again and again, masks stay right."""

from __future__ import annotations

import pytest
from brute_force import allowed
from test_dense import vocabulary

import constrain
from constrain.tokens import dense, storage

TEXT = b'{"abc": ["aaa", {"b": "\xc3\xa9"}], "other": [1, true, "x\\n"]}'
SCHEMA = {"properties": {"abc": {"type": "array"}, "n": {"type": "string", "maxLength": 9}}}


LARK = 'start: item*\nitem: NAME | "(" start ")"\nNAME: /[a-z]+/\n%ignore /[ \\n]+/'
PROGRAM = b"abc (a  ( bcd)) e"


def masks(constraint: constrain.Constraint) -> list[set[int]]:
    state, found = constraint.init(), []
    for byte in TEXT if constraint.matches(TEXT) else PROGRAM:
        found.append(allowed(constraint, state))
        state = constraint.advance(state, byte)
    return found


def test_dropped_tables_are_built_again(monkeypatch: pytest.MonkeyPatch):
    words = vocabulary()
    grammars = [constrain.json(), constrain.json_schema(SCHEMA), constrain.regex(r"(.|\n)*")]
    grammars.append(constrain.cfg(LARK))
    want = [masks(constrain.compile(g, words)) for g in grammars]
    monkeypatch.setattr(storage, "_shared", {})
    drops = []
    allocate = dense.DenseTables._allocate

    def tight(self: dense.DenseTables, size: int) -> int:
        self.max_words = self.kept + 2_000
        before = self.generation
        start = allocate(self, size)
        drops.extend([None] * (self.generation - before))
        return start

    monkeypatch.setattr(dense.DenseTables, "_allocate", tight)
    constraints = [constrain.compile(g, words) for g in grammars]
    for _ in range(3):
        for constraint in constraints:
            constraint.forget()
        assert [masks(c) for c in constraints] == want
    assert len(drops) > 3
