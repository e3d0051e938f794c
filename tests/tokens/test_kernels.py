"""The kernels give the same answers compiled, as plain Python, and with bounds checked."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("switched_off.py")


def answers(folder: Path, **variables: str) -> str:
    environment = {**os.environ, "CONSTRAIN_CACHE": str(folder), **variables}
    command = [sys.executable, "-W", "error::RuntimeWarning", str(SCRIPT)]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.mark.parametrize("variable", ["NUMBA_DISABLE_JIT", "NUMBA_BOUNDSCHECK"])
def test_same_answers(variable: str, tmp_path: Path):
    cache = {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")} if "BOUNDS" in variable else {}
    assert answers(tmp_path, **{variable: "1"}, **cache) == answers(tmp_path)
