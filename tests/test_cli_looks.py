"""The commands that look at grammars: inspect, mask, draw."""

from __future__ import annotations

import shutil

import pytest
from test_cli import flat, run  # noqa: F401

from constrain import cli

pytestmark = pytest.mark.usefixtures("run")


def test_inspect_prints_the_report(run, tmp_path):  # noqa: F811
    path = tmp_path / "sums.lark"
    path.write_text('start: start "+" start | "x"\nunused: "y"')
    code, out, _ = run("inspect", "--grammar", str(path))
    assert code == 0
    assert "never reached: unused" in out
    assert 'ambiguous: "x+x+x" is both' in out
    assert run("inspect", "--regex", "[ab]{3}")[1].startswith("regular: 1 rules\nstates: 4;")


def test_mask_lists_tokens(run):  # noqa: F811
    code, out, err = run("mask", "tr", "--regex", "true|trust|yes")
    assert code == 0
    rows = [line.split("\t") for line in out.splitlines()]
    assert all(token_id.isdigit() for token_id, _ in rows)
    assert '"u"' in [shown for _, shown in rows]
    assert all(shown[1:-1] in ("u", "ue", "us", "ust") for _, shown in rows)
    assert 'expected: "ue", "ust"' in err
    code, out, _ = run("mask", "true", "--regex", "true|trust|yes")
    assert out.split("\t")[1] == "the end of the text\n"


def test_mask_is_cut_short_and_says_so(run):  # noqa: F811
    _, out, err = run("mask", "--regex", "[a-z]+", "--most", "3")
    assert len(out.splitlines()) == 3
    assert "more, see --most" in flat(err)


def test_mask_after_a_text_that_does_not_fit(run):  # noqa: F811
    code, out, _ = run("mask", "tx", "--regex", "true")
    assert code == 1
    assert out.splitlines() == ["does not fit", "  tx", "   ^", 'expected: "rue"']


def test_draw_writes_a_graph(run, tmp_path):  # noqa: F811
    path = tmp_path / "g.dot"
    assert run("draw", "--regex", "a*", "--out", str(path))[0] == 0
    assert path.read_text().startswith("digraph {")
    code, _, err = run("draw", "--regex", "a*", "--rule", "x", "--out", str(path))
    assert code == 2
    assert 'no rule "x"' in err
    assert run("draw", "--regex", "a*", "--out", str(tmp_path / "g.png"))[0] == 2


def test_draw_calls_graphviz_or_says_that_it_is_missing(run, tmp_path, monkeypatch):  # noqa: F811
    path = tmp_path / "g.svg"
    monkeypatch.setattr(shutil, "which", lambda name: None)
    code, _, err = run("draw", "--regex", "a*", "--out", str(path))
    assert code == 2
    assert "Graphviz" in err
    monkeypatch.setattr(shutil, "which", lambda name: "/bin/dot")
    calls = []
    monkeypatch.setattr(cli.subprocess, "run", lambda command, **options: calls.append(command))
    assert run("draw", "--regex", "a*", "--out", str(path))[0] == 0
    assert calls == [["/bin/dot", "-Tsvg", "-o", str(path)]]
