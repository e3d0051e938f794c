"""Hypothesis strategies for small context-free grammars over the bytes a and b.

They are made to be nasty: left, right, hidden-left and mutual recursion, rules that can be
empty, unit cycles, repeated empties, ambiguity, rules without any text, rules nobody calls.
"""

from __future__ import annotations

from hypothesis import strategies as st

from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Grammar,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Words,
)

NAMES = ("start", "A", "B", "C", "D")

_A, _B = regex.Text(b"a"), regex.Text(b"b")
_AB = regex.Chars(((ord("a"), ord("b")),))

REGULARS = (
    Regular(_AB),
    Regular(regex.Repeat(_A, 0, None)),
    Regular(regex.Repeat(_AB, 0, 2)),
    Regular(regex.Union((regex.EPSILON, regex.Text(b"ba")))),
    Regular(regex.Concat((regex.Repeat(_A, 0, 1), regex.Repeat(_B, 0, None)))),
    Regular(regex.Concat((regex.Look(_A, False, True), regex.Repeat(_AB, 0, None)))),
    Regular(regex.Intersect((regex.Repeat(_A, 0, None), regex.Repeat(_AB, 0, 2)))),
)

LEAVES = (
    *(Literal(data) for data in (b"a", b"b", b"ab", b"")),
    *(Words(words) for words in ((b"a", b"bb"), (b"", b"b"), ())),
    *REGULARS,
    EMPTY,
    NEVER,
)

_COUNTS = ((0, 1), (0, None), (1, None), (0, 2), (2, 2), (1, 3), (2, None), (0, 0))


def expressions(names: tuple[str, ...] = NAMES) -> st.SearchStrategy[Expr]:
    """Expressions that call rules out of `names`: mostly calls and letters."""
    return st.recursive(_leaves(names), _composed, max_leaves=6)


def productions(names: tuple[str, ...] = NAMES) -> st.SearchStrategy[Expr]:
    """Expressions as in a textbook: alternatives, each some calls and letters in a row.

    Every other alternative begins with a call.
    """
    calls = st.sampled_from(names).map(Call)
    rows = st.lists(_leaves(names), max_size=3)
    called = st.builds(lambda head, row: [head, *row[:2]], calls, rows)
    alternatives = st.one_of(rows, called).map(lambda items: Sequence(tuple(items)))
    return st.lists(alternatives, min_size=1, max_size=3).map(lambda items: Choice(tuple(items)))


def _leaves(names: tuple[str, ...]) -> st.SearchStrategy[Expr]:
    calls = st.sampled_from(names).map(Call)
    letters = st.sampled_from((Literal(b"a"), Literal(b"b")))
    return st.one_of(calls, calls, letters, letters, st.sampled_from(LEAVES))


def _composed(inner: st.SearchStrategy[Expr]) -> st.SearchStrategy[Expr]:
    items = st.lists(inner, min_size=1, max_size=3).map(tuple)
    counted = st.tuples(inner, st.sampled_from(_COUNTS))
    return st.one_of(
        items.map(Sequence),
        items.map(Sequence),
        items.map(Choice),
        items.map(Choice),
        counted.map(lambda pair: Repeat(pair[0], *pair[1])),
    )


@st.composite
def grammars(draw: st.DrawFn, max_rules: int = len(NAMES)) -> Grammar:
    """Small grammars; the start rule is "start". Their language may be empty."""
    names = NAMES[: draw(st.integers(1, max_rules))]
    kinds = st.one_of(productions(names), productions(names), expressions(names))
    rules = {name: draw(kinds) for name in names}
    return Grammar(key=("random", tuple(rules.items())), rules=rules, start="start")
