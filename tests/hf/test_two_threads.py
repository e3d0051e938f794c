"""A few seconds of what `two_threads.py` does for a minute."""

from __future__ import annotations

import two_threads


def test_two_threads_give_what_one_gives_alone():
    total, differ = two_threads.disagreements(seconds=2)
    assert total > 4
    assert differ == 0
