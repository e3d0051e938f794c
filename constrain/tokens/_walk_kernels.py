"""Inner loops over a vocabulary in preorder and a table of byte transitions.

The trie of all tokens lies in preorder: what follows a node down to its `end` is its subtree. A
walk from a state goes through the nodes in order and leaps over subtrees behind dead bytes.
"""

from __future__ import annotations

from typing import Any, no_type_check

from numba import njit

DEAD, UNKNOWN = -1, -2

kernel = njit(cache=True, nogil=True)


@kernel
@no_type_check
def preorder(
    blob: Any,  # uint8: distinct words in order of their bytes, one after the other
    starts: Any,  # int64 [words + 1]: where each begins
    byte: Any,  # uint8 [nodes], written; there are at most as many nodes as bytes
    depth: Any,  # int32 [nodes]: bytes from the root
    end: Any,  # int32 [nodes]: the node after the subtree
    word: Any,  # int32 [nodes]: the word that ends here, or -1
    path: Any,  # int32 [longest word + 1], scratch
):
    n = 0
    height = 0
    for i in range(len(starts) - 1):
        start, length = starts[i], starts[i + 1] - starts[i]
        common = 0
        while common < height and common < length and byte[path[common]] == blob[start + common]:
            common += 1
        for d in range(common, height):
            end[path[d]] = n
        for d in range(common, length):
            byte[n], depth[n], word[n] = blob[start + d], d + 1, -1
            path[d] = n
            n += 1
        height = length
        word[n - 1] = i
    for d in range(height):
        end[path[d]] = n
    return n


@kernel
@no_type_check
def targets(
    rows: Any,  # int32 [states, 256]: next state, DEAD, or UNKNOWN
    byte: Any,
    depth: Any,
    end: Any,
    word: Any,
    path: Any,  # int32 [longest word + 1]: path[0] is the state to start from
    cursor: Any,  # int64 [1]: the node to go on with, 0 at first
    out: Any,  # int32 [words]: the state after each word; dead ones are left as they are
):
    """Fill `out`; return DEAD when done, else a state of which a byte is UNKNOWN: call again."""
    i = cursor[0]
    while i < len(byte):
        state = path[depth[i] - 1]
        after = rows[state, byte[i]]
        if after == UNKNOWN:
            cursor[0] = i
            return state
        if after == DEAD:
            i = end[i]
            continue
        path[depth[i]] = after
        if word[i] >= 0:
            out[word[i]] = after
        i += 1
    return DEAD


@kernel
@no_type_check
def distinct_targets(
    rows: Any,
    byte: Any,
    depth: Any,
    end: Any,
    word: Any,
    path: Any,
    cursor: Any,  # int64 [2]: the node to go on with, and how many were found
    stamp: Any,  # int64 [states]: `mark` where a state has been found
    mark: int,
    found: Any,  # int32 [states]: the states after some word, each once
):
    """As `targets`, for those who need to know only where words lead at all."""
    i, n = cursor[0], cursor[1]
    while i < len(byte):
        state = path[depth[i] - 1]
        after = rows[state, byte[i]]
        if after == UNKNOWN:
            cursor[0], cursor[1] = i, n
            return state
        if after == DEAD:
            i = end[i]
            continue
        path[depth[i]] = after
        if word[i] >= 0 and stamp[after] != mark:
            stamp[after] = mark
            found[n] = after
            n += 1
        i += 1
    cursor[1] = n
    return DEAD
