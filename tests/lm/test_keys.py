"""Counter-based randomness: known answers, and draws that do not depend on their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from constrain.lm.keys import Key, philox, seed_of, uniforms

KNOWN = [  # the vectors that the authors of Philox publish: counter, key, words
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]


@pytest.mark.parametrize(("counter", "key", "words"), KNOWN)
def test_known_answers(counter, key, words):
    assert philox(counter, key) == words
    arrays = tuple(np.full(3, c, np.uint64) for c in counter)
    assert [w.tolist() for w in philox(arrays, key)] == [[w] * 3 for w in words]


def test_arrays_draw_what_single_keys_draw():
    u = uniforms(77, np.arange(5)[:, None], np.arange(3), 2)
    assert u.tolist() == [[Key(77, i, t, 2).uniform() for t in range(3)] for i in range(5)]
    assert Key(3, 1).uniforms(4).tolist() == [Key(3, 1).uniform(i) for i in range(4)]


def test_moments():
    u = uniforms(1, np.arange(20_000), 0)
    assert abs(u.mean() - 0.5) < 4 / np.sqrt(12 * 20_000)
    assert abs(np.corrcoef(u, uniforms(1, np.arange(20_000), 1))[0, 1]) < 0.03


def test_seeds():
    assert seed_of(5) == 5
    assert seed_of(np.random.default_rng(1)) == seed_of(np.random.default_rng(1))
    generator = np.random.default_rng(1)
    assert seed_of(generator) != seed_of(generator)
    assert Key(1).at(step=4, site=2) == Key(1, 0, 4, 2)
