"""Left recursion and empty calls go, the language stays."""

from __future__ import annotations

import time
from collections.abc import Hashable, Mapping

import pytest
from hypothesis import given, settings
from oracles.cyk import language
from strategies_cfg import grammars

from constrain.automata.analysis import is_nullable, left_calls, nullable, prune
from constrain.automata.empty_calls import Nonempty
from constrain.automata.left_recursion import Climb, Straightened, remove
from constrain.automata.rule_graph import MAX_DEPTH, calls, cyclic, walk
from constrain.errors import LimitExceeded
from constrain.syntax.grammar import (
    EMPTY,
    NEVER,
    Call,
    Choice,
    Expr,
    Grammar,
    JsonObject,
    Lexeme,
    Literal,
    Regular,
    Repeat,
    Sequence,
    Space,
)

A, B, X = Literal(b"a"), Literal(b"b"), Literal(b"x")
START, P, Q, R = (Call(name) for name in ("start", "p", "q", "r"))


def seq(*items: Expr) -> Expr:
    return Sequence(items)


def alt(*items: Expr) -> Expr:
    return Choice(items)


def made(**rules: Expr) -> Grammar:
    return Grammar(key=None, rules=rules, start="start")


def check(grammar: Grammar, longest: int = 7) -> Straightened:
    """Every promise of `remove`, on one grammar."""
    result = remove(grammar.rules, grammar.start)
    left = {name: left_calls(expr, nullable(result.rules)) for name, expr in result.rules.items()}
    assert cyclic(left) == []
    assert nullable(result.rules) == set()
    for expr in (*result.rules.values(), result.start):
        repeats = [part for part in walk(expr) if isinstance(part, Repeat)]
        assert not any(is_nullable(part.item, set()) for part in repeats)
        assert set(calls(expr)) <= result.rules.keys()
    expected = language(grammar.rules, Call(grammar.start), longest)
    assert language(result.rules, result.start, longest) == expected
    return result


@settings(max_examples=300, deadline=None)
@given(grammars())
def test_the_language_stays_and_the_promises_hold(grammar: Grammar):
    check(grammar)


@settings(max_examples=60, deadline=None)
@given(grammars(max_rules=3))
def test_a_second_removal_changes_nothing(grammar: Grammar):
    once = remove(grammar.rules, grammar.start)
    again = remove({**once.rules, "begin": seq(A, once.start)}, "begin")
    assert {name: again.rules[name] for name in once.rules} == dict(once.rules)
    assert all(again.rules[name] is once.rules[name] for name in once.rules)


CASES: Mapping[str, Grammar] = {
    "direct": made(start=alt(seq(START, A), B)),
    "direct, in the middle too": made(start=alt(seq(START, A, START), B)),
    "doubled": made(start=alt(seq(START, START), A)),
    "doubled, and empty": made(start=alt(seq(START, START), A, EMPTY)),
    "mutual": made(start=alt(seq(P, A), B), p=alt(seq(START, B), A)),
    "mutual with another goal": made(start=alt(seq(P, A), B, seq(A, P)), p=alt(seq(START, B), A)),
    "three in a ring": made(start=alt(seq(P, A), B), p=alt(seq(Q, B), A), q=alt(START, A)),
    "hidden": made(start=alt(seq(P, START, A), B), p=alt(B, EMPTY)),
    "hidden by a repetition": made(start=alt(seq(Repeat(A, 0, None), START, A), B)),
    "hidden by a regular leaf": made(start=alt(seq(Space(), START, A), B)),
    "unit cycle": made(start=alt(P, A), p=alt(START, B)),
    "unit cycle with tails": made(start=alt(P, seq(P, A)), p=alt(START, B, seq(START, B))),
    "self": made(start=alt(START, A)),
    "nothing but the empty text": made(start=seq(P, P), p=alt(seq(P, P), EMPTY)),
    "calls of what is only empty": made(start=seq(P, A, P), p=seq(Q, Q), q=EMPTY),
    "begins inside a repetition": made(start=Repeat(alt(seq(START, A), B), 1, 3)),
    "a repeated empty": made(start=Repeat(Repeat(A, 0, 1), 2, None)),
    "a repeated empty, elsewhere untouched": made(start=seq(A, Repeat(Repeat(B, 0, 1), 2, None))),
    "nothing at all": made(start=seq(START, A)),
    "a dead end beside": made(start=alt(A, seq(P, A)), p=seq(P, B)),
    "a dead end behind": made(start=alt(A, P), p=seq(B, Q), q=seq(Q, B)),
}


@pytest.mark.parametrize("name", CASES)
def test_known_shapes(name: str):
    check(CASES[name])


def test_a_single_left_recursive_rule_becomes_a_repetition():
    result = remove(made(start=alt(seq(START, A), seq(START, B), X)).rules, "start")
    assert result.rules == {"start": seq(X, Repeat(alt(A, B), 0, None))}
    assert result.start == START


def test_a_nullable_rule_is_called_as_its_nonempty_part_or_nothing():
    result = remove(made(start=seq(A, P), p=alt(B, EMPTY)).rules, "start")
    part = Nonempty("p")
    assert result.rules == {"start": seq(A, alt(Call(part), EMPTY)), part: B}


def test_the_start_expression_says_whether_the_start_is_nullable():
    result = remove(made(start=Repeat(A, 0, 2)).rules, "start")
    assert result.start == alt(Call(Nonempty("start")), EMPTY)
    assert result.rules == {Nonempty("start"): Repeat(A, 1, 2)}


def test_mutual_recursion_climbs_and_in_order():
    result = remove(CASES["mutual"].rules, "start")
    from_start, from_p = (Call(Climb("start", at)) for at in ("start", "p"))
    expected = {
        "start": alt(seq(B, from_start), B, seq(A, from_p)),
        from_p.rule: seq(A, alt(from_start, EMPTY)),
        from_start.rule: seq(B, from_p),
    }  # p is gone: it was only ever called to begin with
    assert language(expected, expected["start"], 6) == language(result.rules, result.start, 6)
    assert list(result.rules) == list(expected)


def test_space_at_the_head_becomes_a_class_of_white_space():
    result = remove(made(start=seq(A, P), p=seq(Space(3), Repeat(B, 0, 1))).rules, "start")
    head = result.rules[Nonempty("p")].items[0].items[0]
    assert isinstance(head, Regular)
    assert language({}, head, 4, b" a") == {b" " * n for n in (1, 2, 3)}


def test_other_leaves_pass():
    inner = JsonObject((("k", Call("v"), True),), other=None)
    rules = made(start=alt(seq(START, Lexeme("T")), inner), v=Repeat(Lexeme("T"), 0, 1)).rules
    result = remove(rules, "start")
    value = alt(Call(Nonempty("v")), EMPTY)
    assert result.rules["start"] == seq(
        JsonObject((("k", value, True),), other=None), Repeat(Lexeme("T"), 0, None)
    )


def test_untouched_rules_stay_the_same_objects():
    rules = made(
        start=alt(seq(P, A), Q), p=seq(A, alt(Q, B)), q=alt(seq(Q, A), B), r=Repeat(A, 0, 1)
    ).rules
    result = remove(rules, "start")
    assert result.rules["start"] is rules["start"]
    assert result.rules["p"] is rules["p"]
    assert result.rules["q"] is not rules["q"]
    assert "r" not in result.rules


def test_dead_branches_stay_where_nothing_else_changes():
    rules = made(start=alt(A, seq(B, NEVER))).rules
    assert remove(rules, "start").rules["start"] is rules["start"]
    assert prune(rules["start"], set()) == A


def test_passing_through_is_fast():
    rules: dict[Hashable, Expr] = {
        i: alt(seq(A, Call(i + 1), B, Repeat(Call(i + 2), 0, None)), seq(B, Call(i // 2)))
        for i in range(3000)
    }
    rules[3000] = rules[3001] = A
    begin = time.perf_counter()
    result = remove(rules, 0)
    assert time.perf_counter() - begin < 1.0  # measured: 0.06 s
    assert all(result.rules[name] is expr for name, expr in rules.items())


def test_a_long_left_recursive_ring_has_a_budget():
    n = 60
    rules: dict[Hashable, Expr] = {
        i: alt(seq(Call((i + 1) % n), A), seq(B, Call((i + 7) % n)), A) for i in range(n)
    }
    assert len(remove(rules, 0).rules) > n
    with pytest.raises(LimitExceeded, match="left recursion"):
        remove(rules, 0, max_rules=100)


def test_deep_expressions_work_up_to_the_limit():
    def nested(depth: int) -> Expr:
        expr: Expr = alt(P, A)
        for i in range(depth // 2 - 2):
            expr = Repeat(seq(expr, A), 0, None) if i % 2 else alt(seq(B, B), seq(expr, B))
        return expr

    deep = made(start=seq(nested(MAX_DEPTH // 3), A), p=alt(seq(START, B), EMPTY))
    remove(deep.rules, "start")
    with pytest.raises(LimitExceeded, match="depth"):
        remove(made(start=nested(3 * MAX_DEPTH), p=A).rules, "start")


def test_long_chains_of_rules_are_no_matter():
    n = 20_000
    rules: dict[Hashable, Expr] = {i: alt(Call(i + 1), seq(Call(i + 2), A)) for i in range(n)}
    rules[n], rules[n + 1] = Repeat(A, 0, 1), B
    assert len(remove(rules, 0).rules) == n + 2


def test_a_long_ring_of_unit_rules():
    n = 400
    rules: dict[Hashable, Expr] = {i: Call((i + 1) % n) for i in range(n)}
    rules[n // 2] = alt(seq(Call(0), A), B, Call(n // 2 + 1))
    result = remove(rules, 0)
    assert language(result.rules, result.start, 3) == {b"b", b"ba", b"baa"}
