"""Where everything lies in an engine's arena: one int32 array, so that a kernel call is cheap.

The arena starts with a header. For each segment it holds the offset of its first word, how many
records fit, and how many are used; then follow single counters and the requests by which a
kernel asks Python for something (a rule to be lowered, a segment to grow, a table to be built).
"""

(
    PROGRAM,  # instruction words
    RULE,  # entry of each rule, 0 while not lowered
    BYTE_SET,  # 8 words of bits
    TRIE,  # root node of each word trie
    TRIE_NODE,  # byte, first child, next sibling, word + 1, first word, last word + 1, name state
    NODE,  # stack node: first edge, 4 * edges + 2 * (may a frame end here) + (may the stack)
    EDGE,  # return address, saved count, node below
    NODE_HASH,
    UNION,  # memo of stack unions: node, node, union + 1
    CONFIG,  # see CONFIG_* below
    THREAD,  # program counter, sub-state, count, stack node
    CONFIG_HASH,
    EXPANDED,  # threads after closure
    ROW,  # 256 successors: 0 not computed, 1 dead, else configuration + 2
    TERMINAL_INFO,  # entry, rank, lazy, ignored, program counter
    SITE,  # instructions whose entry configuration is filled in
    LIST,  # scratch: the thread list under construction; fifth word: waits in QUEUE
    LIST_HASH,  # scratch: stamp, index
    QUEUE,  # scratch: indices of LIST waiting for closure
    STAGE,  # scratch: edges of the stack node under construction
    PAIRS,  # scratch: stack of unions in progress
    DRIVE,  # scratch: configurations waiting for one another
    WALK,  # scratch: trie node, configuration
    WALK2,  # scratch of the outer of two nested walks
) = range(24)

WIDTH = (1, 1, 8, 1, 7, 2, 3, 1, 3, 16, 4, 1, 4, 256, 5, 1, 5, 2, 1, 3, 2, 2, 2, 2)
"""Words per record."""

N_SEGMENTS = len(WIDTH)

OFFSET, CAPACITY, USED = 0, 1, 2  # words of a segment's header entry
HEADER = 160

COUNTERS = 4 * N_SEGMENTS
LIST_N = COUNTERS  # threads in LIST
LIST_STAMP = COUNTERS + 1
REQUEST = COUNTERS + 2  # what NEED_* is about: rule, segment or configuration
REQUEST_BYTE = COUNTERS + 3
REQUEST_HOME = COUNTERS + 4
QUEUED = COUNTERS + 5  # waiting indices in QUEUE
STEPS = COUNTERS + 6  # successors computed so far, for statistics
N_STANDARD = COUNTERS + 7  # configurations that every arena starts with
STANDARD_CODE = COUNTERS + 8  # words of the program that every arena starts with
LONGEST, LONGEST_SPACE = COUNTERS + 9, COUNTERS + 10  # bytes of tokens: see V_LONGEST
SPACE_HOME = COUNTERS + 11  # the standard configuration in a run of white space

CONFIG_THREADS, CONFIG_N, CONFIG_LEXER, CONFIG_FALLBACK = 0, 1, 2, 3  # the identity
CONFIG_EXPANDED, CONFIG_N_EXPANDED, CONFIG_FLAGS, CONFIG_EXTRA, CONFIG_DENSE = 4, 5, 6, 7, 8
CONFIG_MASK = 9  # and 10: number of a mask kept for this configuration, without and with an end
CONFIG_FRAME = 11  # how often it was met without a table, or the offset of its frame table
CONFIG_RELAXED = 12  # the configuration without bounds that are out of reach, 0 if not known
CONFIG_ALPHABET = 13  # 1 + the closed alphabet of a state of a finite automaton, 0 if not known;
# 14: the same for what is left of short tokens
# CONFIG_EXPANDED: first expanded thread + 1, 0 before; CONFIG_EXTRA: of a lexer state the winning
# terminal + 1, of a parser configuration with a contextual lexer its lexer state;
# CONFIG_DENSE: 0 not known, 1 sparse, else offset of its dense table

ACCEPTS, HAS_AUTOMATON, LEXICAL, LEXER_STATE, PLAIN, EXACT, RETURNS = 1, 2, 4, 8, 16, 32, 64
# PLAIN: every thread stands at the bottom of the stack and none counts or is lexical: the
# configuration is a state of a finite automaton
# RETURNS: some thread may leave the frame, that is, return to the stack node HOLE
# EXACT: a byte whose successor is not known yet has one; no need to compute it to know

(
    OK,
    DEAD,
    NEED_RULE,
    FULL,
    NEED_CONFIG,
    NEED_DENSE,
    NEED_EXIT,
    NEED_TIERS,
    NEED_FRAME,
    NEED_INSIDE,
    NEED_LEXER,
) = range(0, -11, -1)
TOO_MANY_THREADS, OVER_BUDGET = -11, -12
SHARED = 1 << 30  # of a mask: made, and good for another configuration too

HOLE = 1  # the stack node that stands for whatever is below a frame; it has no edges

# A vocabulary's tables, one int32 array: offsets first
V_NODES, V_TOKENS, V_PARENTS, V_BY_BYTE, V_BY_BYTE_START, V_BLOB, V_BLOB_START = range(7)
V_SAME, V_CLASS, V_TOKEN_CLASSES, V_SUBTREE, V_ORDER, V_ORDER_START, V_ORDER_STOP = range(7, 14)
V_HEIGHT = 15  # a byte a trie node: bytes of the longest path below, at most 255
V_KIND = 14  # two bits a trie node: kind of the code point beyond ASCII that is complete there
V_LONGEST, V_LONGEST_SPACE = 26, 27  # bytes of the longest token, of its longest white space
V_N_TOKENS, V_N_NODES, V_N_SAME, V_N_EOS = 28, 29, 30, 31
V_EOS_IDS = 32  # the end ids themselves stand in the header, at most MAX_EOS
MAX_EOS = 96
V_HEADER = V_EOS_IDS + MAX_EOS

# Character classes: sets of them are 32-bit words. The bits from 30 on say more of a trie node:
CLASS_BEYOND = 27  # classes of code points beyond ASCII: words, spaces, the rest
N_CLASSES = 30
INNER_BYTE = 1 << 30  # this node is reached in the middle of a code point
BROKEN = -(1 << 31)  # some token (here: below) is not code points of these classes alone
MAX_EXPLORED = 6  # automaton states that a search for a closed alphabet looks at
LARGE_SUBTREE = 300  # tokens: a trie node for which such a search pays
HUGE_SUBTREE = 2_000  # tokens: behind a trie node that no exit trie takes in
SHORT = 16  # bytes: what is left of a short token
OFTEN = 8  # a frame met that often is worth a table; offsets of tables are greater
SHORT_WALK = 3_000  # trie nodes: a state whose walk visits no more is not worth a table

# A dense table. T_TIERS: the tiers, then a list of the tokens that need more units than these
T_INSIDE, T_TIERS, T_N_TIERS, T_HOME, T_EXITS = 0, 1, 2, 3, 4
T_SIZE = T_EXITS + 256
NO_EXIT, STAYS = 1, 2  # in place of an exit trie: no token leaves by this byte; it never leaves

# A table of a lexer state: the tokens that stay inside the lexeme, those at which it dies without
# any match, then for each terminal that may win: its number and an exit trie of what comes behind
# its last match (or minus the number of a part of the vocabulary, which has tables of its own);
# then single exits: terminal, vocabulary node, number of bytes before it, these bytes
X_INSIDE, X_DEAD, X_N_WINNERS, X_SINGLES, X_N_SINGLES, X_WINNERS = 0, 1, 2, 3, 4, 5

# A frame table: tokens that may come whatever is below, and an exit trie for the others
F_RETURNS, F_TRIE, F_N_TOKENS, F_TOKENS = 0, 1, 2, 3
