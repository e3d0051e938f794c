"""What starting costs, in fresh processes: importing, the first mask, the first run ever.

    python benchmarks/startup.py --output benchmarks/results

- import: `import constrain` after `import numpy`, wall time.
- warm: from before `import constrain` to the first mask of an RFC 8259 grammar over the tekken
  vocabulary, kernels and vocabulary tables in their caches. Reading the token list is left out.
- cold: the same with both caches empty, as on a new machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import job as jobs
import report

IMPORT = """
import time, numpy
began = time.perf_counter()
import constrain
print(time.perf_counter() - began)
"""

FIRST_MASK = """
import json, sys, time
sys.path.insert(0, sys.argv[1])
import numpy
from job import decode_tokens
vocabulary = json.load(open(sys.argv[2], encoding="utf-8"))
tokens = decode_tokens(vocabulary)
began = time.perf_counter()
import constrain
c = constrain.compile(constrain.json(), constrain.Vocabulary(tokens, [vocabulary["eos"]]))
c.mask(c.init())
print(time.perf_counter() - began)
"""


def seconds(code: str, *arguments: str, **environment: str) -> float:
    """What a fresh interpreter prints after running `code`."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | environment,
    )
    return float(done.stdout)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--output", type=Path, help="folder for startup.md")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "vocabulary.json"
        path.write_text(json.dumps(jobs.vocabulary(jobs.tekken())), encoding="utf-8")
        here = str(Path(__file__).parent)
        caches = {"NUMBA_CACHE_DIR": f"{folder}/kernels", "CONSTRAIN_CACHE": f"{folder}/tables"}
        cold = seconds(FIRST_MASK, here, str(path), **caches)
        repeats = range(arguments.repeats)
        warm = statistics.median(seconds(FIRST_MASK, here, str(path), **caches) for _ in repeats)
        imported = statistics.median(seconds(IMPORT) for _ in repeats)
    rows = [
        ("`import constrain` beyond `import numpy`", imported, 0.15),
        ("warm: import to first mask", warm, 1.0),
        ("cold: import to first mask, empty caches", cold, 15.0),
    ]
    lines = [
        "# Starting",
        "",
        f"{report.machine()}; median of {arguments.repeats} processes (cold: one); wall seconds.",
        "",
        "| what | seconds | goal | holds |",
        "|:--|--:|--:|:--|",
        *(
            f"| {what} | {took:.3f} | {goal:g} | {'yes' if took <= goal else '**no**'} |"
            for what, took, goal in rows
        ),
    ]
    text = "\n".join(lines) + "\n"
    print(text)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "startup.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
