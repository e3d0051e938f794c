"""Byte automata of sets of code points spell exactly their UTF-8 forms."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given, strategies as st

from constrain.syntax import charclass
from constrain.syntax.regex_ast import ANY_CHAR, MAX_CODE_POINT, Ranges, normalize
from constrain.syntax.utf8 import FINAL, byte_automaton, byte_sequences

EDGES = [0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFF, 0x10000, 0x10FFFF, 0x3F, 0x1000]
code_points = st.sampled_from(EDGES) | st.integers(0, MAX_CODE_POINT) | st.integers(0, 0x900)
range_sets = st.lists(st.tuples(code_points, code_points), max_size=6).map(
    lambda pairs: normalize((min(pair), max(pair)) for pair in pairs)
)


def spells(ranges: Ranges, data: bytes) -> bool:
    states, state = byte_automaton(ranges), 0
    for byte in data:
        targets = [to for lo, hi, to in states[state] if lo <= byte <= hi] if state >= 0 else []
        if not targets:
            return False
        [state] = targets
    return state == FINAL


def encoded(code_point: int) -> bytes:
    return chr(code_point).encode("utf-8", "surrogatepass")


@given(range_sets, code_points)
def test_automaton_spells_the_members(ranges: Ranges, code_point: int):
    ends = [end + step for pair in ranges for end in pair for step in (-1, 0, 1)]
    for member in [code_point, *(end for end in ends if 0 <= end <= MAX_CODE_POINT)]:
        inside = any(lo <= member <= hi for lo, hi in ranges)
        assert spells(ranges, encoded(member)) == inside


@given(st.binary(max_size=5))
def test_any_character_is_what_python_decodes(data: bytes):
    try:
        one_character = len(data.decode()) == 1
    except UnicodeDecodeError:
        one_character = False
    assert spells(ANY_CHAR.ranges, data) == one_character


@given(range_sets)
def test_automaton_is_minimal_and_in_order(ranges: Ranges):
    states = byte_automaton(ranges)
    assert len(set(states[1:])) == len(states) - 1
    for edges in states:
        for (_, hi, target), (lo, _, other) in pairwise(edges):
            assert hi < lo
            assert hi + 1 < lo or target != other


@given(range_sets)
def test_sequences_count_every_member_once(ranges: Ranges):
    sizes = []
    for sequence in byte_sequences(ranges):
        size = 1
        for lo, hi in sequence:
            size *= hi - lo + 1
        sizes.append(size)
    assert sum(sizes) == sum(hi - lo + 1 for lo, hi in ranges)


def test_sequences_of_everything():
    assert byte_sequences(ANY_CHAR.ranges) == (
        ((0x00, 0x7F),),
        ((0xC2, 0xDF), (0x80, 0xBF)),
        ((0xE0, 0xE0), (0xA0, 0xBF), (0x80, 0xBF)),
        ((0xE1, 0xEC), (0x80, 0xBF), (0x80, 0xBF)),
        ((0xED, 0xED), (0x80, 0x9F), (0x80, 0xBF)),
        ((0xEE, 0xEF), (0x80, 0xBF), (0x80, 0xBF)),
        ((0xF0, 0xF0), (0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)),
        ((0xF1, 0xF3), (0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)),
        ((0xF4, 0xF4), (0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)),
    )


def test_word_characters_stay_small():
    assert len(byte_automaton(charclass.category("w"))) < 350
    assert byte_automaton(()) == ((),)
