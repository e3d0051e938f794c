"""Masks applied by kernels against the plain way, on every library, type and shape."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings, strategies as st

from constrain.decoding.processing import apply
from constrain.decoding.processing.apply import (
    Buffers,
    apply_host,
    apply_masks,
    apply_plainly,
    gather_masks,
)

WORDS = st.sampled_from([0, 0, 0xFFFFFFFF, 0xFFFFFFFF, 1, 0x80000000, 0xF0F0F0F0])


@st.composite
def masks(draw):
    """Rows of a few words in long runs, as masks are."""
    runs = st.lists(st.tuples(WORDS, st.integers(1, 40)), min_size=1, max_size=5)
    rows = [
        [word for word, n in draw(runs) for _ in range(n)] for _ in range(draw(st.integers(1, 4)))
    ]
    n = draw(st.sampled_from([min(map(len, rows)), max(map(len, rows))]))
    return np.array([(row * n)[:n] for row in rows], np.uint32)


@settings(max_examples=60)
@given(masks(), st.integers(0, 31), st.integers(0, 3))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("library", [np, torch], ids=["numpy", "torch"])
def test_kernels_agree_with_the_plain_way(library, dtype, words, cut, seed):
    width = 32 * words.shape[1] - cut
    rng = np.random.default_rng(seed)
    values = rng.choice([-np.inf, 0.0, 1.5, -2.0, np.nan], (len(words), width))
    logits = library.asarray(values, dtype=getattr(library, dtype))
    out = apply_masks(words, logits, Buffers())
    assert out.dtype == logits.dtype
    assert np.array_equal(np.asarray(out), np.asarray(apply_plainly(words, logits)), equal_nan=True)


@given(masks())
def test_rows_with_nothing_left_are_told(words):
    logits = np.where(np.arange(32 * words.shape[1]) % 32 == 31, 0.0, -np.inf)
    logits = np.tile(logits.astype(np.float32), (len(words), 1))
    out = np.empty_like(logits)
    banned = np.float32(-np.inf).view(np.int32)
    alive = apply_host(words, logits.view(np.int32), out.view(np.int32), banned)
    assert alive.tolist() == np.isfinite(out).any(axis=1).tolist()


@settings(max_examples=30)
@given(masks(), st.integers(0, 31))
def test_in_place(words, cut):
    width = 32 * words.shape[1] - cut
    logits = np.random.default_rng(0).normal(size=(len(words), width)).astype(np.float32)
    expected = apply_plainly(words, logits)
    banned = np.float32(-np.inf).view(np.int32)
    given = logits.view(np.int32)
    alive = apply_host(words, given, given, banned)
    assert np.array_equal(logits, expected)
    assert alive.tolist() == np.isfinite(expected).any(axis=1).tolist()


def test_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(apply, "SIZE_PER_WORKER", 100)
    rng = np.random.default_rng(0)
    words = rng.integers(0, 1 << 32, (9, 8), dtype=np.uint32)
    words[3:5] = 0xFFFFFFFF
    logits = rng.normal(size=(9, 250)).astype(np.float32)
    buffers = Buffers()
    one, two, four = (apply_masks(words, logits, buffers, workers=n) for n in (1, 2, 4))
    assert np.array_equal(one, two)
    assert np.array_equal(one, four)


def test_what_numpy_cannot_share_goes_the_plain_way():
    words = np.array([[5]], np.uint32)
    half = torch.ones(1, 3, dtype=torch.bfloat16)
    assert apply_masks(words, half, Buffers()).tolist() == [[1.0, -np.inf, 1.0]]
    backwards = np.arange(6.0).reshape(1, 6)[:, ::-2]
    assert apply_masks(words, backwards, Buffers()).tolist() == [[5.0, -np.inf, 1.0]]
    learned = torch.ones(1, 3, requires_grad=True)
    assert apply_masks(words, learned, Buffers()).tolist() == [[1.0, -np.inf, 1.0]]


def test_masks_are_gathered_into_rows_as_wide_as_the_logits():
    narrow, wide = np.array([7], np.uint32), np.array([7, 8, 9], np.uint32)
    assert gather_masks([narrow, None, wide], 40, Buffers()).tolist() == [
        [7, 0],
        [0xFFFFFFFF, 0xFFFFFFFF],
        [7, 8],
    ]


def test_buffers_come_back_only_when_nobody_holds_them():
    buffers, dtype = Buffers(), np.dtype(np.float32)
    first = buffers.take((2, 2), dtype)
    place = first.ctypes.data
    view = torch.from_numpy(first)[1:]
    del first
    second = buffers.take((2, 2), dtype)
    assert second.ctypes.data != place
    del view
    assert buffers.take((2, 2), dtype).ctypes.data == place
    assert buffers.take((3, 2), dtype).shape == (3, 2)
