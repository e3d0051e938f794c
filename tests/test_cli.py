"""The command line, from its arguments to its exit code."""

from __future__ import annotations

import io
import json
import re
import sys

import jsonschema
import pytest

import constrain
from constrain import cli


@pytest.fixture
def run(capsys, monkeypatch):
    """Call the command line: (exit code, stdout, stderr)."""

    def call(*arguments: str, stdin: bytes = b"") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["constrain", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        with pytest.raises(SystemExit) as stopped:
            cli.main()
        out, err = capsys.readouterr()
        return int(stopped.value.code or 0), out, err

    return call


def flat(text: str) -> str:
    """Without boxes and line breaks that depend on the width of the terminal."""
    return re.sub(r"[\s│╭╮╰╯─]+", " ", text)


@pytest.fixture(scope="module", autouse=True)
def _compiled_kernels():
    """Compiled before, or the first command would say what takes so long."""
    bytes_alone = [*(bytes([i]) for i in range(256)), None]
    constraint = constrain.compile(constrain.regex("a"), constrain.Vocabulary(bytes_alone, [256]))
    constraint.mask(constraint.init())
    constraint.matches("a")


# check


def test_check_accepts_a_text_that_fits(run):
    assert run("check", "2026-11-22", "--regex", r"\d{4}-\d\d-\d\d") == (0, "fits\n", "")


def test_check_reads_stdin_less_one_newline(run):
    assert run("check", "--regex", "a+", stdin=b"aaa\n")[0] == 0
    assert run("check", "--regex", "a+", stdin=b"aaa\n\n")[0] == 1


def test_check_shows_the_first_byte_that_does_not_fit(run):
    code, out, _ = run("check", "2026-1x-22", "--regex", r"\d{4}-\d\d-\d\d")
    assert code == 1
    lines = out.splitlines()
    assert lines[:3] == ["does not fit", "  2026-1x-22", "        ^"]
    assert lines[3].startswith("expected: ")


def test_check_points_at_characters_not_bytes(run):
    code, out, _ = run("check", "größe: 1x", "--regex", r"größe: \d+")
    assert code == 1
    assert out.splitlines()[1:3] == ["  größe: 1x", "          ^"]
    assert "the end of the text" in out


def test_check_shows_a_character_whose_later_byte_does_not_fit(run):
    code, out, _ = run("check", "caf\u00e8", "--regex", "caf\u00e9")
    assert code == 1
    assert out.splitlines()[2] == "     ^"


def test_check_says_when_the_text_ends_too_early(run):
    code, out, _ = run("check", '{"a": [1, 2', "--library", "json")
    assert code == 1
    assert out.splitlines()[:3] == [
        "does not fit yet: the text ends too early",
        '  {"a": [1, 2',
        "             ^",
    ]


def test_check_names_line_and_column_of_longer_texts(run):
    _, out, _ = run("check", "--library", "json", stdin=b'{\n  "a": 1,\n}\n')
    assert "(line 3, column 1)" in out


def test_check_reads_schema_files(run, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"type": "array", "items": {"type": "integer"}}')
    assert run("check", "[1, 2]", "--schema", str(path))[0] == 0
    assert run("check", '[1, "2"]', "--schema", str(path))[0] == 1


def test_check_reads_grammar_files(run, tmp_path):
    path = tmp_path / "nested.lark"
    path.write_text('start: "(" start ")" | "x"')
    assert run("check", "((x))", "--grammar", str(path))[0] == 0
    assert run("check", "((x)", "--grammar", str(path))[0] == 1


# what is wrong with a command or a spec


def test_exactly_one_spec(run):
    for arguments in (["x"], ["x", "--regex", "x", "--library", "json"]):
        code, _, err = run("check", *arguments)
        assert code == 2
        assert "exactly one of --schema, --regex, --grammar, --library" in flat(err)


def test_a_wrong_pattern_is_a_message_with_a_caret(run):
    code, out, err = run("check", "x", "--regex", "id-(a|b")
    assert (code, out) == (2, "")
    assert err.startswith("RegexSyntaxError: ")
    assert "Traceback" not in err
    assert "  id-(a|b\n     ^" in err


def test_an_unsupported_keyword_is_named_with_its_place(run, tmp_path):
    path = tmp_path / "schema.json"
    path.write_text('{"properties": {"a": {"uniqueItems": true}}}')
    code, _, err = run("check", "{}", "--schema", str(path))
    assert code == 2
    assert "uniqueItems" in err
    assert "/properties/a" in err


def test_markup_in_a_pattern_is_text(run):
    code, _, err = run("check", "x", "--regex", "[bold](")
    assert code == 2
    assert "[bold](" in err


def test_files_that_are_not_utf8(run, tmp_path):
    path = tmp_path / "bad.lark"
    path.write_bytes(b'start: "\xff"')
    code, _, err = run("check", "x", "--grammar", str(path))
    assert code == 2
    assert "not UTF-8: byte 8" in err


def test_unknown_grammar_endings(run, tmp_path):
    path = tmp_path / "grammar.txt"
    path.write_text('start: "x"')
    code, _, err = run("check", "x", "--grammar", str(path))
    assert code == 2
    assert "grammar.txt" in flat(err)


def test_a_missing_library_of_models_is_a_message(run, monkeypatch):
    def load(name):
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(cli, "load", load)
    code, _, err = run("generate", "--regex", "a")
    assert code == 2
    assert "pip install 'constrain[hf]'" in err


# generate


def test_generate_writes_texts_that_fit_and_repeats_them(run):
    pattern = r"[A-Z]{2}-\d{4}"
    code, out, _ = run("generate", "--regex", pattern, "--n", "3", "--seed", "7")
    assert code == 0
    assert [bool(re.fullmatch(pattern, line)) for line in out.splitlines()] == [True] * 3
    assert run("generate", "--regex", pattern, "--n", "3", "--seed", "7")[1] == out
    assert run("generate", "--regex", pattern, "--n", "3", "--seed", "8")[1] != out


def test_generate_fits_a_schema(run, tmp_path):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    path = tmp_path / "person.json"
    path.write_text(json.dumps(schema))
    prompt = "Person as JSON with keys name, age:\n"
    code, out, _ = run("generate", "--schema", str(path), "--prompt", prompt, "--greedy")
    assert code == 0
    jsonschema.validate(json.loads(out), schema)


def test_generate_says_when_a_text_was_cut_short(run):
    code, out, err = run("generate", "--regex", "[a-z]{500}", "--max-tokens", "5")
    assert code == 1
    assert 0 < len(out.strip()) < 500
    assert "1 of 1 cut short after 5 tokens" in err


def test_generate_streams_to_a_terminal(run, monkeypatch):
    pieces: list[str] = []
    put = cli.TokenPrinter.put

    def spy(self, value):
        put(self, value)
        pieces.append(str(value.shape))

    monkeypatch.setattr(cli.TokenPrinter, "put", spy)
    monkeypatch.setattr(cli, "is_terminal", lambda: True)
    code, out, _ = run("generate", "--regex", "[a-z]{12}", "--seed", "1")
    assert code == 0
    assert re.fullmatch("[a-z]{12}\n", out)
    assert len(pieces) > 3


def test_streamed_characters_are_never_cut():
    import constrain

    tokens = [bytes([b]) for b in range(256)] + [None]
    written: list[str] = []
    printer = cli.TokenPrinter(constrain.Vocabulary(tokens, [256]), written.append, lambda: None)

    class Ids(list):
        def flatten(self):
            return self

        def tolist(self):
            return list(self)

    printer.put(Ids([1, 2, 3]))  # the prompt
    for byte in "é€".encode():
        printer.put(Ids([byte]))
    printer.put(Ids([256]))
    printer.end()
    assert "".join(written) == "é€\n"
    assert "�" not in "".join(written)


# warmup and progress


def test_explain_shows_each_step_and_writes_a_page(run, tmp_path):
    schema, page = tmp_path / "schema.json", tmp_path / "page.html"
    schema.write_text(json.dumps({"enum": [17, 19, "[bold]"]}))
    arguments = ["--schema", str(schema), "--prompt", "Age as JSON:", "--html", str(page)]
    code, out, _ = run("explain", *arguments, "--greedy")
    assert code == 0
    header, *steps, total = out.splitlines()
    assert re.split(r"  +", header.strip())[:3] == ["token", "log-mass", "taken"]
    assert total.startswith("log-weight -")
    assert total.endswith(f"over {len(steps)} steps")
    assert "head" in out or "neuron" in out
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_explain_says_when_the_text_was_cut_short(run):
    code, _, err = run("explain", "--regex", "a{30}", "--max-tokens", "2")
    assert code == 1
    assert "cut short after 2 tokens" in err


def test_warmup(run):
    code, out, err = run("warmup")
    assert (code, out) == (0, "")
    assert re.search(r"ready: 1,0\d\d tokens", err)


def test_progress_speaks_only_after_a_while(capsys):
    with cli.progress("quick"):
        pass
    with cli.progress("slow", after=0):
        import time

        time.sleep(0.05)
    _, err = capsys.readouterr()
    assert "quick" not in err
    assert "slow ..." in err
