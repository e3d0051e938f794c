"""Every mode of `generate`, live against full replay; `compare_modes.py` runs the whole table."""

from __future__ import annotations

import compare_modes
import pytest

SOME = ("sample", "beams", "draft", "inputs_embeds")
CASES = [("llama", mode) for mode in compare_modes.MODES]
CASES += [(family, mode) for family in ("gpt2", "qwen3", "t5") for mode in SOME]


@pytest.mark.parametrize(("family", "mode"), CASES)
def test_live_processing_equals_full_replay(family, mode):
    assert compare_modes.compare(family, mode, 600, seed=3)
