"""Enumeration against the obvious recursion; all other algorithms are tested against it."""

from __future__ import annotations

import math

import pytest
from worlds import WORLDS, exact, written_down

from constrain.errors import LimitExceeded
from constrain.smc.enumeration import enumeration


@pytest.mark.parametrize("name", WORLDS)
def test_against_the_recursion(name):
    wanted, log_z, posterior = exact(name)
    masses = written_down(wanted)
    assert math.exp(log_z) == pytest.approx(sum(masses.values()), rel=1e-12)
    assert posterior.keys() == masses.keys()
    for text, mass in masses.items():
        assert posterior[text] == pytest.approx(mass / math.exp(log_z), rel=1e-9)


def test_a_budget():
    wanted, *_ = exact("plain")
    with pytest.raises(LimitExceeded):
        enumeration(wanted, 5)
