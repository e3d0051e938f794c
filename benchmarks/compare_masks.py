"""Are two engines' masks equal? Every position of every document, every ordinary token.

    python benchmarks/compare_masks.py --peers .venv-peers/bin/python

Special tokens are left out (an engine may let eos stand for "the text may end here" in its own
way); so are masks with a single token, where llguidance names the one token that it would itself
write next. Both are counted. Exits with 1 if anything else differs. Under a schema ("orders")
llguidance leaves out DEL, `\\/` and most `\\u` escapes in strings, so masks differ there.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import job as jobs
import numpy as np
from crew import Hand, crew


def ordinary_bits(tokens: list[bytes | None]) -> np.ndarray:
    """Packed mask of the tokens that have bytes."""
    bits = np.zeros((len(tokens) + 31) // 32 * 32, dtype=np.uint8)
    bits[: len(tokens)] = [token is not None for token in tokens]
    return np.packbits(bits, bitorder="little").view(np.uint32)


def ids(row: np.ndarray) -> np.ndarray:
    """The token ids in a packed mask."""
    return np.flatnonzero(np.unpackbits(row.view(np.uint8), bitorder="little"))


def describe(
    tokens: list[bytes | None], stream: list[int], position: int, ours: Any, theirs: Any
) -> str:
    """One difference, as an example: the text before it and some of the tokens."""
    before = b"".join(tokens[i] or b"" for i in stream[:position])
    lines = [f"after {before[-60:]!r}"]
    for title, extra in (("only constrain", ours & ~theirs), ("only the peer", theirs & ~ours)):
        found = [tokens[i] for i in ids(extra)]
        if found:
            lines.append(f"    {title}: {len(found)} tokens, such as {found[:6]}")
    return "\n".join(lines)


def compare(
    hands: list[Hand], job: dict[str, Any], workload: str, folder: Path
) -> tuple[Counter[str], list[str]]:
    """How many masks were equal, forced, or different; examples of the last."""
    tokens = jobs.decode_tokens(job["vocabulary"])
    ordinary = ordinary_bits(tokens)
    eos_word, eos_bit = divmod(job["vocabulary"]["eos"], 32)
    counts: Counter[str] = Counter()
    examples: list[str] = []
    for index, stream in enumerate(job["documents"][workload]["streams"]):
        rows: list[np.ndarray] = []
        for hand in hands:
            path = folder / f"{hand.engine}.npy"
            reply = hand.ask(run="masks", workload=workload, index=index, path=str(path))
            if "refused" in reply:
                raise SystemExit(f"{hand.engine} refused document {index}: {reply['refused']}")
            rows.append(np.load(path))
        for position in range(len(stream)):
            ours, theirs = rows[0][position] & ordinary, rows[1][position] & ordinary
            eos = [rows[k][position][eos_word] >> np.uint32(eos_bit) & 1 for k in (0, 1)]
            counts["eos differs"] += int(eos[0] != eos[1])
            if np.array_equal(ours, theirs):
                counts["equal"] += 1
                continue
            forced = len(ids(theirs)) == 1 and not np.any(theirs & ~ours)
            kind = "peer names one token only" if forced else "different"
            counts[kind] += 1
            examples.append(f"{kind}: {describe(tokens, stream, position, ours, theirs)}")
    return counts, examples


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--peers", required=True, help="interpreter that has llguidance")
    parser.add_argument("--ours", default=sys.executable, help="interpreter that has constrain")
    parser.add_argument("--peer", default="llguidance", choices=["llguidance", "xgrammar"])
    parser.add_argument("--workload", default="json", choices=["json", "orders"])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--documents", type=int, default=50)
    parser.add_argument("--output", type=Path, help="folder for masks.md")
    arguments = parser.parse_args()
    job = jobs.make(arguments.seed, arguments.documents, n_schemas=0, n_regexes=0)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        pythons = {"constrain": arguments.ours, arguments.peer: arguments.peers}
        with crew(pythons, folder / "job.json", core=None) as hands:
            counts, examples = compare(hands, job, arguments.workload, folder)
        versions = "; ".join(hand.hello["versions"] for hand in hands)
    text = "\n".join(
        [
            "# Masks, bit by bit",
            "",
            f"{versions}; workload {arguments.workload}, {arguments.documents} documents.",
            "",
            *(f"- {kind}: {n:,}" for kind, n in sorted(counts.items())),
            *(["", "```", *examples[:20], "```"] if examples else []),
        ]
    )
    print(text)
    if arguments.output:
        arguments.output.mkdir(parents=True, exist_ok=True)
        (arguments.output / "masks.md").write_text(text + "\n", encoding="utf-8")
    sys.exit(1 if counts["different"] else 0)


if __name__ == "__main__":
    main()
