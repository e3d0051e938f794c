"""The engine's compiled inner loops: closures, successors, walks, masks, tables.

Every function takes the arena `A` (layout.py) and, where tokens matter, the vocabulary's tables
`V` and the dense tables `D`; results are small integers, negative ones say what is missing
(`NEED_*`, `FULL`) or which budget is gone. A function that returns such a code has done nothing
that must be undone: supply what it asks for and call it again.

Methods: thread lists after Thompson (1968) and Pike; lazily built deterministic rows; stacks as
interned, merged graphs in the manner of generalised LL parsing (Scott and Johnstone 2010), kept
as values so that a configuration can be shared, forked and forgotten.
"""

# pyright: basic

from functools import cache

import numpy as np
from numba import njit, typeof
from numpy import int64

from constrain.automata.program import (
    AUTOMATON,
    CALL,
    COUNTED,
    JUMP,
    KEYS,
    LEXEME,
    LOOP,
    NEXT,
    RETURN,
    SET,
    SPACE,
    SPLIT,
    TERMINAL,
    WORDS,
)

from .layout import *
from .layout import ACCEPTS, CAPACITY, DEAD, FULL, OK, PLAIN, USED  # for readers and checkers

kernel = njit(cache=True, nogil=True, error_model="numpy")  # called from Python
inner = njit(  # pyright: ignore[reportCallIssue]
    nogil=True, no_cpython_wrapper=True, no_cfunc_wrapper=True, error_model="numpy"
)
inline = njit(inline="always")
once = njit(inline="always")  # called from one place: one function less to compile
# Every specialisation of a function costs compile time, and numba makes one for each mix of
# int32, int64 and literal arguments. So functions `f_` take int64, behind a casting `f`.


def direct(function, *examples):
    """`function` (a kernel) for arguments of these types, without the dispatch on types.

    Saves 0.1 us a call. Integers are converted, arrays of another type are refused.
    """
    if not hasattr(function, "compile"):  # the compiler is switched off
        return function
    types = tuple(typeof(example) for example in examples)
    function.compile(types)
    return function.get_overload(types)


@cache
def entry_points():
    """`mask` and `advance`, which are called for every token, as `direct` gives them."""
    words, row = np.zeros(1, np.int32), np.zeros(1, np.uint32)
    return (
        direct(mask, words, words, words, 0, row, row, 0),
        direct(advance, words, words, 0, 0),
    )


QUOTE = 34
EIGHT = np.uint32(8)  # shift from a trie node to its first child
BYTE = np.uint32(255)


@inline
def mix(h, x):
    """One step of a hash below 2**30."""
    return (((int64(h) ^ (int64(x) & 0x3FFFFFFF)) * 0x2545F491 + 0x9E37) >> 7) & 0x3FFFFFFF


@inline
def full(A, segment):
    A[REQUEST] = segment
    return FULL


# ---------------------------------------------------------------- thread lists


@inner
def clear_list(A):
    A[LIST_N] = 0
    A[QUEUED] = 0
    A[LIST_STAMP] += 1


@inner
def list_slot_(A, pc, sub, count):
    """Slot of (pc, sub, count) in LIST_HASH: where it is or where it would go."""
    table = A[4 * LIST_HASH]
    size = A[4 * LIST_HASH + CAPACITY]
    stamp = A[LIST_STAMP]
    base = A[4 * LIST]
    slot = mix(mix(mix(1, pc), sub), count) & (size - 1)
    while A[table + 2 * slot] == stamp:
        t = base + 5 * A[table + 2 * slot + 1]
        if A[t] == pc and A[t + 1] == sub and A[t + 2] == count:
            break
        slot = (slot + 1) & (size - 1)
    return slot


@inline
def list_slot(A, pc, sub, count):
    return list_slot_(A, int64(pc), int64(sub), int64(count))


@inner
def find_thread_(A, pc, sub, count):
    """Index of the thread in LIST, or -1. Short lists are searched, long ones hashed."""
    n = A[LIST_N]
    base = A[4 * LIST]
    if n <= 16:
        for i in range(n):
            t = base + 5 * i
            if A[t] == pc and A[t + 1] == sub and A[t + 2] == count:
                return i
        return -1
    slot = list_slot(A, pc, sub, count)
    table = A[4 * LIST_HASH]
    if A[table + 2 * slot] == A[LIST_STAMP]:
        return A[table + 2 * slot + 1]
    return -1


@inline
def find_thread(A, pc, sub, count):
    return find_thread_(A, int64(pc), int64(sub), int64(count))


@inner
def remember_(A, i):
    """Enter thread `i` of LIST into LIST_HASH."""
    t = A[4 * LIST] + 5 * i
    table = A[4 * LIST_HASH]
    slot = list_slot(A, A[t], A[t + 1], A[t + 2])
    A[table + 2 * slot] = A[LIST_STAMP]
    A[table + 2 * slot + 1] = i


@inline
def remember(A, i):
    return remember_(A, int64(i))


@inner
def after_jumps_(A, pc):
    code = A[4 * PROGRAM]
    word = A[code + pc]
    while word >= 256 and (word & 15) == JUMP:
        pc = (word - 256) >> 4
        word = A[code + pc]
    return pc


@inline
def after_jumps(A, pc):
    return after_jumps_(A, int64(pc))


@inner
def add_(A, pc, sub, count, node):
    """Add a thread to LIST, joining stacks with an equal one; queue it if that changed it."""
    pc = after_jumps(A, pc)
    i = find_thread(A, pc, sub, count)
    base = A[4 * LIST]
    if i >= 0:
        t = base + 5 * i
        joined = union(A, A[t + 3], node)
        if joined < 0:
            return joined
        if joined == A[t + 3]:
            return OK
        A[t + 3] = joined
        if A[t + 4] == 1:
            return OK
    else:
        i = A[LIST_N]
        if i >= A[4 * LIST + CAPACITY]:
            return TOO_MANY_THREADS
        t = base + 5 * i
        A[t] = pc
        A[t + 1] = sub
        A[t + 2] = count
        A[t + 3] = node
        A[LIST_N] = i + 1
        if i == 16:
            for k in range(17):
                remember(A, k)
        elif i > 16:
            remember(A, i)
    A[t + 4] = 1
    A[A[4 * QUEUE] + A[QUEUED] % A[4 * QUEUE + CAPACITY]] = i
    A[QUEUED] += 1
    return OK


# ---------------------------------------------------------------- stacks


@inline
def add(A, pc, sub, count, node):
    return add_(A, int64(pc), int64(sub), int64(count), int64(node))


@inner
def intern_node_(A, ends, m):
    """The stack node with the `m` edges in STAGE (sorted); or FULL.

    ends: bit 0 if the stack may end here, bit 1 if whatever is below a frame may come here.
    """
    if m == 0 and ends < 3:
        return ends - 1
    stage = A[4 * STAGE]
    h = mix(1, ends)
    for k in range(3 * m):
        h = mix(h, A[stage + k])
    table = A[4 * NODE_HASH]
    size = A[4 * NODE_HASH + CAPACITY]
    nodes = A[4 * NODE]
    edges = A[4 * EDGE]
    info = 4 * m + ends
    slot = h & (size - 1)
    while A[table + slot] != 0:
        n = A[table + slot]
        if A[nodes + 2 * n + 1] == info:
            e = edges + 3 * A[nodes + 2 * n]
            same = True
            for k in range(3 * m):
                if A[e + k] != A[stage + k]:
                    same = False
                    break
            if same:
                return n
        slot = (slot + 1) & (size - 1)
    n = A[4 * NODE + USED]
    first = A[4 * EDGE + USED]
    if n >= A[4 * NODE + CAPACITY]:
        return full(A, NODE)
    if 2 * n >= A[4 * NODE_HASH + CAPACITY]:
        return full(A, NODE_HASH)
    if first + m > A[4 * EDGE + CAPACITY]:
        return full(A, EDGE)
    for k in range(3 * m):
        A[edges + 3 * first + k] = A[stage + k]
    A[nodes + 2 * n] = first
    A[nodes + 2 * n + 1] = info
    A[4 * NODE + USED] = n + 1
    A[4 * EDGE + USED] = first + m
    A[table + slot] = n
    return n


@inline
def intern_node(A, ends, m):
    return intern_node_(A, int64(ends), int64(m))


@inner
def push(A, target, count, below):
    stage = A[4 * STAGE]
    A[stage] = target
    A[stage + 1] = count
    A[stage + 2] = below
    return intern_node(A, 0, 1)


@inner
def union_slot_(A, a, b):
    table = A[4 * UNION]
    size = A[4 * UNION + CAPACITY]
    slot = mix(mix(1, a), b) & (size - 1)
    while A[table + 3 * slot + 2] != 0:
        if A[table + 3 * slot] == a and A[table + 3 * slot + 1] == b:
            break
        slot = (slot + 1) & (size - 1)
    return slot


@inline
def union_slot(A, a, b):
    return union_slot_(A, int64(a), int64(b))


@inner
def known_union_(A, a, b):
    """The union of two stack nodes if it is at hand, else -1."""
    if a == b:
        return a
    slot = union_slot(A, min(a, b), max(a, b))
    return A[A[4 * UNION] + 3 * slot + 2] - 1


@inline
def known_union(A, a, b):
    return known_union_(A, int64(a), int64(b))


@inner
def stage_union_(A, x, y, sp):
    """Put the edges of x and y, merged, into STAGE; push on PAIRS what must be united first.

    Returns (edges, new sp) or (error, sp).
    """
    nodes = A[4 * NODE]
    edges = A[4 * EDGE]
    stage = A[4 * STAGE]
    pairs = A[4 * PAIRS]
    i = A[nodes + 2 * x]
    j = A[nodes + 2 * y]
    i_end = i + (A[nodes + 2 * x + 1] >> 2)
    j_end = j + (A[nodes + 2 * y + 1] >> 2)
    if i_end - i + j_end - j > A[4 * STAGE + CAPACITY]:
        return full(A, STAGE), sp
    m = 0
    while i < i_end or j < j_end:
        e = edges + 3 * i
        f = edges + 3 * j
        order = 0
        if i >= i_end:
            order = 1
        elif j >= j_end:
            order = -1
        elif A[e] != A[f]:
            order = -1 if A[e] < A[f] else 1
        elif A[e + 1] != A[f + 1]:
            order = -1 if A[e + 1] < A[f + 1] else 1
        source = e if order <= 0 else f
        below = A[source + 2]
        if order == 0:
            a = min(A[e + 2], A[f + 2])
            b = max(A[e + 2], A[f + 2])
            below = known_union(A, a, b)
            if below < 0:
                if sp >= A[4 * PAIRS + CAPACITY]:
                    return full(A, PAIRS), sp
                A[pairs + 2 * sp] = a
                A[pairs + 2 * sp + 1] = b
                sp += 1
        A[stage + 3 * m] = A[source]
        A[stage + 3 * m + 1] = A[source + 1]
        A[stage + 3 * m + 2] = below
        m += 1
        if order <= 0:
            i += 1
        if order >= 0:
            j += 1
    return m, sp


@inline
def stage_union(A, x, y, sp):
    return stage_union_(A, int64(x), int64(y), int64(sp))


@inner
def union_(A, a, b):
    """The stack node for the stacks of both nodes: equal return addresses share their rest."""
    if a == b:
        return a
    known = known_union(A, a, b)
    if known >= 0:
        return known
    nodes = A[4 * NODE]
    pairs = A[4 * PAIRS]
    A[pairs] = min(a, b)
    A[pairs + 1] = max(a, b)
    sp = 1
    while sp > 0:
        x = A[pairs + 2 * sp - 2]
        y = A[pairs + 2 * sp - 1]
        if known_union(A, x, y) >= 0:
            sp -= 1
            continue
        before = sp
        m, sp = stage_union(A, x, y, sp)
        if m < 0:
            return m
        if sp > before:
            continue
        ends = (A[nodes + 2 * x + 1] | A[nodes + 2 * y + 1]) & 3
        r = intern_node(A, ends, m)
        if r < 0:
            return r
        if 2 * A[4 * UNION + USED] >= A[4 * UNION + CAPACITY]:
            return full(A, UNION)
        u = A[4 * UNION] + 3 * union_slot(A, x, y)
        A[u] = x
        A[u + 1] = y
        A[u + 2] = r + 1
        A[4 * UNION + USED] += 1
        sp -= 1
    return known_union(A, a, b)


# ---------------------------------------------------------------- configurations


@inline
def union(A, a, b):
    return union_(A, int64(a), int64(b))


@inner
def new_config_(A, slot, n, lexer, fallback):
    """Append an empty configuration record for `n` threads, with a fresh row; or FULL."""
    c = A[4 * CONFIG + USED]
    if c >= A[4 * CONFIG + CAPACITY]:
        return full(A, CONFIG)
    if 2 * c >= A[4 * CONFIG_HASH + CAPACITY]:
        return full(A, CONFIG_HASH)
    first = A[4 * THREAD + USED]
    if first + n > A[4 * THREAD + CAPACITY]:
        return full(A, THREAD)
    conf = A[4 * CONFIG] + 16 * c
    A[conf] = first
    A[conf + CONFIG_N] = n
    A[conf + CONFIG_LEXER] = lexer
    A[conf + CONFIG_FALLBACK] = fallback
    for k in range(4, 15):
        A[conf + k] = 0
    row = A[4 * ROW] + 256 * c
    A[row : row + 256] = 0
    A[4 * CONFIG + USED] = c + 1
    A[4 * THREAD + USED] = first + n
    A[A[4 * CONFIG_HASH] + slot] = c
    return c


@inline
def new_config(A, slot, n, lexer, fallback):
    return new_config_(A, int64(slot), int64(n), int64(lexer), int64(fallback))


@inner
def sort_list(A):
    """Insertion sort of LIST by (pc, sub, count), which are distinct."""
    base = A[4 * LIST]
    for i in range(1, A[LIST_N]):
        t = base + 5 * i
        pc, sub, count, node = A[t], A[t + 1], A[t + 2], A[t + 3]
        j = i - 1
        while j >= 0:
            u = base + 5 * j
            if A[u] < pc or (
                A[u] == pc and (A[u + 1] < sub or (A[u + 1] == sub and A[u + 2] < count))
            ):
                break
            for k in range(4):
                A[u + 5 + k] = A[u + k]
            j -= 1
        u = base + 5 * (j + 1)
        A[u] = pc
        A[u + 1] = sub
        A[u + 2] = count
        A[u + 3] = node


@inner
def intern_config_(A, lexer, fallback):
    """The configuration of the threads in LIST; or FULL. Empties LIST."""
    n = A[LIST_N]
    sort_list(A)
    base = A[4 * LIST]
    h = mix(mix(mix(7, n), lexer), fallback)
    for i in range(n):
        t = base + 5 * i
        h = mix(mix(mix(mix(h, A[t]), A[t + 1]), A[t + 2]), A[t + 3])
    table = A[4 * CONFIG_HASH]
    size = A[4 * CONFIG_HASH + CAPACITY]
    configs = A[4 * CONFIG]
    threads = A[4 * THREAD]
    slot = h & (size - 1)
    while A[table + slot] != 0:
        conf = configs + 16 * A[table + slot]
        if (
            A[conf + CONFIG_N] == n
            and A[conf + CONFIG_LEXER] == lexer
            and A[conf + CONFIG_FALLBACK] == fallback
        ):
            p = threads + 4 * A[conf]
            same = True
            for i in range(n):
                t = base + 5 * i
                q = p + 4 * i
                if (
                    A[q] != A[t]
                    or A[q + 1] != A[t + 1]
                    or A[q + 2] != A[t + 2]
                    or A[q + 3] != A[t + 3]
                ):
                    same = False
                    break
            if same:
                clear_list(A)
                return A[table + slot]
        slot = (slot + 1) & (size - 1)
    c = new_config(A, slot, n, lexer, fallback)
    if c < 0:
        return c
    p = threads + 4 * A[configs + 16 * c]
    for i in range(n):
        for k in range(4):
            A[p + 4 * i + k] = A[base + 5 * i + k]
    clear_list(A)
    return c


@inline
def intern_config(A, lexer, fallback):
    return intern_config_(A, int64(lexer), int64(fallback))


@kernel
def intern_one_(A, pc, sub, count, node):
    """The configuration of a single thread; leaves LIST alone."""
    pc = after_jumps(A, pc)
    h = mix(mix(mix(mix(mix(mix(mix(7, 1), 0), 0), pc), sub), count), node)
    table = A[4 * CONFIG_HASH]
    size = A[4 * CONFIG_HASH + CAPACITY]
    configs = A[4 * CONFIG]
    threads = A[4 * THREAD]
    slot = h & (size - 1)
    while A[table + slot] != 0:
        conf = configs + 16 * A[table + slot]
        if A[conf + 1] == 1 and A[conf + 2] == 0 and A[conf + 3] == 0:
            p = threads + 4 * A[conf]
            if A[p] == pc and A[p + 1] == sub and A[p + 2] == count and A[p + 3] == node:
                return A[table + slot]
        slot = (slot + 1) & (size - 1)
    c = new_config(A, slot, 1, 0, 0)
    if c < 0:
        return c
    p = threads + 4 * A[configs + 16 * c]
    A[p] = pc
    A[p + 1] = sub
    A[p + 2] = count
    A[p + 3] = node
    return c


@inline
def intern_one(A, pc, sub, count, node):
    return intern_one_(A, int64(pc), int64(sub), int64(count), int64(node))


@inner
def need_config_(A, c, byte):
    """Ask for configuration `c` to be expanded and, unless -1, its successor by `byte`."""
    A[REQUEST] = c
    A[REQUEST_BYTE] = byte
    return NEED_CONFIG


# ---------------------------------------------------------------- closure


@inline
def need_config(A, c, byte):
    return need_config_(A, int64(c), int64(byte))


@inner
def entry_config(A, pc):
    """Entry configuration of the AUTOMATON or COUNTED at `pc`, made on first use."""
    at = A[4 * PROGRAM] + pc
    q = A[at + 1]
    if q == 0:
        if A[4 * SITE + USED] >= A[4 * SITE + CAPACITY]:
            return full(A, SITE)
        q = intern_one(A, (A[at] - 256) >> 4, 0, 0, 0)
        if q > 0:
            A[at + 1] = q
            A[A[4 * SITE] + A[4 * SITE + USED]] = pc
            A[4 * SITE + USED] += 1
    return q


@once
def close_automaton(A, pc, sub, count, node, op):
    """Closure of an AUTOMATON or COUNTED thread: leave where the automaton may end."""
    if sub == 0:
        q = entry_config(A, pc)
        return q if q < 0 else add(A, pc, q, count, node)
    conf = A[4 * CONFIG] + 16 * sub
    if A[conf + CONFIG_EXPANDED] == 0:
        return need_config(A, sub, -1)
    if op == AUTOMATON:
        if A[conf + CONFIG_FLAGS] & ACCEPTS:
            return add(A, pc + 3, 0, count, node)
        return OK
    at = A[4 * PROGRAM] + pc
    if sub == A[at + 1] and (count >= A[at + 2] or count == -1):
        return add(A, pc + 4, 0, 0, node)
    return OK


@once
def close_call(A, pc, rule, count, node):
    entry = A[A[4 * RULE] + rule]
    if entry == 0:
        A[REQUEST] = rule
        return NEED_RULE
    code = A[4 * PROGRAM]
    target = after_jumps(A, pc + 1)
    word = A[code + target]
    if not (word >= 256 and (word & 15) == RETURN):
        node = push(A, target, count, node)
        if node < 0:
            return node
    return add(A, entry, 0, 0, node)


@once
def close_return(A, node):
    nodes = A[4 * NODE]
    first = A[nodes + 2 * node]
    for e in range(first, first + (A[nodes + 2 * node + 1] >> 2)):
        edge = A[4 * EDGE] + 3 * e
        r = add(A, A[edge], 0, A[edge + 1], A[edge + 2])
        if r < 0:
            return r
    return OK


@once
def close_loop(A, pc, count, node):
    at = A[4 * PROGRAM] + pc
    r = OK
    if count >= A[at + 1]:
        r = add(A, pc + 4, 0, 0, node)
    if r >= 0 and (A[at + 2] < 0 or count < A[at + 2]):
        r = add(A, A[at + 3], 0, count, node)
    return r


@once
def close_next(A, loop, count, node):
    at = A[4 * PROGRAM] + loop
    count += 1
    if A[at + 2] < 0 and count > A[at + 1]:
        count = A[at + 1]
    return add(A, loop, 0, count, node)


@inner
def close_thread(A, i):
    """Add what thread `i` of LIST reaches without a byte."""
    t = A[4 * LIST] + 5 * i
    pc, sub, count, node = A[t], A[t + 1], A[t + 2], A[t + 3]
    code = A[4 * PROGRAM]
    word = A[code + pc]
    if word < 256:
        return OK
    op = word & 15
    arg = (word - 256) >> 4
    if op == SPLIT:
        for k in range(arg):
            r = add(A, A[code + pc + 1 + k], 0, count, node)
            if r < 0:
                return r
        return OK
    if op == CALL:
        return close_call(A, pc, arg, count, node)
    if op == RETURN:
        return close_return(A, node)
    if op == AUTOMATON or op == COUNTED:
        return close_automaton(A, pc, sub, count, node, op)
    if op == SPACE:
        return add(A, pc + 1, 0, count, node)
    if op == LOOP:
        return close_loop(A, pc, count, node)
    if op == NEXT:
        return close_next(A, arg, count, node)
    if op == WORDS:
        if sub == 0:
            return add(A, pc, A[A[4 * TRIE] + arg], count, node)
        if A[A[4 * TRIE_NODE] + 7 * sub + 3] > 0:
            return add(A, pc + 1, 0, count, node)
        return OK
    if op == KEYS and sub == 0:
        return add(A, pc, A[A[4 * TRIE] + A[code + arg]], count, node)
    return OK


@inner
def takes_bytes(A, pc, sub, count):
    """Can a closed thread take a byte (or does it wait for a lexeme)?"""
    code = A[4 * PROGRAM]
    word = A[code + pc]
    if word < 256:
        return True
    op = word & 15
    if op == SET or op == LEXEME:
        return True
    if op == SPACE:
        limit = (word - 256) >> 4
        return limit == 0 or sub < limit - 1  # also where sub is -1, no bound
    if sub == 0:
        return False
    if op == AUTOMATON:
        return A[A[4 * CONFIG] + 16 * sub + CONFIG_N_EXPANDED] > 0
    if op == COUNTED:
        if sub == A[code + pc + 1] and 0 <= A[code + pc + 3] <= count:
            return False
        return A[A[4 * CONFIG] + 16 * sub + CONFIG_N_EXPANDED] > 0
    if op == WORDS:
        return A[A[4 * TRIE_NODE] + 7 * sub + 1] > 0
    return op == KEYS


@inner
def enliven_like_(A, row, c):
    live = A[row : row + 256]  # slices, for the compiler to see that no index is negative
    start = A[4 * ROW] + 256 * c
    other = A[start : start + 256]
    for b in range(256):
        live[b] = live[b] if other[b] == 1 else 0


@inline
def enliven_like(A, row, c):
    """Clear the dead mark of every byte that may follow configuration `c`."""
    enliven_like_(A, int64(row), int64(c))


@inner
def enliven(A, row, pc, sub):
    """Clear the dead mark of every byte that this expanded thread may take."""
    code = A[4 * PROGRAM]
    word = A[code + pc]
    if word < 256:
        A[row + word] = 0
        return
    op = word & 15
    arg = (word - 256) >> 4
    if op == SET:
        s = A[4 * BYTE_SET] + 8 * arg
        for w in range(8):
            bits = A[s + w]
            if bits != 0:
                for b in range(32):
                    if (bits >> b) & 1:
                        A[row + 32 * w + b] = 0
    elif op == AUTOMATON or op == COUNTED or op == TERMINAL:
        enliven_like(A, row, sub)
    elif op == SPACE:
        A[row + 9] = 0
        A[row + 10] = 0
        A[row + 13] = 0
        A[row + 32] = 0
    elif op == WORDS or op == KEYS:
        nodes = A[4 * TRIE_NODE]
        k = A[nodes + 7 * sub + 1]
        while k > 0:
            A[row + A[nodes + 7 * k]] = 0
            k = A[nodes + 7 * k + 2]
        if op == KEYS:
            A[row + QUOTE] = 0
            if A[code + pc + 2] != 0:
                enliven_like(A, row, A[nodes + 7 * sub + 6])


@inner
def dead_row(A, c):
    row = A[4 * ROW] + 256 * c
    A[row : row + 256] = 1
    return row


@inner
def commit_(A, c, n, flags, extra):
    """Enter an expansion of `n` threads, already in EXPANDED, into configuration `c`."""
    conf = A[4 * CONFIG] + 16 * c
    first = A[4 * EXPANDED + USED]
    A[conf + CONFIG_N_EXPANDED] = n
    A[conf + CONFIG_FLAGS] = flags
    A[conf + CONFIG_EXTRA] = extra
    A[conf + CONFIG_EXPANDED] = first + 1
    A[4 * EXPANDED + USED] = first + n
    return OK


@inline
def commit(A, c, n, flags, extra):
    return commit_(A, int64(c), int64(n), int64(flags), int64(extra))


@inner
def keep_threads(A):
    """Copy the byte-taking threads of the closed LIST to EXPANDED. Returns (n, flags)."""
    base = A[4 * LIST]
    code = A[4 * PROGRAM]
    out = A[4 * EXPANDED] + 4 * A[4 * EXPANDED + USED]
    nodes = A[4 * NODE]
    if A[4 * EXPANDED + USED] + A[LIST_N] > A[4 * EXPANDED + CAPACITY]:
        return full(A, EXPANDED), 0
    flags = PLAIN | EXACT
    n = 0
    for i in range(A[LIST_N]):
        t = base + 5 * i
        pc = A[t]
        word = A[code + pc]
        op = word & 15 if word >= 256 else -1
        if op == RETURN and A[nodes + 2 * A[t + 3] + 1] & 1:
            flags |= ACCEPTS
        if op == RETURN and A[nodes + 2 * A[t + 3] + 1] & 2:
            flags |= RETURNS
        if not takes_bytes(A, pc, A[t + 1], A[t + 2]):
            continue
        for k in range(4):
            A[out + 4 * n + k] = A[t + k]
        n += 1
        if A[t + 3] != 0 or A[t + 2] != 0 or op == COUNTED or op == KEYS or op == SPACE:
            flags &= ~PLAIN
        if op == LEXEME:
            flags = (flags | LEXICAL) & ~PLAIN & ~EXACT
            if A[A[4 * TERMINAL_INFO] + 5 * ((word - 256) >> 4)] == 0:  # waits for the end
                flags |= ACCEPTS
        if op == KEYS:
            flags &= ~EXACT
        if (
            op == COUNTED
            or (op == KEYS and A[code + pc + 2] != 0)
            or (op == AUTOMATON and A[code + pc + 2] & 1)
        ):
            flags |= HAS_AUTOMATON
    return n, flags


@inner
def start_lexer(A, n):
    """The lexer state before a lexeme of the terminals that `n` threads in EXPANDED wait for."""
    clear_list(A)
    code = A[4 * PROGRAM]
    info = A[4 * TERMINAL_INFO]
    parked = A[4 * EXPANDED] + 4 * A[4 * EXPANDED + USED]
    total = A[4 * TERMINAL_INFO + USED]
    for t in range(total):
        wanted = A[info + 5 * t + 3] == 1
        for i in range(n):
            if wanted:
                break
            wanted = (A[code + A[parked + 4 * i]] - 256) >> 4 == t
        if wanted and A[info + 5 * t] > 0:
            q = intern_one(A, A[info + 5 * t], 0, 0, 0)
            if q < 0:
                return q
            r = add(A, A[info + 5 * t + 4], q, 0, 0)
            if r < 0:
                return r
    return intern_config(A, 0, 0)


@once
def expand_border(A, c):
    """Close a configuration between lexemes, or one of a grammar without a lexer."""
    conf = A[4 * CONFIG] + 16 * c
    first = A[4 * THREAD] + 4 * A[conf]
    for i in range(A[conf + CONFIG_N]):
        t = first + 4 * i
        r = add(A, A[t], A[t + 1], A[t + 2], A[t + 3])
        if r < 0:
            return r
    queue = A[4 * QUEUE]
    size = A[4 * QUEUE + CAPACITY]
    head = 0
    while head < A[QUEUED]:
        i = A[queue + head % size]
        head += 1
        A[A[4 * LIST] + 5 * i + 4] = 0
        r = close_thread(A, i)
        if r < 0:
            return r
    n, flags = keep_threads(A)
    if n < 0:
        return n
    extra = 0
    if flags & LEXICAL:
        extra = start_lexer(A, n)
        if extra < 0:
            return extra
        if A[A[4 * CONFIG] + 16 * extra + CONFIG_EXPANDED] == 0:
            return need_config(A, extra, -1)
    row = dead_row(A, c)
    out = A[4 * EXPANDED] + 4 * A[4 * EXPANDED + USED]
    if extra > 0:
        enliven_like(A, row, extra)
    else:
        for i in range(n):
            enliven(A, row, A[out + 4 * i], A[out + 4 * i + 1])
    return commit(A, c, n, flags, extra)


@once
def expand_inside(A, c):
    """Expand a configuration inside a lexeme: its parser threads wait, its lexer state runs."""
    conf = A[4 * CONFIG] + 16 * c
    lexer = A[conf + CONFIG_LEXER]
    fallback = A[conf + CONFIG_FALLBACK]
    n = A[conf + CONFIG_N]
    if A[A[4 * CONFIG] + 16 * lexer + CONFIG_EXPANDED] == 0:
        return need_config(A, lexer, -1)
    if fallback > 0 and A[A[4 * CONFIG] + 16 * fallback + CONFIG_EXPANDED] == 0:
        return need_config(A, fallback, -1)
    if A[4 * EXPANDED + USED] + n > A[4 * EXPANDED + CAPACITY]:
        return full(A, EXPANDED)
    source = A[4 * THREAD] + 4 * A[conf]
    out = A[4 * EXPANDED] + 4 * A[4 * EXPANDED + USED]
    for k in range(4 * n):
        A[out + k] = A[source + k]
    row = dead_row(A, c)
    enliven_like(A, row, lexer)
    if fallback > 0:
        enliven_like(A, row, fallback)
    flags = LEXICAL
    if fallback > 0:
        flags |= A[A[4 * CONFIG] + 16 * fallback + CONFIG_FLAGS] & ACCEPTS
    return commit(A, c, n, flags, lexer)


@once
def expand_lexer(A, c):
    """Expand a lexer state: who has matched, who can go on. The best match goes to EXTRA."""
    configs = A[4 * CONFIG]
    conf = configs + 16 * c
    info = A[4 * TERMINAL_INFO]
    code = A[4 * PROGRAM]
    source = A[4 * THREAD] + 4 * A[conf]
    n = A[conf + CONFIG_N]
    if A[4 * EXPANDED + USED] + n > A[4 * EXPANDED + CAPACITY]:
        return full(A, EXPANDED)
    for i in range(n):
        if A[configs + 16 * A[source + 4 * i + 1] + CONFIG_EXPANDED] == 0:
            return need_config(A, A[source + 4 * i + 1], -1)
    row = dead_row(A, c)
    out = A[4 * EXPANDED] + 4 * A[4 * EXPANDED + USED]
    winner = -1
    m = 0
    for i in range(n):
        pc = A[source + 4 * i]
        q = A[source + 4 * i + 1]
        t = (A[code + pc] - 256) >> 4
        accepts = A[configs + 16 * q + CONFIG_FLAGS] & ACCEPTS
        if accepts and (winner < 0 or A[info + 5 * t + 1] < A[info + 5 * winner + 1]):
            winner = t
        finished = accepts and A[info + 5 * t + 2] == 1
        if not finished and A[configs + 16 * q + CONFIG_N_EXPANDED] > 0:
            for k in range(4):
                A[out + 4 * m + k] = A[source + 4 * i + k]
            m += 1
            enliven(A, row, pc, q)
    flags = LEXER_STATE | (ACCEPTS if winner >= 0 else 0)
    return commit(A, c, m, flags, winner + 1)


@once
def try_expand(A, c):
    """Close configuration `c` and mark its dead bytes."""
    clear_list(A)
    conf = A[4 * CONFIG] + 16 * c
    if A[conf + CONFIG_LEXER] > 0:
        return expand_inside(A, c)
    if A[conf + CONFIG_N] == 0:  # a lexer state of no terminals
        dead_row(A, c)
        return commit(A, c, 0, LEXER_STATE, 0)
    word = A[A[4 * PROGRAM] + A[A[4 * THREAD] + 4 * A[conf]]]
    if word >= 256 and (word & 15) == TERMINAL:
        return expand_lexer(A, c)
    return expand_border(A, c)


# ---------------------------------------------------------------- successors


@inner
def trie_child_(A, node, byte):
    nodes = A[4 * TRIE_NODE]
    k = A[nodes + 7 * node + 1]
    while k > 0:
        if A[nodes + 7 * k] == byte:
            return k
        k = A[nodes + 7 * k + 2]
    return 0


@inline
def trie_child(A, node, byte):
    return trie_child_(A, int64(node), int64(byte))


@inner
def member_at_(A, record, node, i):
    """The member whose name ends at trie `node` if it may come now, else -1.

    `i`: the next declared member; all up to the next required one are in the window.
    """
    code = A[4 * PROGRAM]
    j = A[A[4 * TRIE_NODE] + 7 * node + 3] - 1
    if j < 0:
        return -1
    j = A[code + A[code + record + 3] + j]
    return j if i <= j <= A[code + A[code + record + 1] + i] else -1


@inline
def member_at(A, record, node, i):
    return member_at_(A, int64(record), int64(node), int64(i))


@inner
def window_meets_(A, record, node, i):
    """Does any name below trie `node` belong to a member that may come now?"""
    code = A[4 * PROGRAM]
    nodes = A[4 * TRIE_NODE]
    last = A[code + A[code + record + 1] + i]
    order = code + A[code + record + 3]
    for k in range(A[nodes + 7 * node + 4], A[nodes + 7 * node + 5]):
        if i <= A[order + k] <= last:
            return True
    return False


@inline
def window_meets(A, record, node, i):
    return window_meets_(A, int64(record), int64(node), int64(i))


@inner
def name_ends_(A, record, node):
    """Is a quote at this trie node the end of the name (and not an escaped one)?"""
    state = A[A[4 * TRIE_NODE] + 7 * node + 6]
    return (A[A[4 * CONFIG] + 16 * state + CONFIG_FLAGS] & ACCEPTS) != 0


@inline
def name_ends(A, record, node):
    return name_ends_(A, int64(record), int64(node))


@inner
def step_keys(A, pc, record, node, count, stack, byte):
    """Successors of a thread that spells a member's name."""
    code = A[4 * PROGRAM]
    i = A[code + pc + 1]
    other = A[code + pc + 2]
    other_pc = A[code + record + 4]
    if byte == QUOTE and name_ends(A, record, node):
        if A[A[4 * TRIE_NODE] + 7 * node + 3] == 0:
            return add(A, other_pc + 4, 0, count, stack) if other else OK
        j = member_at(A, record, node, i)
        if j < 0:
            return OK
        return add(A, A[code + A[code + record + 2] + j], 0, count, stack)
    k = trie_child(A, node, byte)
    if k > 0:
        if other or window_meets(A, record, k, i):
            return add(A, pc, k, count, stack)
        return OK
    if other:
        state = A[A[4 * TRIE_NODE] + 7 * node + 6]
        r = A[A[4 * ROW] + 256 * state + byte]
        if r == 0:
            return need_config(A, state, byte)
        if r > 1:
            return add(A, other_pc, r - 2, count, stack)
    return OK


@inner
def step_automaton(A, pc, q, count, node, op, byte):
    r = A[A[4 * ROW] + 256 * q + byte]
    if r == 0:
        return need_config(A, q, byte)
    if r == 1:
        return OK
    if op == COUNTED:
        at = A[4 * PROGRAM] + pc
        if r - 2 == A[at + 1] and count >= 0:
            count += 1
            if A[at + 3] < 0 and count > A[at + 2]:
                count = A[at + 2]
    elif op == AUTOMATON:
        conf = A[4 * CONFIG] + 16 * (r - 2)
        if A[conf + CONFIG_EXPANDED] == 0:
            return need_config(A, r - 2, -1)
        if A[conf + CONFIG_N_EXPANDED] == 0:  # nothing more to read: leave at once
            return add(A, pc + 3, 0, count, node)
    return add(A, pc, r - 2, count, node)


@inner
def step_thread(A, t, byte):
    """Add to LIST what the expanded thread at arena offset `t` becomes after `byte`."""
    pc, sub, count, node = A[t], A[t + 1], A[t + 2], A[t + 3]
    word = A[A[4 * PROGRAM] + pc]
    if word < 256:
        return add(A, pc + 1, 0, count, node) if word == byte else OK
    op = word & 15
    arg = (word - 256) >> 4
    if op == SET:
        if (A[A[4 * BYTE_SET] + 8 * arg + (byte >> 5)] >> (byte & 31)) & 1:
            return add(A, pc + 1, 0, count, node)
        return OK
    if op == AUTOMATON or op == COUNTED or op == TERMINAL:
        return step_automaton(A, pc, sub, count, node, op, byte)
    if op == SPACE:
        if byte == 32 or byte == 10 or byte == 13 or byte == 9:
            counts = arg > 0 and sub >= 0
            return add(A, pc, sub + 1 if counts else sub, count, node)
        return OK
    if op == WORDS:
        k = trie_child(A, sub, byte)
        return add(A, pc, k, count, node) if k > 0 else OK
    return step_keys(A, pc, arg, sub, count, node, byte)


@inner
def goes_on_(A, lexer, terminal):
    """Can `terminal` still grow in this lexer state? (-1: any ignored terminal.)"""
    conf = A[4 * CONFIG] + 16 * lexer
    threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        t = (A[A[4 * PROGRAM] + A[threads + 4 * i]] - 256) >> 4
        if t == terminal:
            return True
        if terminal < 0 and A[A[4 * TERMINAL_INFO] + 5 * t + 3] == 1:
            return True
    return False


@inline
def goes_on(A, lexer, terminal):
    return goes_on_(A, int64(lexer), int64(terminal))


@inner
def after_lexeme(A, c, winner):
    """The border configuration after `c` has read a lexeme of terminal `winner`."""
    clear_list(A)
    conf = A[4 * CONFIG] + 16 * c
    threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    ignored = A[A[4 * TERMINAL_INFO] + 5 * winner + 3] == 1
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        t = threads + 4 * i
        r = OK
        if ignored:
            r = add(A, A[t], 0, A[t + 2], A[t + 3])
        elif (A[A[4 * PROGRAM] + A[t]] - 256) >> 4 == winner:
            r = add(A, A[t] + 1, 0, A[t + 2], A[t + 3])
        if r < 0:
            return r
    if A[LIST_N] == 0:
        return 0
    return intern_config(A, 0, 0)


@once
def step_lexical(A, c, byte):
    """Successor of a configuration with a contextual lexer: longest match, then the parser.

    Returns the configuration, 0 if there is none, or an error.
    """
    configs = A[4 * CONFIG]
    rows = A[4 * ROW]
    conf = configs + 16 * c
    lexer = A[conf + CONFIG_EXTRA]
    fallback = A[conf + CONFIG_FALLBACK]
    r = A[rows + 256 * lexer + byte]
    if r == 0:
        return need_config(A, lexer, byte)
    after = 0
    if r == 1 or A[configs + 16 * (r - 2) + CONFIG_EXPANDED] == 0:
        if r != 1:
            return need_config(A, r - 2, -1)
    winner = A[configs + 16 * (r - 2) + CONFIG_EXTRA] - 1 if r > 1 else -1
    if winner >= 0:
        after = after_lexeme(A, c, winner)
        if after < 0:
            return after
    elif fallback > 0:
        f = A[rows + 256 * fallback + byte]
        if f == 0:
            return need_config(A, fallback, byte)
        after = f - 2 if f > 1 else 0
    if r == 1 or A[configs + 16 * (r - 2) + CONFIG_N_EXPANDED] == 0:
        return after
    clear_list(A)
    threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    everyone = goes_on(A, r - 2, -1)
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        t = threads + 4 * i
        if everyone or goes_on(A, r - 2, (A[A[4 * PROGRAM] + A[t]] - 256) >> 4):
            error = add(A, A[t], 0, A[t + 2], A[t + 3])
            if error < 0:
                return error
    return intern_config(A, r - 2, after)


@once
def all_space(A, c):
    """Do the four bytes of JSON white space lead from expanded configuration `c` to the same?"""
    conf = A[4 * CONFIG] + 16 * c
    if A[conf + CONFIG_FLAGS] & LEXICAL:
        return False
    t = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        word = A[A[4 * PROGRAM] + A[t + 4 * i]]
        if not (32 < word < 256 or (word >= 256 and (word & 15) == SPACE)):
            return False
    return True


@once
def try_step(A, c, byte):
    """Fill ROW[c, byte]."""
    clear_list(A)
    A[STEPS] += 1
    conf = A[4 * CONFIG] + 16 * c
    r = 0
    if A[conf + CONFIG_FLAGS] & LEXICAL:
        r = step_lexical(A, c, byte)
        if r < 0:
            return r
    else:
        t = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
        for _ in range(A[conf + CONFIG_N_EXPANDED]):
            error = step_thread(A, t, byte)
            if error < 0:
                return error
            t += 4
        if A[LIST_N] > 0:
            r = intern_config(A, 0, 0)
            if r < 0:
                return r
    row = A[4 * ROW] + 256 * c
    A[row + byte] = r + 2 if r > 0 else 1
    if (byte == 32 or byte == 10) and all_space(A, c):
        for b in (9, 10, 13, 32):
            A[row + b] = A[row + byte]
    return OK


@kernel
def drive_(A, c, byte):
    """Expand `c` and, unless `byte` is -1, return its successor (DEAD if none); or an error.

    Works off what `try_expand` and `try_step` ask for; those needs nest only a few levels deep
    (a lexer state, its terminals, their character classes) or along a chain of fallbacks.
    """
    stack = A[4 * DRIVE]
    A[stack] = c
    A[stack + 1] = byte
    sp = 1
    while sp > 0:
        x = A[stack + 2 * sp - 2]
        b = A[stack + 2 * sp - 1]
        r = OK
        if A[A[4 * CONFIG] + 16 * x + CONFIG_EXPANDED] == 0:
            r = try_expand(A, x)
        if r == OK and b >= 0 and A[A[4 * ROW] + 256 * x + b] == 0:
            r = try_step(A, x, b)
        if r == NEED_CONFIG:
            if sp >= A[4 * DRIVE + CAPACITY]:
                return full(A, DRIVE)
            A[stack + 2 * sp] = A[REQUEST]
            A[stack + 2 * sp + 1] = A[REQUEST_BYTE]
            sp += 1
        elif r < 0:
            return r
        else:
            sp -= 1
    if byte < 0:
        return OK
    r = A[A[4 * ROW] + 256 * c + byte]
    return r - 2 if r > 1 else DEAD


@inline
def drive(A, c, byte):
    return drive_(A, int64(c), int64(byte))


@kernel
def run_bytes(A, data, c):
    """Configuration after all of `data`; REQUEST_BYTE tells how many bytes went well."""
    rows = A[4 * ROW]
    for i in range(data.shape[0]):
        r = A[rows + 256 * c + data[i]]
        if r < 2:
            r = drive(A, c, data[i]) if r == 0 else DEAD
            if r < 0:
                A[REQUEST_BYTE] = i
                return r
        else:
            r -= 2
        c = r
    A[REQUEST_BYTE] = data.shape[0]
    return c


@kernel
def advance(A, V, c, token):
    """Configuration after the bytes of `token`, DEAD, or an error.

    DEAD also where `c` is none, and for a token that has no bytes or is none.
    """
    if c < 0 or token < 0 or token >= V[V_N_TOKENS]:
        return DEAD
    blob = V[V_BLOB]
    rows = A[4 * ROW]
    first = V[V[V_BLOB_START] + token]
    last = V[V[V_BLOB_START] + token + 1]
    if first == last:
        return DEAD
    for i in range(first, last):
        byte = (V[blob + (i >> 2)] >> (8 * (i & 3))) & 255
        r = A[rows + 256 * c + byte]
        if r < 2:
            r = drive(A, c, byte) if r == 0 else DEAD
            if r < 0:
                return r
        else:
            r -= 2
        c = r
    return c


# ---------------------------------------------------------------- masks
#
# Loops over many trie nodes read through slices whose bounds are plainly not negative, and nodes
# as unsigned words: the compiler then leaves out the test for negative indices.


@inline
def part(words, start, size):
    """`size` words from `start` on."""
    return words[int64(start) & 0x7FFFFFFF : (int64(start) & 0x7FFFFFFF) + size]


@inner
def set_bit_(out, token):
    out[(token >> 5) & 0xFFFFFFF] |= np.uint32(1) << np.uint32(token & 31)


@inline
def set_bit(out, token):
    return set_bit_(out, int64(token))


@inner
def clear_bit(out, token):
    out[token >> 5] &= ~(np.uint32(1) << np.uint32(token & 31))


@inner
def relax_(A, c, longest, longest_space, staying):
    """Like `c`, but without the bounds that no token can reach; `c` if there are none.

    A run of white space that may still grow by more than the longest in any token, or a counted
    automaton that far from its bound, has the mask of an unbounded one; so all of those share it.
    staying: a counted automaton may also lose its lower bound, but then it is never left.
    """
    conf = A[4 * CONFIG] + 16 * c
    threads = A[4 * THREAD] + 4 * A[conf]
    code = A[4 * PROGRAM]
    clear_list(A)
    changed = False
    if A[conf + CONFIG_LEXER] == 0:
        for i in range(A[conf + CONFIG_N]):
            t = threads + 4 * i
            sub = A[t + 1]
            count = A[t + 2]
            word = A[code + A[t]]
            op = word & 15 if word >= 256 else -1
            if op == SPACE:
                limit = ((word - 256) >> 4) - 1
                if limit >= 0 and sub >= 0 and limit - sub >= longest_space:
                    sub = np.int32(-1)
                    changed = True
            elif op == COUNTED and sub > 0 and count >= 0:
                hi = A[code + A[t] + 3]
                if count >= A[code + A[t] + 2]:
                    if hi >= 0 and hi - count >= longest:
                        count = np.int32(-1)
                        changed = True
                elif staying and (hi < 0 or hi - count >= longest):
                    count = np.int32(-2)
                    changed = True
            r = add(A, A[t], sub, count, A[t + 3])
            if r < 0:
                return r
    return int64(intern_config(A, 0, 0)) if changed else c


@inner
def relaxed_(A, c):
    """`relax` for whole tokens, remembered."""
    q = relax_(A, c, int64(A[LONGEST]), int64(A[LONGEST_SPACE]), False)
    if q > 0:
        A[A[4 * CONFIG] + 16 * c + CONFIG_RELAXED] = q
    return q


@inline
def relaxed(A, c):
    q = int64(A[A[4 * CONFIG] + 16 * c + CONFIG_RELAXED])
    return q if q > 0 else relaxed_(A, int64(c))


@inline
def relax_short(A, c):
    """`relax` for what is left of short tokens."""
    return relax_(A, int64(c), SHORT, min(int64(A[LONGEST_SPACE]), SHORT), False)


@inner
def take_list(out, lists, n, y, lo, hi):
    """Set the bits of the tokens at node `y` of an exit trie of `n` nodes (see `walk_`)."""
    for e in range(lists[y], lists[y + 1]):
        entry = lists[n + 1 + e]
        units = entry >> 20
        if units >= lo and (hi < 0 or units <= hi):
            set_bit(out, entry & 0xFFFFF)


@inline
def take(out, tokens, n, y, lo, hi):
    """Set the bits of the tokens at trie node `y`: one in a vocabulary's trie, where n is 0."""
    if n == 0:
        if tokens[y] >= 0:
            set_bit(out, tokens[y])
    else:
        take_list(out, tokens, int64(n), int64(y), int64(lo), int64(hi))


@kernel
def walk_(A, T, out, trie, root, c0, found, budget, lo, hi):
    """Set the bits of all tokens strictly below node `root` of a trie, reached in `c0`.

    The trie is the vocabulary's, where `trie` is 0 and T holds its tables; else the exit trie at
    that place in T, the dense tables, whose nodes list tokens with the units before them, of
    which those with `lo` to `hi` units count. Depth first; subtrees behind dead bytes are never
    entered. Gives up with OVER_BUDGET after `budget` nodes. Where `found` has more than one word,
    it gets the trie nodes (but for the root) at which the frame may be left, as pairs with 0,
    and in its last word their number.
    """
    noting = found.shape[0] > 1
    noted = 0
    n_lists = int64(T[trie]) if trie > 0 else int64(0)
    n_nodes = n_lists if trie > 0 else int64(T[V_N_NODES])
    at = trie + 1 if trie > 0 else int64(T[V_NODES])
    nodes = part(T, at, n_nodes + 1).view(np.uint32)
    at = at + n_nodes + 1 if trie > 0 else int64(T[V_TOKENS])
    tokens = part(T, at, n_nodes + 1 + (T[at + n_nodes] if trie > 0 else -1))
    stack = part(A, A[4 * WALK], 2 * A[4 * WALK + CAPACITY]).view(np.uint32)
    size = A[4 * WALK + CAPACITY]
    rows = part(A, A[4 * ROW], 256 * A[4 * ROW + CAPACITY])
    configs = A[4 * CONFIG]
    stack[0] = np.uint32(root)
    stack[1] = np.uint32(c0)
    sp = int64(1)
    visited = 0
    while sp > 0:
        sp -= 1
        x = int64(stack[2 * sp])
        c = relaxed(A, int64(stack[2 * sp + 1]))
        if c < 0:
            return c
        if A[configs + 16 * c + CONFIG_EXPANDED] == 0:
            r = drive(A, c, -1)
            if r < 0:
                return r
        row = rows[256 * c : 256 * c + 256]
        flags = A[configs + 16 * c + CONFIG_FLAGS]
        if noting and x != root and flags & RETURNS:
            if 2 * noted + 3 > found.shape[0]:
                return full(A, WALK)
            found[2 * noted] = x
            found[2 * noted + 1] = 0
            noted += 1
        exact = flags & EXACT
        first = int64(nodes[x] >> EIGHT)
        last = int64(nodes[x + 1] >> EIGHT)
        visited += last - first
        if visited > budget:
            return OVER_BUDGET
        if sp + last - first > size:
            return full(A, WALK)
        for y in range(first, last):
            v = nodes[y]
            r = int64(row[int64(v & BYTE)])
            if r == 1:
                continue
            leaf = nodes[y + 1] >> EIGHT == v >> EIGHT
            if r == 0:
                if leaf and exact:
                    take(out, tokens, n_lists, y, lo, hi)
                    continue
                r = drive(A, c, int64(v & BYTE))
                if r < 0:
                    if r == DEAD:
                        continue
                    return r
            else:
                r -= 2
            take(out, tokens, n_lists, y, lo, hi)
            if not leaf:
                stack[2 * sp] = np.uint32(y)
                stack[2 * sp + 1] = np.uint32(r)
                sp += 1
    if noting:
        found[found.shape[0] - 1] = noted
    return OK


@inline
def walk(A, V, out, root, c0, found, budget):
    """`walk_` the vocabulary's trie."""
    return walk_(A, V, out, 0, int64(root), int64(c0), found, int64(budget), 0, -1)


@inner
def walk_exit_(A, D, out, trie, c0, lo, hi):
    """`walk_` an exit trie; the tokens at its root count too."""
    n = int64(D[trie])
    take_list(out, part(D, trie + n + 2, n + 1 + D[trie + 2 * n + 2]), n, 0, lo, hi)
    return walk_(A, D, out, trie, 0, c0, A[:1], 1 << 30, lo, hi)


@inline
def walk_exit(A, D, out, trie, c0, lo, hi):
    return walk_exit_(A, D, out, int64(trie), int64(c0), int64(lo), int64(hi))


@inner
def need_table_(A, code, q, home, byte):
    A[REQUEST] = q
    A[REQUEST_HOME] = home
    A[REQUEST_BYTE] = byte
    return code


@inline
def need_table(A, code, q, home, byte):
    return need_table_(A, int64(code), int64(q), int64(home), int64(byte))


@inner
def huge_child_(V, byte):
    """The node below the vocabulary trie's root by `byte` if very many tokens go on there, or 0."""
    for i in range(V[V[V_BY_BYTE_START] + byte], V[V[V_BY_BYTE_START] + byte + 1]):
        y = V[V[V_BY_BYTE] + i]
        if V[V[V_PARENTS] + y] == 0:  # nodes stand breadth first, so it would be the first one
            size = V[V[V_ORDER_STOP] + y] - V[V[V_ORDER_START] + y]
            return y if size >= HUGE_SUBTREE else 0
        break
    return 0


@inline
def huge_child(V, byte):
    return huge_child_(V, int64(byte))


@inner
def leave_(A, V, D, out, table, q, home, c, lo, hi):
    """Set the bits of tokens that leave a dense automaton for configuration `c`.

    Where very many tokens begin with a byte that leaves at once, these are not in exit tries.
    """
    r = OK
    if A[A[4 * CONFIG] + 16 * c + CONFIG_EXPANDED] == 0:
        r = drive(A, c, -1)
        if r < 0:
            return r
    may_end = lo <= 0 and A[A[4 * CONFIG] + 16 * q + CONFIG_FLAGS] & ACCEPTS
    row = A[4 * ROW] + 256 * c
    for b in range(256):
        if A[row + b] == 1:
            continue
        trie = D[table + T_EXITS + b]
        if trie == 0:
            return need_table(A, NEED_EXIT, q, home, b)
        if trie == STAYS:
            continue
        at_once = huge_child(V, b) if may_end else 0
        if trie == NO_EXIT and at_once == 0:
            continue
        after = drive(A, c, b)
        if after == DEAD:
            continue
        r = after if after < 0 else OK
        if r == OK and trie != NO_EXIT:
            r = walk_exit(A, D, out, trie, after, lo, hi)
        if r == OK and at_once > 0:
            if V[V[V_TOKENS] + at_once] >= 0:
                set_bit(out, V[V[V_TOKENS] + at_once])
            r = walk_beyond(A, V, out, int64(at_once), int64(after), 0)
        if r < 0:
            return r
    return OK


@inline
def leave(A, V, D, out, table, q, home, c, lo, hi):
    return leave_(A, V, D, out, int64(table), int64(q), int64(home), int64(c), int64(lo), int64(hi))


@once
def mask_automaton(A, V, D, out, t, table):
    """Mask of one dense AUTOMATON or COUNTED thread (at arena offset `t`), into `out`."""
    pc, q, count, node = A[t], A[t + 1], A[t + 2], A[t + 3]
    at = A[4 * PROGRAM] + pc
    home = A[at + 1]
    counted = (A[at] & 15) == COUNTED
    source = D[table + T_INSIDE]
    lo = 0
    hi = -1
    if counted and count >= 0:
        lo = A[at + 2] - count
        if A[at + 3] >= 0:
            hi = A[at + 3] - count
            if D[table + T_TIERS] == 0:
                return need_table(A, NEED_TIERS, q, home, 0)
            if hi < D[table + T_N_TIERS]:
                source = D[table + T_TIERS] + hi * out.shape[0]
    out[:] = D[source : source + out.shape[0]].view(np.uint32)
    if hi >= 0 and source == D[table + T_INSIDE]:
        longer = D[table + T_TIERS] + D[table + T_N_TIERS] * out.shape[0]
        for i in range(longer + 1, longer + 1 + D[longer]):
            if D[i] >> 20 > hi:
                clear_bit(out, D[i] & 0xFFFFF)
    c = 0
    if counted:
        c = intern_one(A, pc + 4, 0, 0, node)
    else:
        c = intern_one(A, pc + 3, 0, count, node)
    if c < 0:
        return c
    return leave(A, V, D, out, table, q, home, c, lo, hi)


@inner
def clear_subtree(A, V, out, root):
    """Clear the bits of the token at trie node `root` and of all below."""
    if V[V[V_TOKENS] + root] >= 0:
        clear_bit(out, V[V[V_TOKENS] + root])
    for i in range(V[V[V_ORDER_START] + root], V[V[V_ORDER_STOP] + root]):
        clear_bit(out, V[V[V_ORDER] + i])


@once
def mask_name_end(A, V, out, t, node, x):
    """At trie node `node`, where a declared name ends: redo the vocabulary below its quote."""
    pc, count, stack = A[t], A[t + 2], A[t + 3]
    code = A[4 * PROGRAM]
    record = (A[code + pc] - 256) >> 4
    nodes = V[V_NODES]
    for y in range(V[nodes + x] >> 8, V[nodes + x + 1] >> 8):
        if V[nodes + y] & 255 != QUOTE:
            continue
        clear_subtree(A, V, out, y)
        j = member_at(A, record, node, A[code + pc + 1])
        if j >= 0:
            if V[V[V_TOKENS] + y] >= 0:
                set_bit(out, V[V[V_TOKENS] + y])
            c = intern_one(A, A[code + A[code + record + 2] + j], 0, count, stack)
            if c < 0:
                return c
            r = walk(A, V, out, y, c, A[:1], 1 << 30)
            if r < 0:
                return r
    return OK


@once
def mask_keys(A, V, D, out, t, table):
    """Mask of a thread that spells a name where other names are allowed too.

    First as if no name were declared; then, along the product of name trie and vocabulary trie,
    what comes after a declared name is put right.
    """
    pc, sub, count, stack = A[t], A[t + 1], A[t + 2], A[t + 3]
    code = A[4 * PROGRAM]
    record = (A[code + pc] - 256) >> 4
    source = D[table + T_INSIDE]
    out[:] = D[source : source + out.shape[0]].view(np.uint32)
    c = intern_one(A, A[code + record + 4] + 3, 0, count, stack)
    if c < 0:
        return c
    r = leave(A, V, D, out, table, A[A[4 * TRIE_NODE] + 7 * sub + 6], D[table + T_HOME], c, 0, -1)
    if r < 0:
        return r
    nodes = V[V_NODES]
    names = A[4 * TRIE_NODE]
    pairs = A[4 * WALK2]
    A[pairs] = sub
    A[pairs + 1] = 0
    sp = 1
    while sp > 0:
        sp -= 1
        node = A[pairs + 2 * sp]
        x = A[pairs + 2 * sp + 1]
        if A[names + 7 * node + 3] > 0:
            r = mask_name_end(A, V, out, t, node, x)
            if r < 0:
                return r
        k = A[names + 7 * node + 1]
        while k > 0:
            for y in range(V[nodes + x] >> 8, V[nodes + x + 1] >> 8):
                if V[nodes + y] & 255 == A[names + 7 * k]:
                    if sp >= A[4 * WALK2 + CAPACITY]:
                        return full(A, WALK2)
                    A[pairs + 2 * sp] = k
                    A[pairs + 2 * sp + 1] = y
                    sp += 1
                    break
            k = A[names + 7 * k + 2]
    return OK


@inner
def dense_state(A, t):
    """The automaton state and its home that decide whether this expanded thread is dense."""
    pc, sub = A[t], A[t + 1]
    code = A[4 * PROGRAM]
    word = A[code + pc]
    if word < 256:
        return 0, 0
    op = word & 15
    if op == COUNTED or (op == AUTOMATON and A[code + pc + 2] & 1):
        return sub, A[code + pc + 1]
    if op == KEYS and A[code + pc + 2] != 0:
        return A[A[4 * TRIE_NODE] + 7 * sub + 6], -1
    return 0, 0


@inner
def any_dense(A, c):
    """1 if some thread of `c` stands in a dense automaton, 0 if none does; or NEED_DENSE."""
    conf = A[4 * CONFIG] + 16 * c
    threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    found = 0
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        q, home = dense_state(A, threads + 4 * i)
        if q == 0:
            continue
        table = A[A[4 * CONFIG] + 16 * q + CONFIG_DENSE]
        if table == 0:
            return need_table(A, NEED_DENSE, q, home, 0)
        if table > 1:
            found = 1
    return found


@once
def mask_threads(A, V, D, c, out, spare):
    """Mask of a configuration with dense threads: one by one into `spare`, ORed into `out`.

    Returns how many were dense, or an error.
    """
    conf = A[4 * CONFIG] + 16 * c
    threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
    dense = 0
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        t = threads + 4 * i
        q, home = dense_state(A, t)
        if q == 0:
            continue
        table = A[A[4 * CONFIG] + 16 * q + CONFIG_DENSE]
        if table == 1:
            continue
        target = out if dense == 0 else spare
        r = OK
        if home < 0:
            r = mask_keys(A, V, D, target, t, table)
        else:
            r = mask_automaton(A, V, D, target, t, table)
        if r < 0:
            return r
        if dense > 0:
            for w in range(out.shape[0]):
                out[w] |= spare[w]
        dense += 1
    return dense


@inner
def is_dense(A, t):
    """Does a dense table say all about the thread at arena offset `t`, where it leaves included?"""
    code = A[4 * PROGRAM]
    pc = A[t]
    word = A[code + pc]
    op = word & 15 if word >= 256 else -1
    q = 0
    if op == AUTOMATON or op == COUNTED:
        q = A[t + 1] if A[t + 1] > 0 else A[code + pc + 1]
        if op == AUTOMATON and not A[code + pc + 2] & 1:
            return False
    elif op == KEYS and A[code + pc + 2] != 0:
        k = A[t + 1] if A[t + 1] > 0 else A[A[4 * TRIE] + A[code + ((word - 256) >> 4)]]
        q = A[A[4 * TRIE_NODE] + 7 * k + 6]
    return q > 0 and A[A[4 * CONFIG] + 16 * q + CONFIG_DENSE] > 1


@inner
def rest_of(A, c):
    """The configuration of the threads of `c` that dense tables say nothing about; 0 if none.

    Where every thread is dense or at a byte before closure, these are what is at a byte there.
    """
    clear_list(A)
    conf = A[4 * CONFIG] + 16 * c
    simple = True
    for i in range(A[conf + CONFIG_N]):
        t = A[4 * THREAD] + 4 * (A[conf] + i)
        if A[A[4 * PROGRAM] + A[t]] < 256:
            r = add(A, A[t], A[t + 1], A[t + 2], A[t + 3])
            if r < 0:
                return r
        elif not is_dense(A, t):
            simple = False
    if not simple:
        clear_list(A)
        threads = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1)
        for i in range(A[conf + CONFIG_N_EXPANDED]):
            t = threads + 4 * i
            if not is_dense(A, t):
                r = add(A, A[t], A[t + 1], A[t + 2], A[t + 3])
                if r < 0:
                    return r
    if A[LIST_N] == 0:
        return 0
    return intern_config(A, 0, 0)


@kernel
def finish_mask(A, V, out, end):
    """Copy bits to tokens of equal bytes, and set the end tokens if the text may end."""
    same = V[V_SAME]
    for i in range(V[V_N_SAME]):
        first = V[same + 2 * i]
        if (out[first >> 5] >> np.uint32(first & 31)) & np.uint32(1):
            set_bit(out, V[same + 2 * i + 1])
    if end:
        for i in range(V[V_N_EOS]):
            set_bit(out, V[V_EOS_IDS + i])


@inner
def framed(A, c):
    """`c` with HOLE for the stack below, if all of its threads stand on the same; else 0."""
    conf = A[4 * CONFIG] + 16 * c
    threads = A[4 * THREAD] + 4 * A[conf]
    n = A[conf + CONFIG_N]
    below = A[threads + 3]
    if below <= HOLE:
        return 0
    for i in range(1, n):
        if A[threads + 4 * i + 3] != below:
            return 0
    clear_list(A)
    for i in range(n):
        t = threads + 4 * i
        r = add(A, A[t], A[t + 1], A[t + 2], HOLE)
        if r < 0:
            return r
    return intern_config(A, 0, 0)


@inner
def below_frame(A, c):
    """The configuration after the frame of `c` is left at once; 0 if nothing can follow."""
    clear_list(A)
    below = A[A[4 * THREAD] + 4 * A[A[4 * CONFIG] + 16 * c] + 3]
    first = A[A[4 * NODE] + 2 * below]
    for e in range(first, first + (A[A[4 * NODE] + 2 * below + 1] >> 2)):
        edge = A[4 * EDGE] + 3 * e
        r = add(A, A[edge], 0, A[edge + 1], A[edge + 2])
        if r < 0:
            return r
    return intern_config(A, 0, 0) if A[LIST_N] > 0 else 0


@inner
def loops_on_space(A, c):
    """1 if each byte of JSON white space leads from expanded `c` to `c`, 0 if not; or an error."""
    row = A[4 * ROW] + 256 * c
    if A[row + 32] == 1:
        return 0
    for b in (32, 10, 13, 9):
        r = drive(A, c, b)
        if r != c:
            return r if r < DEAD else 0
    return 1


@inner
def mask_space(A, V, D, out, c):
    """Set the bits of all tokens from `c`, which loops on white space."""
    home = A[SPACE_HOME]
    table = A[A[4 * CONFIG] + 16 * home + CONFIG_DENSE]
    source = int64(D[table + T_INSIDE])
    inside = part(D, source, out.shape[0]).view(np.uint32)
    for w in range(out.shape[0]):
        out[w] |= inside[w]
    return leave(A, V, D, out, table, home, home, c, 0, -1)


@inner
def mask_any(A, V, D, out, c):
    """Set the bits of all tokens from `c`."""
    c = relaxed(A, c)
    if c < 0:
        return c
    r = drive(A, c, -1)
    if r == OK:
        r = loops_on_space(A, c)
    if r < 0:
        return r
    if r:
        return mask_space(A, V, D, out, c)
    return walk(A, V, out, 0, c, A[:1], 1 << 30)


@once
def mask_frame(A, V, D, c, table, out):
    """Mask of `c` from the table of its frame: what fits in any context, then what leaves it."""
    tokens = D[table + F_TOKENS : table + F_TOKENS + D[table + F_N_TOKENS]]
    for i in range(tokens.shape[0]):
        token = tokens[i]
        out[token >> 5] |= np.uint32(1) << np.uint32(token & 31)
    if D[table + F_TRIE] == NO_EXIT and D[table + F_RETURNS] == 0:
        return OK
    after = below_frame(A, c)
    if after <= 0:
        return after
    if D[table + F_RETURNS]:
        r = mask_any(A, V, D, out, after)
        if r < 0:
            return r
    if D[table + F_TRIE] == NO_EXIT:
        return OK
    return walk_exit(A, D, out, D[table + F_TRIE], after, 0, -1)


@inline
def keep(A, c, end, number):
    """Note that mask `number` is that of `c`."""
    A[A[4 * CONFIG] + 16 * c + CONFIG_MASK + end] = number
    return SHARED


@kernel
def mask(A, V, D, c, out, spare, number):
    """The token mask of configuration `c` into `out`; OK, or what is missing.

    A positive result k: the mask is that of number k - 1, which the caller has kept. SHARED: it
    is good for other configurations too, and is to be kept as that of number `number` - 1.
    """
    asked = c
    r = drive(A, c, -1)
    if r < 0:
        return r
    flags = A[A[4 * CONFIG] + 16 * c + CONFIG_FLAGS]
    end = 1 if flags & ACCEPTS else 0
    if not flags & (LEXICAL | PLAIN):
        c = relaxed(A, c)
        if c < 0:
            return c
        kept = A[A[4 * CONFIG] + 16 * c + CONFIG_MASK + end]
        if kept > 0:
            return kept
        r = drive(A, c, -1)
        if r < 0:
            return r
    if flags & LEXICAL:
        A[REQUEST_BYTE] = end
        return NEED_LEXER
    dense = 0
    if flags & HAS_AUTOMATON:
        dense = any_dense(A, c)
        if dense < 0:
            return dense
    if dense == 0 and not flags & PLAIN:
        out[:] = np.uint32(0)
        standard = A[A[4 * THREAD] + 4 * A[A[4 * CONFIG] + 16 * c]] < A[STANDARD_CODE]
        spaced = 0 if standard else loops_on_space(A, c)
        if spaced < 0:
            return spaced
        frame = 0 if spaced else framed(A, c)
        if frame < 0:
            return frame
        table = A[A[4 * CONFIG] + 16 * frame + CONFIG_FRAME] if frame > 0 else 0
        if table == OFTEN or (table == 0 and frame > 0 and standard):  # others may have it
            return need_table(A, NEED_FRAME, frame, 0, 0)
        if spaced:
            r = mask_space(A, V, D, out, c)
        elif table > OFTEN:
            r = mask_frame(A, V, D, c, table, out)
        else:
            if frame > 0:
                A[A[4 * CONFIG] + 16 * frame + CONFIG_FRAME] = table + 1
            r = walk(A, V, out, 0, c, A[:1], 1 << 30)
        if r < 0:
            return r
        finish_mask(A, V, out, end)
        return keep(A, c, end, number) if c != asked else OK
    rest = c
    if dense > 0:
        dense = mask_threads(A, V, D, c, out, spare)
        if dense < 0:
            return dense
        rest = rest_of(A, c)
        if rest < 0:
            return rest
    else:
        out[:] = np.uint32(0)
    if rest > 0:
        r = walk(A, V, out, 0, rest, A[:1], SHORT_WALK if flags & PLAIN else 1 << 30)
        if r == OVER_BUDGET:
            A[REQUEST] = rest
            return NEED_INSIDE
        if r < 0:
            return r
    finish_mask(A, V, out, end)
    return keep(A, c, end, number) if c != asked else OK


@kernel
def accepts(A, c):
    """1 if the text may end in `c`, 0 if not, or an error."""
    r = drive(A, c, -1)
    if r < 0:
        return r
    return 1 if A[A[4 * CONFIG] + 16 * c + CONFIG_FLAGS] & ACCEPTS else 0


@kernel
def build_frame(A, V, frame, mask, found, members, out):
    """Write the frame table of configuration `frame` to `out`, F_TRIE counted from its start.

    Returns the words used, or what is missing (FULL about WALK where a scratch array is too small).
    """
    mask[:] = np.uint32(0)
    r = walk(A, V, mask, 0, frame, found, 1 << 30)
    if r < 0:
        return r
    n = F_TOKENS
    for w in range(mask.shape[0]):
        bits = mask[w]
        if bits == 0:
            continue
        if n + 32 > out.shape[0]:
            return full(A, WALK)
        for b in range(32):
            if (bits >> np.uint32(b)) & np.uint32(1):
                out[n] = 32 * w + b
                n += 1
    out[F_N_TOKENS] = n - F_TOKENS
    out[F_RETURNS] = 1 if A[A[4 * CONFIG] + 16 * frame + CONFIG_FLAGS] & RETURNS else 0
    out[F_TRIE] = NO_EXIT
    noted = found[found.shape[0] - 1]
    if noted > 0:
        size = merge_subtrees(V, found, noted, out[n:], members, True)
        if size < 0:
            return full(A, WALK)
        out[F_TRIE] = n
        n += size
    return n


# ---------------------------------------------------------------- tables of lexer states


@kernel
def lexer_exits(A, V, lexer, roots, inside, dead, found):
    """What tokens do to a lexer state: stay inside the lexeme, die without a match, or leave.

    roots: vocabulary nodes, by whose bytes the text goes on in `lexer`. Sets bits in `inside` and
    `dead`; fills `found` with (terminal that matched last, vocabulary node where the lexer is
    dead, node of the last match). Returns their number, OVER_BUDGET where `found` is too short,
    or an error.
    """
    nodes = V[V_NODES]
    tokens = V[V_TOKENS]
    configs = A[4 * CONFIG]
    stack = A[4 * WALK]  # node, lexer state before it
    more = A[4 * WALK2]  # last winner, place of the match
    size = min(A[4 * WALK + CAPACITY], A[4 * WALK2 + CAPACITY])
    n = 0
    for root in roots:
        A[stack] = root
        A[stack + 1] = lexer
        A[more] = -1
        A[more + 1] = 0
        sp = 1
        while sp > 0:
            sp -= 1
            y, c = A[stack + 2 * sp], A[stack + 2 * sp + 1]
            last, place = A[more + 2 * sp], A[more + 2 * sp + 1]
            if 3 * (n + 257) > found.shape[0]:
                return OVER_BUDGET
            q = drive(A, c, V[nodes + y] & 255)
            if q == DEAD and last < 0:
                if V[tokens + y] >= 0:
                    set_bit(dead, V[tokens + y])
                set_subtree(V, dead, y)
                continue
            if q == DEAD:
                found[3 * n] = last
                found[3 * n + 1] = y
                found[3 * n + 2] = place
                n += 1
                continue
            r = drive(A, q, -1) if q > 0 else q
            if r < 0:
                return r
            if V[tokens + y] >= 0:
                set_bit(inside, V[tokens + y])
            winner = A[configs + 16 * q + CONFIG_EXTRA] - 1
            going_on = A[configs + 16 * q + CONFIG_N_EXPANDED] > 0
            if sp + 256 > size:
                A[REQUEST] = WALK if A[4 * WALK + CAPACITY] == size else WALK2
                return FULL
            for z in range(V[nodes + y] >> 8, V[nodes + y + 1] >> 8):
                if going_on:
                    A[stack + 2 * sp] = z
                    A[stack + 2 * sp + 1] = q
                    A[more + 2 * sp] = winner if winner >= 0 else last
                    A[more + 2 * sp + 1] = y if winner >= 0 else place
                    sp += 1
                else:
                    found[3 * n] = winner
                    found[3 * n + 1] = z
                    found[3 * n + 2] = y
                    n += 1
    return n


@kernel
def mask_lexeme(A, V, D, c, table, out):
    """Add the tokens of a configuration with a contextual lexer, but for those of its fallback.

    What is behind a match in a part of the vocabulary with tables of its own is left to the
    caller: pairs (part, configuration) in WALK2. Returns their number, or an error.
    """
    r = drive(A, c, -1)
    if r < 0:
        return r
    source = int64(D[table + X_INSIDE])
    inside = part(D, source, out.shape[0]).view(np.uint32)
    for w in range(out.shape[0]):
        out[w] |= inside[w]
    jobs = A[4 * WALK2]
    n = 0
    for i in range(D[table + X_N_WINNERS]):
        after = after_lexeme(A, c, D[table + X_WINNERS + 2 * i])
        trie = D[table + X_WINNERS + 2 * i + 1]
        r = after if after < 0 else OK
        if after > 0 and trie < 0:
            A[jobs + 2 * n] = -trie
            A[jobs + 2 * n + 1] = after
            n += 1
        elif after > 0:
            r = walk_exit(A, D, out, trie, after, 0, -1)
        if r < 0:
            return r
    at = D[table + X_SINGLES]
    for _ in range(D[table + X_N_SINGLES]):
        y = D[at + 1]
        q = int64(after_lexeme(A, c, D[at]))
        for i in range(D[at + 2]):
            if q > 0:
                q = int64(drive(A, q, D[at + 3 + i]))
        if q < DEAD:
            return q
        if q > 0:
            if V[V[V_TOKENS] + y] >= 0:
                set_bit(out, V[V[V_TOKENS] + y])
            r = walk(A, V, out, y, q, A[:1], 1 << 30)
            if r < 0:
                return r
        at += 3 + D[at + 2]
    return n


@kernel
def admit(D, table, row, out):
    """Add to `out` those tokens of `row` at which the lexer state of `table` dies unmatched."""
    source = D[table + X_DEAD]
    dead = D[source : source + out.shape[0]].view(np.uint32)
    for w in range(out.shape[0]):
        out[w] |= row[w] & dead[w]


# ---------------------------------------------------------------- dense tables


@kernel
def token_units(A, V, q, home, units):
    """For every token that stays inside the automaton from `q`: the units it needs, else -1.

    A unit is counted where the automaton comes home; a begun one counts as well.
    """
    nodes = V[V_NODES]
    tokens = V[V_TOKENS]
    stack = A[4 * WALK]
    units[:] = -1
    A[stack] = 0
    A[stack + 1] = q
    A[A[4 * WALK2]] = 0
    sp = 1
    while sp > 0:
        sp -= 1
        x = A[stack + 2 * sp]
        c = A[stack + 2 * sp + 1]
        so_far = A[A[4 * WALK2] + sp]
        if A[A[4 * CONFIG] + 16 * c + CONFIG_EXPANDED] == 0:
            r = drive(A, c, -1)
            if r < 0:
                return r
        row = A[4 * ROW] + 256 * c
        first = V[nodes + x] >> 8
        last = V[nodes + x + 1] >> 8
        if sp + last - first > A[4 * WALK + CAPACITY]:
            return full(A, WALK)
        for y in range(first, last):
            r = A[row + (V[nodes + y] & 255)]
            if r == 1:
                continue
            if r == 0:
                r = drive(A, c, V[nodes + y] & 255)
                if r == DEAD:
                    continue
                if r < 0:
                    return r
            else:
                r -= 2
            n = so_far + 1 if r == home else so_far
            if V[tokens + y] >= 0:
                units[V[tokens + y]] = n if r == home else n + 1
            A[stack + 2 * sp] = y
            A[stack + 2 * sp + 1] = r
            A[A[4 * WALK2] + sp] = n
            sp += 1
    return OK


@kernel
def exit_roots(A, V, q, home, byte, found):
    """Trie nodes entered by `byte` right where the automaton, begun in `q`, may end.

    Fills `found` with (node, units before) pairs; returns their number, or an error. Only nodes
    with that incoming byte are looked at: each one's path from the root is run.
    """
    parents = V[V_PARENTS]
    nodes = V[V_NODES]
    path = A[4 * WALK]
    m = 0
    for i in range(V[V[V_BY_BYTE_START] + byte], V[V[V_BY_BYTE_START] + byte + 1]):
        y = V[V[V_BY_BYTE] + i]
        x = V[parents + y]
        if x == 0 and huge_child(V, byte) > 0:
            continue
        n = 0
        while x > 0:
            A[path + n] = V[nodes + x] & 255
            n += 1
            x = V[parents + x]
        c = q
        units = 0
        while n > 0 and c >= 0:
            n -= 1
            c = drive(A, c, A[path + n])
            if c == home:
                units += 1
        if c == DEAD:
            continue
        if c < 0:
            return c
        r = drive(A, c, -1)
        if r < 0:
            return r
        if A[A[4 * CONFIG] + 16 * c + CONFIG_FLAGS] & ACCEPTS:
            found[2 * m] = y
            found[2 * m + 1] = units
            m += 1
    return m


@inline
def last_child(V, x, given):
    return x + 1 if given else V[V[V_NODES] + x + 1] >> 8


@kernel
def merge_subtrees(V, roots, m, out, members, at_root):
    """The union of vocabulary subtrees as one trie, with a token list at each node.

    `roots`: (vocabulary node, units) pairs, which become the root, or its children by their bytes
    if not `at_root`. Breadth first; a node of the result is a run of such pairs in `members`.
    Writes n, nodes, list starts, entries to `out`; returns the words used, or -1 where `out` or
    `members` is too small.
    """
    nodes = V[V_NODES]
    tokens = V[V_TOKENS]
    room = members.shape[0] // 8
    starts = members[:room]  # first member of each result node
    bytes_ = members[room : 2 * room]
    firsts = members[2 * room : 3 * room]
    pool = members[3 * room :]
    if 2 * m > pool.shape[0]:
        return -1
    for i in range(2 * m):
        pool[i] = roots[i]
    used = m
    n = 1
    starts[0] = 0
    starts[1] = m
    bytes_[0] = 0
    done = 0
    n_entries = 0
    counts = np.zeros(256, np.int32)
    while done < n:
        firsts[done] = n
        counts[:] = 0
        total = 0
        given = done == 0 and not at_root
        for i in range(starts[done], starts[done + 1]):
            x = pool[2 * i]
            if V[tokens + x] >= 0 and not given:
                n_entries += 1
            for y in range(x if given else V[nodes + x] >> 8, last_child(V, x, given)):
                counts[V[nodes + y] & 255] += 1
                total += 1
        if used + total > room * 5 // 2 or n + 258 > room:
            return -1
        at = used
        for b in range(256):
            k = counts[b]
            if k > 0:
                bytes_[n] = b
                n += 1
                starts[n] = at + k
                counts[b] = at
                at += k
        for i in range(starts[done], starts[done + 1]):
            x = pool[2 * i]
            for y in range(x if given else V[nodes + x] >> 8, last_child(V, x, given)):
                b = V[nodes + y] & 255
                pool[2 * counts[b]] = y
                pool[2 * counts[b] + 1] = pool[2 * i + 1]
                counts[b] += 1
        used = at
        done += 1
    size = 1 + 2 * (n + 1) + n_entries
    if size > out.shape[0]:
        return -1
    out[0] = n
    firsts[n] = n
    e = 0
    for x in range(n):
        out[1 + x] = bytes_[x] | (firsts[x] << 8)
        out[2 + n + x] = e
        for i in range(starts[x], starts[x + 1]):
            token = V[tokens + pool[2 * i]]
            if token >= 0 and (x > 0 or at_root):
                out[3 + 2 * n + e] = token | (pool[2 * i + 1] << 20)
                e += 1
    out[1 + n] = n << 8
    out[2 + 2 * n] = e
    return size


@kernel
def spread_tiers(units, tiers):
    """Bit t of tier k: does token t need at most k units? `tiers` is zero before."""
    for t in range(units.shape[0]):
        if 0 <= units[t] < tiers.shape[0]:
            tiers[units[t], t >> 5] |= np.uint32(1) << np.uint32(t & 31)
    for k in range(1, tiers.shape[0]):
        for w in range(tiers.shape[1]):
            tiers[k, w] |= tiers[k - 1, w]


# ---------------------------------------------------------------- closed alphabets


@inner
def target_index(A, states, n, c, short):
    """Index of `c`, relaxed, among the explored states; appended if there is room, else -1."""
    longest = int64(SHORT) if short else int64(A[LONGEST])
    c = relax_(A, int64(c), longest, min(int64(A[LONGEST_SPACE]), longest), True)
    if c < 0:
        return -1, n
    for i in range(n):
        if states[i] == c:
            return i, n
    if n < states.shape[0]:
        states[n] = c
        return n, n + 1
    return -1, n


@inner
def beyond_ascii(A, state, states, n, pairs, short):
    """Where code points beyond ASCII lead from `state`: (bit set of indices, n), or -1 if some
    are dead or lead outside; works through pairs (configuration, bytes left, first, last byte)."""
    m = 0
    for lead in range(0xC2, 0xF5):
        c = drive(A, state, lead)
        if c < 0:
            return c - 1, n
        left = 1 if lead < 0xE0 else (2 if lead < 0xF0 else 3)
        lo = 0x80
        hi = 0xBF
        if lead == 0xE0:
            lo = 0xA0
        elif lead == 0xED:
            hi = 0x9F
        elif lead == 0xF0:
            lo = 0x90
        elif lead == 0xF4:
            hi = 0x8F
        m = note_pair(pairs, m, c, left, lo, hi)
        if m < 0:
            return DEAD - 1, n
    done = 0
    targets = 0
    while done < m:
        c, left, lo, hi = pairs[done, 0], pairs[done, 1], pairs[done, 2], pairs[done, 3]
        done += 1
        for byte in range(lo, hi + 1):
            r = drive(A, c, byte)
            if r < 0:
                return r - 1, n
            if left > 1:
                m = note_pair(pairs, m, r, left - 1, 0x80, 0xBF)
                if m < 0:
                    return DEAD - 1, n
            else:
                i, n = target_index(A, states, n, r, short)
                if i < 0:
                    return DEAD - 1, n
                targets |= 1 << i
    return targets, n


@inner
def after_kind(A, c, kind):
    """The configuration after any code point beyond ASCII of this kind from `c`.

    DEAD also where they may lead to different ones; or an error. Every thread must be at a
    character class that holds all or none of them.
    """
    r = drive(A, c, -1)
    if r < 0:
        return r
    conf = A[4 * CONFIG] + 16 * c
    code = A[4 * PROGRAM]
    some = False
    for i in range(A[conf + CONFIG_N_EXPANDED]):
        t = A[4 * EXPANDED] + 4 * (A[conf + CONFIG_EXPANDED] - 1 + i)
        pc = A[t]
        word = A[code + pc]
        op = word & 15
        if word < 0x80:
            continue
        if word < 256:
            return DEAD
        if op == SET:
            s = A[4 * BYTE_SET] + 8 * ((word - 256) >> 4)
            if A[s + 4] | A[s + 5] | A[s + 6] | A[s + 7]:
                return DEAD
        elif op == AUTOMATON and A[t + 1] == A[code + pc + 1]:
            if (A[code + pc + 2] >> (1 + kind)) & 1:
                some = True
            elif not (A[code + pc + 2] >> (4 + kind)) & 1:
                return DEAD
        elif op != SPACE:
            return DEAD
    if not some:
        return DEAD
    sample = 0xC3A9 if kind == 0 else (0xC2A0 if kind == 1 else 0xE28093)  # é, a space, a dash
    for shift in (16, 8, 0):
        if sample >> shift > 0 and c >= 0:
            c = drive(A, c, (sample >> shift) & 255)
    return c


@inner
def note_pair_(pairs, m, c, left, lo, hi):
    for i in range(m):
        if pairs[i, 0] == c and pairs[i, 1] == left and pairs[i, 2] == lo and pairs[i, 3] == hi:
            return m
    if m >= pairs.shape[0]:
        return -1
    pairs[m, 0] = c
    pairs[m, 1] = left
    pairs[m, 2] = lo
    pairs[m, 3] = hi
    return m + 1


@inline
def note_pair(pairs, m, c, left, lo, hi):
    return note_pair_(pairs, int64(m), int64(c), int64(left), int64(lo), int64(hi))


@inner
def n_bits(x):
    n = 0
    while x:
        x &= x - 1
        n += 1
    return n


@once
def find_alphabet(A, V, q, short):
    """A set of character classes over which every text stays alive from automaton state `q`.

    A fixpoint over the few states explored from `q`: a class that leads to a state of a smaller
    alphabet either goes, or takes the rest along, whichever loses less. What leads beyond the
    explored states does not count. So the set is sound but perhaps not the largest. Returns it,
    or an error. short: for texts of at most SHORT bytes, else of the longest token's.
    """
    states = np.zeros(MAX_EXPLORED, np.int64)
    pairs = np.zeros((128, 4), np.int64)
    targets = np.zeros((MAX_EXPLORED, N_CLASSES), np.int64)
    alphabet = np.zeros(MAX_EXPLORED, np.int64)
    states[0] = q
    n = 1
    i = 0
    while i < n:
        alive = (1 << N_CLASSES) - 1
        for byte in range(128):
            bit = 1 << V[V[V_CLASS] + byte]
            if alive & bit == 0:
                continue
            r = drive(A, states[i], byte)
            if r < DEAD:
                return r
            if r >= 0:
                k, n = target_index(A, states, n, r, short)
                if k >= 0:
                    targets[i, V[V[V_CLASS] + byte]] |= 1 << k
                    continue
            alive &= ~bit
        found, n = beyond_ascii(A, states[i], states, n, pairs, short)
        if found < DEAD - 1:
            return found + 1
        for kind in range(3):
            if found >= 0:
                targets[i, CLASS_BEYOND + kind] = found
                continue
            r = after_kind(A, states[i], kind)
            if r < DEAD:
                return r
            k = int64(-1)
            if r >= 0:
                k, n = target_index(A, states, n, r, short)
            if k >= 0:
                targets[i, CLASS_BEYOND + kind] = 1 << k
            else:
                alive &= ~(1 << (CLASS_BEYOND + kind))
        alphabet[i] = alive
        i += 1
    changed = True
    while changed:
        changed = False
        for i in range(n):
            for a in range(N_CLASSES):
                if not (alphabet[i] >> a) & 1:
                    continue
                together = alphabet[i]  # what is left if class `a` stays
                for k in range(n):
                    if (targets[i, a] >> k) & 1:
                        together &= alphabet[k]
                without = alphabet[i] & ~(1 << a)
                if not (together >> a) & 1 or n_bits(together) < n_bits(without):
                    together = without
                if together != alphabet[i]:
                    alphabet[i] = together
                    changed = True
    return alphabet[0]


@kernel
def closed_alphabet(A, V, q, short):
    """A set of character classes over which every text stays alive from `q`; remembered.

    See `find_alphabet`. Returns it, or an error.
    """
    memo = A[4 * CONFIG] + 16 * q + CONFIG_ALPHABET + short
    known = int64(A[memo])
    if known > 0:
        return known - 1
    found = int64(find_alphabet(A, V, q, short))
    if found >= 0:
        A[memo] = found + 1
    return found


@kernel
def tokens_over(V, alphabet, out):
    """Mask of the tokens whose characters all belong to `alphabet`."""
    classes = V[V_TOKEN_CLASSES]
    out[:] = np.uint32(0)
    for t in range(V[V_N_TOKENS]):
        if V[classes + t] != 0 and V[classes + t] & ~alphabet == 0:
            out[t >> 5] |= np.uint32(1) << np.uint32(t & 31)


@inner
def set_subtree(V, out, root):
    """Set the bits of all tokens strictly below trie node `root`."""
    for i in range(V[V[V_ORDER_START] + root], V[V[V_ORDER_STOP] + root]):
        set_bit(out, V[V[V_ORDER] + i])


@kernel
def walk_beyond(A, V, out, root, q, alphabet):
    """Like `walk`, where `out` has all tokens over `alphabet` if `root` is 0; it is closed for `q`.

    A path is in one of three modes. 1: it keeps to the alphabet of `q`, so subtrees that hold
    nothing else are passed over. 2: it keeps to the alphabet of a state met on the way, above a
    large subtree of short tokens; subtrees that hold nothing else are set as a block. 0: neither.
    """
    nodes = part(V, V[V_NODES], V[V_N_NODES] + 1).view(np.uint32)
    tokens = part(V, V[V_TOKENS], V[V_N_NODES])
    subtree = part(V, V[V_SUBTREE], V[V_N_NODES])
    stack = part(A, A[4 * WALK], 2 * A[4 * WALK + CAPACITY]).view(np.uint32)
    alphabets = part(A, A[4 * WALK2], A[4 * WALK2 + CAPACITY])  # of the paths on the stack
    rows = part(A, A[4 * ROW], 256 * A[4 * ROW + CAPACITY])
    heights = part(V, V[V_HEIGHT], (V[V_N_NODES] + 3) >> 2).view(np.uint8)
    stack[0] = np.uint32(root)
    stack[1] = np.uint32(4 * q + (1 if root == 0 else 0))
    alphabets[0] = alphabet
    sp = 1
    while sp > 0:
        sp -= 1
        x = int64(stack[2 * sp])
        c = relaxed(A, int64(stack[2 * sp + 1]) >> 2)
        if c < 0:
            return c
        kept = int64(stack[2 * sp + 1]) & 3
        over = int64(alphabets[sp])
        if x > 0 and subtree[x] & INNER_BYTE == 0:
            size = V[V[V_ORDER_STOP] + x] - V[V[V_ORDER_START] + x]
            if size >= LARGE_SUBTREE:
                short = 1 if heights[x] <= SHORT else 0
                c = relax_short(A, c) if short else c
                own = closed_alphabet(A, V, c, short) if c > 0 else c
                if own < 0:
                    return own
                if kept == 0 or n_bits(own & subtree[x]) > n_bits(over & subtree[x]):
                    over = int64(own)
                    kept = 2
        if A[A[4 * CONFIG] + 16 * c + CONFIG_EXPANDED] == 0:
            r = drive(A, c, -1)
            if r < 0:
                return r
        row = rows[256 * c : 256 * c + 256]
        first = int64(nodes[x] >> EIGHT)
        last = int64(nodes[x + 1] >> EIGHT)
        if sp + last - first > A[4 * WALK + CAPACITY]:
            return full(A, WALK)
        for y in range(first, last):
            byte = int64(nodes[y] & BYTE)
            r = int64(row[byte])
            if r == 1:
                continue
            mode = kept
            kind = 0 if byte < 0x80 else (V[V[V_KIND] + (y >> 4)] >> (2 * (y & 15))) & 3
            if byte < 0x80 or kind > 0:
                if (
                    over >> (CLASS_BEYOND - 1 + kind if kind > 0 else V[V[V_CLASS] + byte])
                ) & 1 == 0:
                    mode = 0
            below = int64(subtree[y])
            if mode > 0 and below & ~INNER_BYTE & ~over == 0:
                if below & INNER_BYTE == 0 or tokens[y] < 0:
                    if mode == 2:
                        if tokens[y] >= 0:
                            set_bit(out, tokens[y])
                        set_subtree(V, out, y)
                    continue
            if r == 0:
                r = drive(A, c, byte)
                if r == DEAD:
                    continue
                if r < 0:
                    return r
            else:
                r -= 2
            if tokens[y] >= 0:
                set_bit(out, tokens[y])
            if nodes[y + 1] >> EIGHT > nodes[y] >> EIGHT:
                stack[2 * sp] = np.uint32(y)
                stack[2 * sp + 1] = np.uint32(4 * r + mode)
                alphabets[sp] = over
                sp += 1
    return OK


@kernel
def classify(nodes, tokens, classes, kinds, token_classes, subtree, node_kinds):
    """Character classes of each token, and of all code points complete below each trie node.

    classes: int32[256], of ASCII; kinds: uint8[all code points], see `trie.character_kinds`.
    node_kinds: out, two bits a node: the kind of a code point beyond ASCII complete there. A
    token that is not well-formed UTF-8, or holds a code point of no class, gets BROKEN, which
    no alphabet holds; so do the nodes above it.
    """
    n = tokens.shape[0]
    left = np.zeros(n, np.int32)  # continuation bytes still to come; -1: not UTF-8
    low = np.zeros(n, np.int32)  # smallest and largest byte that may come next
    high = np.zeros(n, np.int32)
    point = np.zeros(n, np.int32)  # the code point so far
    path = np.zeros(n, np.int32)
    own = np.zeros(n, np.int32)  # class of what is complete here
    for x in range(n):
        for y in range(nodes[x] >> 8, nodes[x + 1] >> 8):
            byte = nodes[y] & 255
            low[y] = 0x80
            high[y] = 0xBF
            if left[x] > 0:
                left[y] = left[x] - 1 if low[x] <= byte <= high[x] else -1
                point[y] = point[x] << 6 | (byte & 0x3F)
            elif left[x] < 0 or 0x80 <= byte < 0xC2 or byte > 0xF4:
                left[y] = -1
            elif byte < 0x80:
                own[y] = 1 << classes[byte]
            else:
                left[y] = 1 if byte < 0xE0 else (2 if byte < 0xF0 else 3)
                point[y] = byte & (0x3F >> left[y])
                if byte == 0xE0:
                    low[y] = 0xA0
                elif byte == 0xED:
                    high[y] = 0x9F
                elif byte == 0xF0:
                    low[y] = 0x90
                elif byte == 0xF4:
                    high[y] = 0x8F
            if left[y] == 0 and left[x] > 0:
                kind = int64(kinds[point[y]])
                node_kinds[y >> 4] |= kind << (2 * (y & 15))
                own[y] = 1 << (CLASS_BEYOND - 1 + kind) if kind > 0 else BROKEN
            path[y] = path[x] | own[y]
            if tokens[y] >= 0:
                token_classes[tokens[y]] = path[y] if left[y] == 0 else BROKEN
    for x in range(n - 1, -1, -1):
        subtree[x] = INNER_BYTE if left[x] != 0 else 0
        for y in range(nodes[x] >> 8, nodes[x + 1] >> 8):
            below = (subtree[y] & ~INNER_BYTE) | own[y]
            if left[y] < 0 or (left[y] > 0 and tokens[y] >= 0):
                below |= BROKEN
            subtree[x] |= below


# ---------------------------------------------------------------- building


@kernel
def build_trie(blob, starts, nodes, tokens, parents):
    """Breadth-first trie over sorted distinct words. Returns the number of nodes.

    blob: uint8, all words; starts: int32[n + 1]. `tokens[x]` becomes the index of the word that
    ends at node x, or -1.
    """
    n = starts.shape[0] - 1
    lo = np.empty(nodes.shape[0], np.int32)
    hi = np.empty(nodes.shape[0], np.int32)
    depth = np.empty(nodes.shape[0], np.int32)
    lo[0] = 0
    hi[0] = n
    depth[0] = 0
    nodes[0] = 0
    parents[0] = 0
    count = 1
    x = 0
    while x < count:
        nodes[x] |= count << 8
        i = lo[x]
        d = depth[x]
        tokens[x] = -1
        if i < hi[x] and starts[i + 1] - starts[i] == d:
            tokens[x] = i
            i += 1
        while i < hi[x]:
            b = blob[starts[i] + d]
            lo[count] = i
            while i < hi[x] and blob[starts[i] + d] == b:
                i += 1
            hi[count] = i
            depth[count] = d + 1
            nodes[count] = b
            parents[count] = x
            count += 1
        x += 1
    nodes[count] = count << 8
    return count


@kernel
def build_word_trie(A, blob, starts, state):
    """Word trie in the arena over sorted distinct words; its root, or FULL.

    `state`: configuration of a name's first byte, for names of an object (0 for plain words):
    each node then keeps the state of the name automaton after its bytes.
    """
    n = starts.shape[0] - 1
    base = A[4 * TRIE_NODE]
    root = A[4 * TRIE_NODE + USED]
    if root + starts[n] + 1 > A[4 * TRIE_NODE + CAPACITY]:
        return full(A, TRIE_NODE)
    longest = 0
    for i in range(n):
        longest = max(longest, starts[i + 1] - starts[i])
    path = np.zeros(longest + 2, np.int32)  # nodes on the way to the current word
    last = np.zeros(longest + 2, np.int32)  # youngest child at each depth
    fresh = root
    for k in range(7):
        A[base + 7 * root + k] = 0
    A[base + 7 * root + 5] = n
    A[base + 7 * root + 6] = state
    fresh += 1
    path[0] = root
    depth = 0
    for i in range(n):
        size = starts[i + 1] - starts[i]
        shared = 0
        if i > 0:
            before = starts[i] - starts[i - 1]
            while (
                shared < size
                and shared < before
                and blob[starts[i] + shared] == blob[starts[i - 1] + shared]
            ):
                shared += 1
        for d in range(shared + 1, depth + 1):
            A[base + 7 * path[d] + 5] = i
        for d in range(shared, size):
            byte = blob[starts[i] + d]
            x = base + 7 * fresh
            A[x] = byte
            A[x + 1] = 0
            A[x + 2] = 0
            A[x + 3] = 0
            A[x + 4] = i
            A[x + 5] = n
            A[x + 6] = 0
            if state > 0:
                q = drive(A, A[base + 7 * path[d] + 6], byte)
                if q < 0:
                    return q
                r = drive(A, q, -1)
                if r < 0:
                    return r
                A[x + 6] = q
            if A[base + 7 * path[d] + 1] == 0:
                A[base + 7 * path[d] + 1] = fresh
            else:
                A[base + 7 * last[d] + 2] = fresh
            last[d] = fresh
            path[d + 1] = fresh
            fresh += 1
        depth = size
        A[base + 7 * path[depth] + 3] = i + 1
    for d in range(1, depth + 1):
        A[base + 7 * path[d] + 5] = n
    A[4 * TRIE_NODE + USED] = fresh
    return root


@kernel
def rehash(A):
    """Rebuild the hash tables after their segments moved or grew."""
    table = A[4 * NODE_HASH]
    size = A[4 * NODE_HASH + CAPACITY]
    for i in range(size):
        A[table + i] = 0
    for n in range(HOLE + 1, A[4 * NODE + USED]):
        node = A[4 * NODE] + 2 * n
        info = A[node + 1]
        h = mix(1, info & 3)
        e = A[4 * EDGE] + 3 * A[node]
        for k in range(3 * (info >> 2)):
            h = mix(h, A[e + k])
        slot = h & (size - 1)
        while A[table + slot] != 0:
            slot = (slot + 1) & (size - 1)
        A[table + slot] = n
    table = A[4 * CONFIG_HASH]
    size = A[4 * CONFIG_HASH + CAPACITY]
    for i in range(size):
        A[table + i] = 0
    for c in range(1, A[4 * CONFIG + USED]):
        conf = A[4 * CONFIG] + 16 * c
        n = A[conf + CONFIG_N]
        h = mix(mix(mix(7, n), A[conf + CONFIG_LEXER]), A[conf + CONFIG_FALLBACK])
        t = A[4 * THREAD] + 4 * A[conf]
        for k in range(4 * n):
            h = mix(h, A[t + k])
        slot = h & (size - 1)
        while A[table + slot] != 0:
            slot = (slot + 1) & (size - 1)
        A[table + slot] = c
    table = A[4 * UNION]
    for i in range(3 * A[4 * UNION + CAPACITY]):
        A[table + i] = 0
    A[4 * UNION + USED] = 0


@kernel
def order_tokens(nodes, tokens, order, start, stop):
    """Number tokens so that those below any trie node are contiguous: `order[start:stop]`."""
    n = tokens.shape[0]
    below = np.zeros(n, np.int32)
    for x in range(n - 1, -1, -1):
        for y in range(nodes[x] >> 8, nodes[x + 1] >> 8):
            below[x] += below[y] + (1 if tokens[y] >= 0 else 0)
    start[0] = 0
    stop[0] = below[0]
    for x in range(n):
        at = start[x]
        for y in range(nodes[x] >> 8, nodes[x + 1] >> 8):
            if tokens[y] >= 0:
                order[at] = tokens[y]
                at += 1
            start[y] = at
            at += below[y]
            stop[y] = at


# ---------------------------------------------------------------- forgetting


@inner
def refers(A, t):
    """The configuration that the sub-state of the thread at arena offset `t` names, or 0."""
    word = A[A[4 * PROGRAM] + A[t]]
    if word < 256:
        return 0
    op = word & 15
    if op == AUTOMATON or op == COUNTED or op == TERMINAL:
        return A[t + 1]
    return 0


@kernel
def mark(A, configs, nodes):
    """Complete the marks: what marked configurations and stack nodes need is marked too.

    Everything refers only to what is older, so one pass from young to old is enough.
    """
    for i in range(A[4 * SITE + USED]):
        configs[A[A[4 * PROGRAM] + A[A[4 * SITE] + i] + 1]] = 1
    for c in range(A[4 * CONFIG + USED] - 1, 0, -1):
        if configs[c] == 0:
            continue
        conf = A[4 * CONFIG] + 16 * c
        configs[A[conf + CONFIG_LEXER]] = 1
        configs[A[conf + CONFIG_FALLBACK]] = 1
        for i in range(A[conf + CONFIG_N]):
            t = A[4 * THREAD] + 4 * (A[conf] + i)
            nodes[A[t + 3]] = 1
            configs[refers(A, t)] = 1
    for n in range(A[4 * NODE + USED] - 1, HOLE, -1):
        if nodes[n] != 0:
            first = A[A[4 * NODE] + 2 * n]
            for e in range(first, first + (A[A[4 * NODE] + 2 * n + 1] >> 2)):
                nodes[A[A[4 * EDGE] + 3 * e + 2]] = 1


@kernel
def compact(A, B, configs, nodes):
    """Copy what is marked to the renewed arena `B`; marks become the new numbers.

    `B` has the capacities of `A`, its program and the standard configurations.
    """
    nodes[0] = 0
    nodes[HOLE] = HOLE
    stage = B[4 * STAGE]
    for n in range(HOLE + 1, A[4 * NODE + USED]):
        if nodes[n] == 0:
            continue
        first = A[A[4 * NODE] + 2 * n]
        info = A[A[4 * NODE] + 2 * n + 1]
        for k in range(info >> 2):
            e = A[4 * EDGE] + 3 * (first + k)
            B[stage + 3 * k] = A[e]
            B[stage + 3 * k + 1] = A[e + 1]
            B[stage + 3 * k + 2] = nodes[A[e + 2]]
        nodes[n] = intern_node(B, info & 3, info >> 2)
    for c in range(1, A[4 * CONFIG + USED]):
        if c < A[N_STANDARD]:
            configs[c] = c
        elif configs[c] != 0:
            conf = A[4 * CONFIG] + 16 * c
            clear_list(B)
            for i in range(A[conf + CONFIG_N]):
                t = A[4 * THREAD] + 4 * (A[conf] + i)
                sub = configs[A[t + 1]] if refers(A, t) > 0 else A[t + 1]
                add(B, A[t], sub, A[t + 2], nodes[A[t + 3]])
            lexer = configs[A[conf + CONFIG_LEXER]] if A[conf + CONFIG_LEXER] > 0 else 0
            fallback = configs[A[conf + CONFIG_FALLBACK]] if A[conf + CONFIG_FALLBACK] > 0 else 0
            configs[c] = intern_config(B, lexer, fallback)
    for i in range(A[4 * SITE + USED]):
        pc = A[A[4 * SITE] + i]
        B[B[4 * PROGRAM] + pc + 1] = configs[A[A[4 * PROGRAM] + pc + 1]]
        B[B[4 * SITE] + i] = pc
    B[4 * SITE + USED] = A[4 * SITE + USED]
