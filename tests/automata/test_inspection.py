"""What a look at a grammar tells: dead rules, recursion, ambiguity, collisions, white space."""

from __future__ import annotations

from itertools import combinations

import interegular
import pytest
from hypothesis import given, settings, strategies as st
from oracles import cyk
from strategies_cfg import grammars

import constrain
from constrain.automata import ambiguity
from constrain.automata.ambiguity import Atom, Tree, show
from constrain.automata.inspection import Report, inspect
from constrain.automata.productions import Productions, productions
from constrain.errors import EmptyLanguage, SpecError
from constrain.syntax.combinators import ref, rules
from constrain.syntax.grammar import Call, Grammar

DANGLING = constrain.cfg(
    r"""
    start: "if" e "then" start ["else" start] | NAME "=" e
    e: e "+" t | t
    t: NAME | "(" e ")"
    unused: "x"
    NAME: /[a-z]+/
    %ignore /\s+/
    """
)


def test_rules_without_use_or_text():
    dead = constrain.cfg('start: a | b\na: "x" a\nb: "y"\nc: b', lexer="scannerless")
    report = inspect(dead)
    assert report.unproductive == ("a",)
    assert report.unreachable == ("c",)
    assert not report.is_empty
    assert inspect(constrain.literal("a") & "b").is_empty
    assert str(inspect(constrain.literal("a") & "b")) == "no text fits it"


def test_left_recursion_direct_indirect_and_hidden():
    found = inspect(rules(s=ref("a") + "x" | "y", a=ref("n") + ref("s"), n=constrain.regex("z?")))
    assert found.left_recursive == (("a", "s"),)
    assert inspect(DANGLING).left_recursive == (("e",),)
    assert inspect(constrain.json()).left_recursive == ()


def test_collisions():
    found = inspect(DANGLING).collisions
    assert {(c.winner, c.loser, c.example) for c in found} == {
        ("IF", "NAME", b"if"),
        ("THEN", "NAME", b"then"),
        ("ELSE", "NAME", b"else"),
    }


PATTERNS = ["[ab]+", "a?b?", "(ab)*c", "[a-c]{2,3}", "a|bc|cc", "[^a]b*", "(a|b)(b|c)", "ca*"]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(PATTERNS), min_size=2, max_size=4, unique=True))
def test_collisions_agree_with_interegular(patterns: list[str]):
    named = {f"T{i}": f"x{pattern}" for i, pattern in enumerate(patterns)}
    lines = [f"{name}: /{pattern}/" for name, pattern in named.items()]
    grammar = constrain.cfg("\n".join([f"start: {' | '.join(named)}", *lines]))
    found = {frozenset((c.winner, c.loser)): c.example for c in inspect(grammar).collisions}
    machines = {n: interegular.parse_pattern(p).to_fsm() for n, p in named.items()}
    for a, b in combinations(named, 2):
        meet = not (machines[a] & machines[b]).empty()
        assert (frozenset((a, b)) in found) == meet
        if meet:
            example = found[frozenset((a, b))].decode()
            assert machines[a].accepts(example)
            assert machines[b].accepts(example)


@pytest.mark.parametrize(
    ("grammar", "loops"),
    [
        (constrain.regex(r"a\s*b"), ("rule start",)),
        (constrain.regex(r"a\s{0,9}b *c{2}"), ("rule start",)),
        (constrain.regex(r"a\s{0,9}b"), ()),
        (constrain.regex(r"[a ]*"), ()),
        (constrain.cfg('start: "a" ws*\nws: " "\nb: ws', lexer="scannerless"), ()),
        (constrain.cfg('start: "a" " "* "b"', lexer="scannerless"), ("rule start",)),
        (DANGLING, ("__IGNORE_0, which is ignored",)),
        (
            constrain.cfg('start: "a"\n%ignore /#.*/'),
            ("__IGNORE_0, which is ignored (not only white space)",),
        ),
        (constrain.json_schema({"type": "array"}), ()),
    ],
)  # fmt: skip
def test_white_space_without_end(grammar: Grammar, loops: tuple[str, ...]):
    assert inspect(grammar).blank_loops == loops


# ------------------------------------------------------------------ ambiguity


def test_an_ambiguous_text_and_its_derivations():
    report = inspect(rules(e=ref("e") + "+" + ref("e") | "x"))
    assert report.ambiguous_text == b"x+x+x"
    assert report.ambiguity is not None
    assert sorted(map(show, report.ambiguity.derivations)) == [
        'e(e("x") "+" e(e("x") "+" e("x")))',
        'e(e(e("x") "+" e("x")) "+" e("x"))',
    ]
    dangling = inspect(DANGLING)
    assert dangling.ambiguous_text == b"if a then if a then a = a else a = a".replace(b" ", b"\t")


@pytest.mark.parametrize(
    "grammar",
    [constrain.json(), constrain.library("arithmetic"), constrain.regex("(a|a)*")],
)
def test_proved_unambiguous(grammar: Grammar):
    report = inspect(grammar)
    assert report.is_unambiguous
    assert report.ambiguity is None
    assert str(report).endswith("\nunambiguous")


def test_nothing_found():
    report = inspect(constrain.cfg('start: "a" start "a" | "a"', lexer="scannerless"), max_length=9)
    assert not report.is_unambiguous
    assert report.ambiguity is None
    assert report.unambiguous_up_to == 9
    assert str(report).endswith("no ambiguous text of up to 9 bytes")


def n_derivations(flat: Productions, symbol: int, text: bytes, budget: int = 12) -> int:
    """How many derivations of at most `budget` levels: every way to split, tried."""
    if budget == 0:
        return 0
    total = 0
    for row in flat.rows[symbol]:
        n = len(row.bytes)
        head = text[:n]
        if len(head) < n or not all(m >> b & 1 for m, b in zip(row.bytes, head, strict=True)):
            continue
        total += n_ways(flat, row.rest, text[n:], budget - 1)
    return total


def n_ways(flat: Productions, rest: tuple[int, ...], text: bytes, budget: int) -> int:
    if not rest:
        return int(not text)
    return sum(
        n_derivations(flat, rest[0], text[:i], budget) * n_ways(flat, rest[1:], text[i:], budget)
        for i in (range(len(text) + 1) if len(rest) > 1 else [len(text)])
    )


@settings(max_examples=60, deadline=None)
@given(grammars(max_rules=3))
def test_ambiguities_are_real(grammar: Grammar):
    try:
        report = inspect(grammar, max_length=4, max_steps=3000)
    except EmptyLanguage:
        return
    found = report.ambiguity
    if found is not None:
        first, second = found.derivations
        assert first != second
        assert leaves(first) == leaves(second) == (report.ambiguous_text or b"")
        texts = cyk.language(grammar.rules, Call("start"), len(report.ambiguous_text or b""))
        assert report.ambiguous_text in texts


def leaves(tree: Tree | bytes | Atom) -> bytes:
    if isinstance(tree, bytes):
        return tree
    assert not isinstance(tree, Atom)
    return b"".join(map(leaves, tree[1]))


@settings(max_examples=60, deadline=None)
@given(grammars(max_rules=3))
def test_ambiguities_are_the_shortest(grammar: Grammar):
    flat = productions(grammar.rules, "start")
    if flat.least[flat.start] > 3:
        return
    found, up_to = ambiguity.search(flat, 2, 3000)
    shortest = len(found.text[0]) if found and found.text else (0 if found else up_to + 1)
    for text in cyk.words(min(shortest - 1, 2)):
        assert n_derivations(flat, flat.start, text, budget=7) <= 1


# ------------------------------------------------------------------ the report


def test_sizes():
    assert inspect(constrain.regex("[ab]{3}")).n_states == 4
    assert inspect(constrain.regex("[ab]{3}")).is_regular
    huge = inspect(constrain.regex("(a|b)*a(a|b){20}"))
    assert huge.n_states is None
    assert "too many" in str(huge)
    assert not inspect(constrain.json()).is_regular


def test_a_report_reads_well():
    assert str(inspect(DANGLING)).splitlines()[:6] == [
        "context-free: 3 rules, 9 terminals",
        "states: 73, at each depth of nesting; 0.1 MB if all are visited",
        "never reached: unused",
        "left recursion: e",
        "white space without end in: __IGNORE_0, which is ignored",
        'collision: "if" is IF, though NAME matches it too',
    ]


def test_all_kinds_of_grammars_can_be_inspected():
    schema = {"type": "object", "properties": {"a": {"type": "string"}}}
    for grammar in (
        constrain.json_schema(schema),
        constrain.choice(["a", "b"]),
        constrain.library("sql"),
        constrain.library("json").scannerless() + "x",
    ):
        assert isinstance(inspect(grammar), Report)
    with pytest.raises(SpecError):
        inspect(ref("x"))
