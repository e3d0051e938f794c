"""Grammar analysis against slow twins: shortest texts, enumerated texts, summaries of texts."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from math import inf

import pytest
from hypothesis import given, settings
from oracles.cyk import language
from strategies_cfg import grammars

from constrain.automata.analysis import (
    components,
    corners,
    is_nullable,
    left_calls,
    nullable,
    productive,
    prune,
    reachable,
    terminal_pairs,
    trim,
)
from constrain.automata.rule_graph import MAX_DEPTH, calls, walk
from constrain.errors import EmptyLanguage, LimitExceeded
from constrain.syntax import regex_ast as regex
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Grammar,
    JsonArray,
    JsonObject,
    JsonString,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
    Terminal,
    Words,
    choice,
    repeat,
    sequence,
)

A, B = Literal(b"a"), Literal(b"b")
P, Q = Call("p"), Call("q")
NO_RULES: frozenset[Hashable] = frozenset()


def made(**rules: Expr) -> Grammar:
    return Grammar(key=None, rules=rules, start="start")


# ------------------------------------------------------------------ constructors


def test_constructors_flatten_and_drop():
    assert sequence((A, sequence((B, A)), EMPTY)) == Sequence((A, B, A))
    assert sequence((A, NEVER)) == NEVER
    assert sequence((A,)) == A
    assert choice((A, choice((B, A)), NEVER)) == Choice((A, B))
    assert choice(()) == NEVER
    assert repeat(NEVER, 0, None) == repeat(A, 0, 0) == repeat(EMPTY, 3, 3) == EMPTY
    assert repeat(NEVER, 1, None) == NEVER
    assert repeat(A, 1, 1) == A


# ------------------------------------------------------------------ empty text, first leaves


@settings(max_examples=80, deadline=None)
@given(grammars())
def test_nullable_rules_have_the_empty_text(grammar: Grammar):
    expected = {n for n in grammar.rules if b"" in language(grammar.rules, Call(n), 0)}
    assert nullable(grammar.rules) == expected


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (Literal(b""), True),
        (A, False),
        (Words((b"a", b"")), True),
        (Words((b"a",)), False),
        (Regular(regex.Repeat(regex.Text(b"a"), 0, 3)), True),
        (Regular(regex.Text(b"a")), False),
        (Space(), True),
        (Space(0), True),
        (Lexeme("T"), False),
        (JsonString(), False),
        (JsonObject((), None), False),
        (JsonArray((), None), False),
        (Repeat(A, 2, 0), False),
        (Repeat(A, 0, 0), True),
        (NEVER, False),
        (EMPTY, True),
    ],
)
def test_nullable_leaves(leaf: Expr, expected: bool):
    assert is_nullable(leaf, NO_RULES) == expected


def test_left_calls_look_behind_what_can_be_empty():
    expr = Sequence((Repeat(P, 0, 3), Choice((Q, EMPTY)), Space(), Call("r"), Call("s")))
    assert left_calls(expr, NO_RULES) == {"p", "q", "r"}
    assert left_calls(expr, {"r"}) == {"p", "q", "r", "s"}
    assert left_calls(Repeat(P, 0, 0), NO_RULES) == set()
    assert left_calls(JsonArray((P,), Q), NO_RULES) == set()


def test_corners_from_both_ends():
    expr = Sequence((A, Choice((B, Sequence((P, Repeat(Q, 0, 1)))))))
    assert corners(expr, NO_RULES) == [A]
    assert corners(expr, NO_RULES, backwards=True) == [B, Q, P]


# ------------------------------------------------------------------ what can be finished


def shortest(rules: Mapping[Hashable, Expr]) -> dict[Hashable, float]:
    """Length of each rule's shortest text, infinite if it has none: Bellman and Ford's way."""
    lengths: dict[Hashable, float] = dict.fromkeys(rules, inf)

    def length(expr: Expr) -> float:
        match expr:
            case Sequence(items):
                return sum(map(length, items))
            case Choice(items):
                return min(map(length, items), default=inf)
            case Repeat(item, lo, _):
                return lo * length(item) if lo else 0
            case Call(rule):
                return lengths[rule]
        texts = language({}, expr, 4)
        return min(map(len, texts), default=inf)

    for _ in rules:
        lengths = {name: length(expr) for name, expr in rules.items()}
    return lengths


@settings(max_examples=80, deadline=None)
@given(grammars())
def test_productive_rules_have_a_shortest_text(grammar: Grammar):
    expected = {name for name, length in shortest(grammar.rules).items() if length < inf}
    assert productive(grammar.rules) == expected


@settings(max_examples=80, deadline=None)
@given(grammars())
def test_trimming_keeps_the_language_and_nothing_else(grammar: Grammar):
    if shortest(grammar.rules)["start"] == inf:
        with pytest.raises(EmptyLanguage):
            trim(grammar)
        return
    kept = trim(grammar)
    before = language(grammar.rules, Call("start"), 6)
    assert language(kept.rules, Call("start"), 6) == before
    assert kept == grammar
    assert all(length < inf for length in shortest(kept.rules).values())
    assert list(reachable(kept.rules, "start")) == list(kept.rules)
    parts = [part for expr in kept.rules.values() for part in walk(expr)]
    assert NEVER not in parts
    assert {rule for part in parts for rule in calls(part)} <= kept.rules.keys()


@settings(max_examples=60, deadline=None)
@given(grammars())
def test_a_trimmed_grammar_stays_the_same_objects(grammar: Grammar):
    try:
        once = trim(grammar)
    except EmptyLanguage:
        return
    again = trim(once)
    assert all(again.rules[name] is expr for name, expr in once.rules.items())


def test_regular_leaves_are_tested_by_the_callers_judge():
    nothing = Regular(regex.Intersect((regex.Text(b"a"), regex.Text(b"b"))))
    asked: list[regex.Node] = []

    def is_empty(node: regex.Node) -> bool:
        asked.append(node)
        return isinstance(node, regex.Intersect)

    grammar = made(start=Choice((A, nothing, Sequence((B, nothing)), P)), p=nothing)
    assert dict(trim(grammar, is_empty).rules) == {"start": A}
    assert len(asked) == 1
    assert trim(grammar).rules["start"] is grammar.rules["start"]


def test_dead_terminals_go_with_the_branches_that_need_them():
    terminals = {
        name: Terminal(name, node, rank=rank)
        for rank, (name, node) in enumerate(
            {"A": regex.Text(b"a"), "B": regex.NOTHING, "C": regex.Text(b"c")}.items()
        )
    }
    rules = {"start": Choice((Lexeme("A"), Sequence((Lexeme("B"), Lexeme("C")))))}
    kept = trim(Grammar(None, rules, "start", terminals, ignore=()))
    assert kept.rules == {"start": Lexeme("A")}
    assert list(kept.terminals) == ["A"]
    assert list(trim(Grammar(None, rules, "start", terminals, ("C",))).terminals) == ["A", "C"]


ONE = JsonString(1, 1)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        (JsonString(3, 2), NEVER),
        (JsonObject((("k", NEVER, True),), ONE), NEVER),
        (JsonObject((("k", NEVER, False),), None), JsonObject((), None)),
        (JsonObject((("k", P, False),), ONE), JsonObject((("k", NEVER, False),), ONE)),
        (JsonObject((("k", ONE, False),), P), JsonObject((("k", ONE, False),), None)),
        (JsonArray((ONE, P, ONE), ONE), JsonArray((ONE,), None)),
        (JsonArray((ONE, P, ONE), ONE, lo=2), NEVER),
        (JsonArray((ONE,), P, lo=1, hi=5), JsonArray((ONE,), None, lo=1, hi=5)),
        (JsonArray((ONE,), P, lo=2), NEVER),
        (JsonArray((ONE, ONE), None, lo=3), NEVER),
        (JsonArray((), ONE, lo=3, hi=2), NEVER),
        (Repeat(A, 2, 1), NEVER),
        (Repeat(P, 0, 4), EMPTY),
        (Words(()), NEVER),
        (Regular(regex.NOTHING), NEVER),
    ],
)
def test_pruning(expr: Expr, expected: Expr):
    assert prune(expr, NO_RULES) == expected


@pytest.mark.parametrize(
    "expr",
    [
        JsonObject((("k", ONE, False),), ONE),
        JsonArray((ONE, ONE), ONE, lo=1, hi=2),
        Sequence((A, Repeat(Choice((B, Space(0))), 0, None))),
    ],
)
def test_pruning_returns_what_it_leaves_alone(expr: Expr):
    assert prune(expr, NO_RULES) is expr


# ------------------------------------------------------------------ neighbours

Summary = tuple[str, str, frozenset[tuple[str, str]]] | None
"""First terminal, last terminal, pairs of neighbours; None for the empty text."""


def joined(left: Summary, right: Summary) -> Summary:
    if left is None or right is None:
        return left or right
    return left[0], right[1], left[2] | right[2] | {(left[1], right[0])}


def summaries(grammar: Grammar) -> set[Summary]:
    """The summaries of all texts of the start rule: finitely many, so all are found."""
    table: dict[Hashable, set[Summary]] = {name: set() for name in grammar.rules}

    def products(lefts: Iterable[Summary], rights: Iterable[Summary]) -> set[Summary]:
        return {joined(left, right) for left in lefts for right in rights}

    def found(expr: Expr) -> set[Summary]:
        match expr:
            case Call(rule):
                return table[rule]
            case Lexeme(name):
                return {(name, name, frozenset())}
            case Choice(items):
                return set().union(*map(found, items))
            case Sequence(items):
                result: set[Summary] = {None}
                for item in items:
                    result = products(result, found(item))
                return result
            case Repeat(item, lo, hi):
                once = found(item)
                result, here = set[Summary](), {None}
                for n_rounds in range((lo + 6 if hi is None else hi) + 1):
                    result |= here if n_rounds >= lo else set()
                    here = products(here, once)
                return result
        raise TypeError(expr)

    before = None
    while before != table:
        before = {name: set(known) for name, known in table.items()}
        for name, expr in grammar.rules.items():
            table[name] |= found(expr)
    return table[grammar.start]


def over_lexemes(expr: Expr) -> Expr:
    """The same shape with terminals a and b instead of leaves."""
    match expr:
        case Sequence(items):
            return Sequence(tuple(map(over_lexemes, items)))
        case Choice(items):
            return Choice(tuple(map(over_lexemes, items)))
        case Repeat(item, lo, hi):
            return Repeat(over_lexemes(item), lo, hi)
        case Call():
            return expr
    texts = language({}, expr, 3)
    return Choice(tuple(Sequence(tuple(map(Lexeme, text.decode()))) for text in sorted(texts)))


@settings(max_examples=50, deadline=None)
@given(grammars(max_rules=3))
def test_terminal_pairs_are_those_of_all_texts(grammar: Grammar):
    rules = {name: over_lexemes(expr) for name, expr in grammar.rules.items()}
    try:
        trimmed = trim(Grammar(None, rules, "start"))
    except EmptyLanguage:
        return
    expected: set[tuple[str, str | None]] = set()
    for summary in summaries(trimmed):
        if summary is not None:
            expected |= {(summary[1], None), *summary[2]}
    assert terminal_pairs(trimmed) == expected


def test_neighbours_across_what_can_be_empty():
    a, b, c = map(Lexeme, "abc")
    rules = {"start": Sequence((a, Repeat(b, 0, 1), P)), "p": Choice((c, EMPTY))}
    expected = {("a", "b"), ("a", "c"), ("a", None), ("b", "c"), ("b", None), ("c", None)}
    assert terminal_pairs(Grammar(None, rules, "start")) == expected


# ------------------------------------------------------------------ graphs, sizes


@settings(max_examples=60, deadline=None)
@given(grammars())
def test_components_are_those_of_mutual_reachability(grammar: Grammar):
    graph = {name: calls(expr) for name, expr in grammar.rules.items()}
    reach = {name: set(reachable(grammar.rules, name)) for name in graph}
    found = components(graph)
    assert sorted(n for members in found for n in members) == sorted(graph)
    for i, members in enumerate(found):
        for name in graph:
            together = all(name in reach[m] and m in reach[name] for m in members)
            assert (name in members) == together
        later = {name for after in found[i + 1 :] for name in after}
        assert not any(reach[m] & later for m in members)


def test_long_chains_and_wide_rules():
    n = 30_000
    rules: dict[Hashable, Expr] = {i: Sequence((Call(i + 1), A)) for i in range(n)}
    rules[n] = Choice(tuple(Literal(b"%d" % i) for i in range(n)))
    assert len(trim(Grammar(None, rules, 0)).rules) == n + 1
    assert len(components({i: (i + 1,) for i in range(n)})) == n
    assert nullable(rules) == set()


def test_deep_expressions_meet_a_limit_and_not_pythons():
    def nested(depth: int) -> Expr:
        expr: Expr = Lexeme("A")
        for i in range(depth - 1):
            expr = Repeat(expr, 0, None) if i % 3 else Sequence((EMPTY, expr))
        return expr

    grammar = made(start=nested(MAX_DEPTH))
    trim(grammar)
    assert terminal_pairs(grammar) == {("A", "A"), ("A", None)}
    for analysis in (trim, terminal_pairs):
        with pytest.raises(LimitExceeded, match="depth"):
            analysis(made(start=nested(MAX_DEPTH + 1)))
