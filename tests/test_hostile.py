"""Specs made to hurt: each works, or raises LimitExceeded, within 2 seconds and 500 MB.

Time and memory are measured in a process of its own, with the kernels compiled before.
"""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SCRIPT = """
import json, resource, sys, time
import constrain
from constrain.errors import LimitExceeded

vocabulary = constrain.Vocabulary([bytes([b]) for b in range(256)] + [b"aa", b"aaaa", None], [258])
constrain.compile(constrain.regex("a{9,99}|b"), vocabulary).matches("b")
constrain.compile(constrain.cfg('start: "a" start | "b"'), vocabulary).matches("b")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
begin = time.process_time()
front, spec, options, texts = json.loads(sys.argv[1])
found = []
try:
    c = constrain.compile(getattr(constrain, front)(spec, **options), vocabulary)
    c.mask(c.init())
    for text in texts:
        found.append(c.matches(text))
        state = c.init()
        for byte in text.encode()[:50]:
            if not (c.mask(state)[byte >> 5] >> (byte & 31)) & 1:
                break
            state = c.advance(state, byte)
except LimitExceeded:
    found = "limit"
seconds = time.process_time() - begin
megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
print(json.dumps([found, seconds, megabytes]))
"""

GROUPS = "(a" * 60 + ")?" * 60
WORDS = [f"word number {i} of many" for i in range(10_000)]
CASES = {
    "ambiguous star": ("regex", "(a|a)*b", {}, {"a" * 300 + "b": True, "aa": False}),
    "star of star": ("regex", "(a*)*", {}, {"a" * 300: True, "ab": False}),
    "two long gaps": ("regex", ".{0,5000}x.{0,5000}", {}, {"x": True, "a" * 100 + "x": True}),
    "all splits": (
        "cfg",
        'start: s\ns: s s | s s s | "a"',
        {"lexer": "scannerless"},
        {"a" * 2_000: True, "": False},
    ),
    "nested optional groups": ("regex", GROUPS, {}, {"a" * 60: True, "a" * 61: False}),
    "large enum": (
        "json_schema",
        {"enum": WORDS},
        {},
        {json.dumps(WORDS[77]): True, '"word number 1 of"': False},
    ),
    "nested parentheses": ("regex", "(" * 100_000 + "a" + ")" * 100_000, {}, {"a": True}),
    "deep array": ("json_schema", {"type": "array"}, {}, {"[" * 20_000 + "]" * 20_000: True}),
    "many items": (
        "json_schema",
        {"type": "array", "items": {"type": "null"}, "maxItems": 1_000_000},
        {},
        {"[null,null]": True},
    ),
}
MAY_REFUSE = {"two long gaps", "nested parentheses"}


@pytest.mark.parametrize("name", CASES)
def test_is_bounded(name: str):
    front, spec, options, texts = CASES[name]
    job = json.dumps([front, spec, options, list(texts)])
    command = [sys.executable, "-c", SCRIPT]
    if len(job) > 100_000:  # too long for an argument
        script = SCRIPT.replace("sys.argv[1]", "sys.stdin.read()")
        command = [sys.executable, "-c", script]
        run = subprocess.run(command, input=job, capture_output=True, text=True, check=True)
    else:
        run = subprocess.run([*command, job], capture_output=True, text=True, check=True)
    found, seconds, megabytes = json.loads(run.stdout)
    assert found == list(texts.values()) or (found == "limit" and name in MAY_REFUSE)
    assert seconds < 2
    assert megabytes < 500
