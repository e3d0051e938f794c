"""Run by `test_kernels.py` with the compiler off, or with bounds checks on: one of everything."""

from __future__ import annotations

import numpy as np

import constrain

TOKENS = [bytes([b]) for b in range(256)] + [b"ab", b'","', b'{"', b"  ", None]
VOCABULARY = constrain.Vocabulary(TOKENS, [len(TOKENS) - 1])
CALCULATOR = """
start: sum
sum: sum "+" NUMBER | NUMBER
NUMBER: /[0-9]+/
%ignore " "
"""
SCHEMA = {
    "properties": {"ab": {"type": "string", "maxLength": 2}, "n": {"enum": [1, "x"]}},
    "type": "object",
    "required": ["ab"],
}
CASES = [
    (constrain.json(), ['[{"a": [1.5, true]}]', "[1,]"]),
    (constrain.json_schema(SCHEMA), ['{"ab": "xy", "n": 1}', '{"ab":"xyz"}', '{"ab":"","z":[]}']),
    (constrain.regex("(a|b)*c{6,9}é"), ["abccccccé", "abccé"]),
    (constrain.cfg(CALCULATOR), ["1 + 2", "1 +"]),
    (constrain.cfg('start: start start "b" | "a"', lexer="scannerless"), ["aab", "ab"]),
]

for grammar, texts in CASES:
    constraint = constrain.compile(grammar, VOCABULARY)
    for text in texts:
        state = constraint.init()
        for byte in text.encode():
            allowed = np.unpackbits(constraint.mask(state).view(np.uint8), bitorder="little")
            print(np.flatnonzero(allowed).tolist())
            if not allowed[byte]:
                break
            state = constraint.advance(state, byte)
        print(text, constraint.matches(text))
    constraint.forget()
    print(int(constraint.mask(constraint.init()).sum()))
