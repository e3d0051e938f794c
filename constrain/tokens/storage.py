"""Tables of a vocabulary: built once per machine, then read from the user's cache folder.

One `.npz` by content hash. A file that cannot be read is rebuilt silently; a folder that cannot
be written to costs the time to build, in every process, and nothing else.
"""

from __future__ import annotations

import os
import tempfile
import threading
import unicodedata
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from constrain.automata import json_text
from constrain.errors import VocabularyMismatch

from . import layout as at, trie
from .arena import prepare
from .dense import SPARSE, DenseTables
from .rows import pool
from .standard import Standard, standard, standard_count
from .vocabulary import Vocabulary

FORMAT = "12"
"""Goes up when the layout of the tables or the standard automata change."""

UNICODE = unicodedata.unidata_version

Words = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Tables:
    """What the kernels need to know about a vocabulary."""

    words: Words  # layout.V_*
    dense: DenseTables
    standard: Words  # CONFIG_DENSE of the standard configurations
    lock: threading.RLock


def cache_folder() -> Path:
    """`$CONSTRAIN_CACHE`, else the user's cache folder."""
    if own := os.environ.get("CONSTRAIN_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(base) / "constrain"


class _StandardRunner:
    """Just enough of an engine to build tables for the standard automata."""

    def __init__(self, prefix: Standard):
        self.prefix = prefix

    @property
    def words(self) -> Words:
        return self.prefix.arena.words

    def supply(self, code: int) -> None:
        if code != at.FULL:
            raise AssertionError(f"a standard automaton asks for {code}")
        self.prefix.arena.grow(int(self.words[at.REQUEST]))


def _build(vocabulary: Vocabulary) -> tuple[Words, Words, Words]:
    """Trie, dense tables and standard offsets of a vocabulary."""
    words = trie.build(vocabulary)
    dense = DenseTables(words, vocabulary.n_words)
    prefix = standard()
    runner = _StandardRunner(prefix)
    offsets = np.zeros(standard_count(), np.int32)
    for q in range(1, len(offsets)):
        home = prefix.home_of[q]
        if q == prefix.homes[json_text.any_space()]:
            offsets[q] = _add_space(dense, runner, q)
            continue
        offsets[q] = dense.add(runner, ("standard", q), q, home)
        if offsets[q] == SPARSE:
            continue
        dense.add_exit(runner, int(offsets[q]), q, home, 0x22)
        if q == prefix.homes[json_text.counted_string()]:
            dense.add_tiers(runner, int(offsets[q]), q, home)
    return words, dense.words[: dense.used].copy(), offsets


def _add_space(dense: DenseTables, runner: _StandardRunner, q: int) -> int:
    """The table of white space, with the exits that every JSON grammar has."""
    table = dense.add_dense(runner, ("standard", q), q, q)
    dense.words[[table + at.T_EXITS + byte for byte in b" \t\n\r"]] = at.STAYS
    for byte in b'",:[]{}-0123456789':
        dense.add_exit(runner, table, q, q, byte)
    return table


def _load(path: Path) -> tuple[Words, Words, Words] | None:
    try:
        with np.load(path) as data:
            return data["words"], data["dense"], data["standard"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _save(path: Path, parts: tuple[Words, Words, Words]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    except OSError:
        return
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, words=parts[0], dense=parts[1], standard=parts[2])
        os.replace(name, path)
    except OSError:
        Path(name).unlink(missing_ok=True)


MAX_SHARED = 8
_shared: dict[tuple[str, int], Tables] = {}  # the youngest is last
_shared_lock = threading.Lock()


def tables(vocabulary: Vocabulary) -> Tables:
    """The tables of a vocabulary, shared by all with the same tokens in this process."""
    key = (vocabulary.content_hash, len(vocabulary))
    with _shared_lock:
        found = _shared.pop(key, None) or _make(vocabulary)
        _shared[key] = found
        while len(_shared) > MAX_SHARED:
            del _shared[next(iter(_shared))]
    return replace(found, words=_with_eos(found.words, vocabulary))


def _make(vocabulary: Vocabulary) -> Tables:
    path = cache_folder() / f"vocabulary-{FORMAT}-{UNICODE}-{vocabulary.content_hash}.npz"
    parts = _load(path)
    if parts is None or len(parts[2]) != standard_count():
        parts = _build(vocabulary)
        if len(vocabulary) >= 4096:
            _save(path, parts)
    words, stored, offsets = parts
    dense = DenseTables(words, vocabulary.n_words)
    dense.load(stored)
    pool(vocabulary.n_words)
    prepare()
    return Tables(words, dense, offsets, threading.RLock())


def _with_eos(words: Words, vocabulary: Vocabulary) -> Words:
    """The tables with the end ids of this vocabulary: a copy unless they are there already."""
    ids = vocabulary.eos_token_ids
    if len(ids) > at.MAX_EOS:
        raise VocabularyMismatch(f"{len(ids)} eos token ids; at most {at.MAX_EOS} are possible")
    if tuple(words[at.V_EOS_IDS : at.V_EOS_IDS + words[at.V_N_EOS]]) == ids:
        return words
    if words[at.V_N_EOS]:
        words = words.copy()
    words[at.V_EOS_IDS : at.V_EOS_IDS + len(ids)] = ids
    words[at.V_N_EOS] = len(ids)
    return words
