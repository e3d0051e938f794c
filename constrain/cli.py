"""The command line: `constrain generate`, `check`, `inspect`, `mask`, `draw`, `explain`, `warmup`.

A thin face. Texts go to stdout, everything else to stderr. Exit codes: 0, it worked, the text
fits; 1, the text does not fit or was cut short; 2, the command or the spec is wrong.
"""

from __future__ import annotations

import codecs
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

import constrain
from constrain.errors import ConstrainError, SpecError, TokenRejected, Unsupported

if TYPE_CHECKING:
    from constrain import Grammar, Vocabulary
    from constrain.hf.introspection import RunReport
    from constrain.tokens.rows import Mask

app = typer.Typer(
    help="Text that fits: a JSON Schema, a regular expression or a grammar, exactly.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
notes = Console(stderr=True, highlight=False)

_SPEC = "What the text must fit (exactly one)"
_FILE: dict[str, Any] = {"metavar": "FILE", "exists": True, "dir_okay": False}

SchemaFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="A JSON Schema.", rich_help_panel=_SPEC, **_FILE)
]
Pattern: TypeAlias = Annotated[
    str | None,
    typer.Option(help="A regular expression.", rich_help_panel=_SPEC, metavar="PATTERN"),
]
GrammarFile: TypeAlias = Annotated[
    Path | None, typer.Option(help="A grammar (.lark).", rich_help_panel=_SPEC, **_FILE)
]
LibraryName: TypeAlias = Annotated[
    str | None,
    typer.Option(
        help="A grammar that comes with the package.", rich_help_panel=_SPEC, metavar="NAME"
    ),
]
ModelName: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="NAME", help="A folder or hub id; the built-in model by default."),
]


@app.command()
def generate(
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
    model: ModelName = None,
    n: Annotated[int, typer.Option("--n", min=1, help="How many texts.")] = 1,
    prompt: Annotated[str, typer.Option(help="What the model reads first.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same texts.")] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens per text at the most.")] = 256,
    greedy: Annotated[bool, typer.Option(help="Take the likeliest token each time.")] = False,
) -> None:
    """Write texts that fit."""
    spec = read_spec(schema, regex, grammar, library)
    language_model, tokenizer, vocabulary = load(model)
    with progress("compiling"):
        constraint = constrain.compile(spec, vocabulary)
    options: dict[str, Any] = {"max_new_tokens": max_tokens, "do_sample": not greedy}
    streaming = n == 1 and is_terminal()
    if streaming:
        options["streamer"] = TokenPrinter(vocabulary, sys.stdout.write, sys.stdout.flush)
    if not greedy:
        options["top_k"] = 0

    from constrain.hf import pretrained

    pretrained.set_seed(seed)
    with progress("writing", unless=streaming):
        prompts = [prompt] * n
        out = constrain.hf.generate(language_model, tokenizer, prompts, constraint, **options)
    if not streaming:
        for text in out.texts:
            print(text)
    n_cut = sum(not finished for finished in out.finished)
    if n_cut:
        notes.print(f"{n_cut} of {n} cut short after {max_tokens} tokens; see --max-tokens")
        raise typer.Exit(1)


@app.command()
def check(
    text: Annotated[str | None, typer.Argument(help="The text; read from stdin if absent.")] = None,
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
) -> None:
    """Does a text fit? If not: where it goes wrong, and what was expected there.

    One newline at the end of stdin is not part of the text.
    """
    spec = read_spec(schema, regex, grammar, library)
    if text is None:
        data = sys.stdin.buffer.read().removesuffix(b"\n")
    else:
        data = os.fsencode(text)
    with progress("checking"):
        constraint = constrain.compile(spec, byte_vocabulary())
        fault = constraint.explain_text(data)
    print(fault.message if fault else "fits")
    if fault:
        raise typer.Exit(1)


@app.command()
def explain(
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
    model: ModelName = None,
    prompt: Annotated[str, typer.Option(help="What the model reads first.")] = "",
    seed: Annotated[int, typer.Option(help="The same seed gives the same text.")] = 0,
    max_tokens: Annotated[int, typer.Option(min=1, help="Tokens of the text at the most.")] = 64,
    greedy: Annotated[bool, typer.Option(help="Take the likeliest token each time.")] = False,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="A page for a browser.")] = None,
) -> None:
    """Write a text and show what the grammar did to it, step by step.

    How much probability it took, from which tokens, from which layer on the model was ahead of
    them by itself, and which heads and neurons pushed against the grammar.
    """
    spec = read_spec(schema, regex, grammar, library)
    language_model, tokenizer, _ = load(model)

    from constrain.hf import introspection, pretrained

    pretrained.set_seed(seed)
    options: dict[str, Any] = {"max_new_tokens": max_tokens, "do_sample": not greedy}
    if not greedy:
        options["top_k"] = 0
    with progress("writing"):
        report = introspection.explain_generation(
            language_model, tokenizer, prompt, spec, **options
        )
    if html is not None:
        html.write_text(introspection.html_page(report), encoding="utf-8")
    width = None if is_terminal() else 200
    Console(width=width, highlight=False).print(steps_table(report))
    print(f"log-weight {report.log_weight:.3f} nats over {len(report.steps)} steps")
    if not report.finished:
        notes.print(f"cut short after {max_tokens} tokens; see --max-tokens")
        raise typer.Exit(1)


@app.command()
def inspect(
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
) -> None:
    """Look a grammar over: dead rules, recursion, ambiguity, collisions, its size."""
    spec = read_spec(schema, regex, grammar, library)
    with progress("inspecting"):
        report = constrain.inspect(spec)
    print(report)


@app.command()
def mask(
    text: Annotated[str, typer.Argument(help="What has been written so far.")] = "",
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
    model: ModelName = None,
    most: Annotated[int, typer.Option(min=1, help="Tokens that are listed at the most.")] = 50,
) -> None:
    """What may come next: the tokens of a model, with their ids, shorter ones first."""
    spec = read_spec(schema, regex, grammar, library)
    _, _, vocabulary = load(model)
    with progress("compiling"):
        constraint = constrain.compile(spec, vocabulary)
    try:
        state = constraint.advance_bytes(constraint.init(), os.fsencode(text))
    except TokenRejected:
        fault = constraint.explain_text(os.fsencode(text))
        print(fault.message if fault else "does not fit")
        raise typer.Exit(1) from None
    tokens = allowed_tokens(constraint.mask(state), vocabulary)
    for token_id, shown in tokens[:most]:
        print(f"{token_id}\t{shown}")
    more = f"; {len(tokens) - most:,} more, see --most" if len(tokens) > most else ""
    notes.print(f"{len(tokens):,} of {len(vocabulary):,} tokens{more}", markup=False)
    notes.print(f"expected: {', '.join(constraint.expected(state))}", markup=False)


@app.command()
def draw(
    schema: SchemaFile = None,
    regex: Pattern = None,
    grammar: GrammarFile = None,
    library: LibraryName = None,
    rule: Annotated[str | None, typer.Option(help="One rule, instead of the whole.")] = None,
    out: Annotated[Path, typer.Option(metavar="FILE", help="Ends in .svg or .dot.")] = Path(
        "grammar.svg"
    ),
) -> None:
    """Draw the automaton of a regular grammar, or a rule of any (SVG needs Graphviz)."""
    from constrain.automata.drawing import to_dot
    from constrain.decoding.explain import show_class

    spec = read_spec(schema, regex, grammar, library)
    with progress("drawing"):
        graph = to_dot(spec, show_class, rule)
        write_graph(graph, out)
    notes.print(f"wrote {out}", markup=False)


@app.command()
def warmup(model: ModelName = None) -> None:
    """Compile the kernels and build a model's vocabulary tables ahead of the first use."""
    with progress("compiling the kernels"):
        take_a_step(byte_vocabulary())
    _, _, vocabulary = load(model)
    with progress("building the vocabulary tables"):
        take_a_step(vocabulary)
    notes.print(f"ready: {len(vocabulary):,} tokens")


NEEDED_BY = {
    "jaxtyping": "introspection",
    "tokenizers": "hf",
    "torch": "hf",
    "transformers": "hf",
}  # module -> the extra that has it


def main() -> None:
    """Run the command line; what is wrong with a spec is a message, not a traceback."""
    try:
        app()
    except ConstrainError as error:
        fail(f"{type(error).__name__}: {error}")
    except ModuleNotFoundError as error:
        if error.name not in NEEDED_BY:
            raise
        extra = NEEDED_BY[error.name]
        fail(f"{error.name} is not installed; pip install 'constrain[{extra}]' brings it")


def fail(message: str) -> None:
    notes.print(message, markup=False, soft_wrap=True)
    sys.exit(2)


def steps_table(report: RunReport) -> Table:
    """The steps of a constrained run."""
    columns = ("token", "log-mass", "taken", "from", "ahead from layer", "against (layer.number)")
    table = Table(*columns, box=None)
    for step in report.steps:
        forbidden = [f"{share.text!r} {share.probability:.1%}" for share in step.top_forbidden[:3]]
        layer = "never" if step.overtakes_at is None else str(step.overtakes_at)
        pushes = [f"{p.kind} {p.layer}.{p.index} {p.nats:+.2f}" for p in step.against[:3]]
        cells = (
            repr(step.text),
            f"{step.log_mass:.3f}",
            f"{step.forbidden_mass:.1%}",
            "  ".join(forbidden),
            layer,
            "  ".join(pushes),
        )
        table.add_row(*map(Text, cells))  # texts may hold what looks like markup
    return table


def allowed_tokens(mask: Mask, vocabulary: Vocabulary) -> list[tuple[int, str]]:
    """(id, readable text) of the tokens of a mask: the end of the text, then shorter ones first."""
    from constrain.decoding.explain import END_OF_TEXT, quoted

    ids = [i for i in range(len(vocabulary)) if mask[i >> 5] >> (i & 31) & 1]
    ids.sort(key=lambda i: (len(vocabulary.tokens[i] or b""), i))
    ends = set(vocabulary.eos_token_ids)
    shown = (END_OF_TEXT if i in ends else quoted(vocabulary.tokens[i] or b"") for i in ids)
    return list(zip(ids, shown, strict=True))


def write_graph(graph: str, out: Path) -> None:
    """Write a graph as it is (.dot), or as Graphviz draws it (.svg)."""
    if out.suffix == ".dot":
        out.write_text(graph, encoding="utf-8")
        return
    if out.suffix != ".svg":
        raise typer.BadParameter(f"{out.name!r} ends neither in .svg nor in .dot")
    program = shutil.which("dot")
    if program is None:
        note = "install Graphviz, or write its input with --out FILE.dot"
        raise Unsupported("an SVG without the program dot", note=note)
    subprocess.run([program, "-Tsvg", "-o", str(out)], input=graph.encode(), check=True)


# --- specs


def read_spec(
    schema: Path | None, regex: str | None, grammar: Path | None, library: str | None
) -> Grammar:
    """The one spec that was given, read."""
    options = {"schema": schema, "regex": regex, "grammar": grammar, "library": library}
    given = {name: value for name, value in options.items() if value is not None}
    if len(given) != 1:
        raise typer.BadParameter("give exactly one of --schema, --regex, --grammar, --library")
    [(name, value)] = given.items()
    with progress("reading the spec"):
        return _READERS[name](value)


def _grammar_file(path: Path) -> Grammar:
    if path.suffix not in _SYNTAXES:
        raise typer.BadParameter(f"cannot tell from {path.name!r} how it is written; use .lark")
    return constrain.cfg(_text(path), syntax=_SYNTAXES[path.suffix])


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise SpecError(f"{path} is not UTF-8: byte {error.start} is {error.reason}") from None


_SYNTAXES = {".lark": "lark", ".gbnf": "gbnf"}

_READERS: dict[str, Callable[[Any], Grammar]] = {
    "schema": lambda path: constrain.json_schema(_text(path)),
    "regex": lambda pattern: constrain.regex(pattern),
    "grammar": _grammar_file,
    "library": lambda name: constrain.library(name),
}


# --- checking


def byte_vocabulary() -> Vocabulary:
    """Every byte as a token, and an end."""
    return constrain.Vocabulary([*(bytes([b]) for b in range(256)), None], eos_token_ids=[256])


# --- models


def load(name: str | None) -> tuple[Any, Any, Vocabulary]:
    """Model, tokenizer and vocabulary; the built-in model without a name."""
    with progress("loading the model"):
        from constrain.hf import pretrained

        pretrained.quiet()
        model, tokenizer = pretrained.load(name) if name else constrain.hf.demo_model()
        return model, tokenizer, constrain.hf.vocabulary(tokenizer, model)


def take_a_step(vocabulary: Vocabulary) -> None:
    """A mask and an advance in each kind of language, so that every kernel has run once."""
    samples: list[tuple[Grammar, bytes]] = [
        (constrain.json(), b'{"a": [1, "b"]}'),
        (constrain.regex(r"[^\n]{1,80}"), b"text"),
        (constrain.choice(["yes", "no"]), b"yes"),
        (constrain.library("arithmetic"), b"1 + (2 * 3)"),
    ]
    for grammar, data in samples:
        constraint = constrain.compile(grammar, vocabulary)
        state = constraint.init()
        for i in range(len(data)):
            constraint.mask(state)
            state = constraint.advance_bytes(state, data[i : i + 1])
        constraint.mask(state)
        constraint.forget()


def is_terminal() -> bool:
    return sys.stdout.isatty()


class TokenPrinter:
    """Writes text as its tokens come; what `generate` of transformers takes as a streamer."""

    def __init__(
        self, vocabulary: Vocabulary, write: Callable[[str], object], flush: Callable[[], object]
    ):
        self.tokens = vocabulary.tokens
        self.write, self.flush = write, flush
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.prompt_seen = False

    def put(self, value: Any) -> None:
        """Take token ids (a tensor); the first ones are the prompt."""
        if self.prompt_seen:
            data = b"".join(self.tokens[i] or b"" for i in value.flatten().tolist())
            self.write(self.decoder.decode(data))
            self.flush()
        self.prompt_seen = True

    def end(self) -> None:
        self.write(self.decoder.decode(b"", final=True) + "\n")
        self.flush()


# --- progress


@contextmanager
def progress(label: str, unless: bool = False, after: float = 1.0) -> Generator[None]:
    """Show `label` on stderr while the block runs, if it takes longer than `after` seconds."""
    if unless:
        yield
        return
    status = notes.status(f"{label} ...")

    def show() -> None:
        if notes.is_terminal:
            status.start()
        else:
            notes.print(f"{label} ...")

    timer = threading.Timer(after, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        timer.join()
        status.stop()
