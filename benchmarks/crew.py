"""Worker processes, one per engine, that are asked in turn."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

WORKER = Path(__file__).with_name("worker.py")


@dataclass
class Hand:
    """One engine's process, what it said about itself, and what it answered."""

    engine: str
    process: subprocess.Popen[str]
    hello: dict[str, Any] = field(default_factory=dict)

    def ask(self, **command: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        _pipe(self.process.stdin).write(json.dumps(command) + "\n")
        _pipe(self.process.stdin).flush()
        return self.listen()

    def listen(self) -> dict[str, Any]:
        line = _pipe(self.process.stdout).readline()
        if not line:
            raise RuntimeError(f"the worker for {self.engine} ended with {self.process.wait()}")
        return json.loads(line)


def _pipe(pipe: IO[str] | None) -> IO[str]:
    assert pipe is not None
    return pipe


@contextmanager
def crew(pythons: dict[str, str], job: Path, core: int | None) -> Iterator[list[Hand]]:
    """Start a worker per engine (with the interpreter named for it); stop them all at the end."""
    hands: list[Hand] = []
    one_thread = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    try:
        for engine, python in pythons.items():
            command = [python, str(WORKER), "--engine", engine, "--job", str(job)]
            if core is not None:
                command += ["--core", str(core)]
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
                env=os.environ | one_thread,
            )
            hands.append(Hand(engine, process))
            hands[-1].hello = hands[-1].listen()
        yield hands
    finally:
        for hand in hands:
            _pipe(hand.process.stdin).close()
        for hand in hands:
            hand.process.wait(timeout=60)
