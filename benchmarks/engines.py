"""Three engines behind one small interface. Each imports its package when it is made.

    engine = ENGINES["constrain"](vocabulary)    what a process does once
    compiled = engine.compile(spec)              a fresh compilation: nothing kept from earlier ones
    matcher = compiled.matcher()                 a new sequence; at most one is in use at a time
    matcher.mask()                               packed bits of the tokens that may come next
    matcher.advance(token)                       take a token; False if it is refused

`mask` and `advance` are plain callables, as near to the engine's own as can be, because some
calls take less than a microsecond. The peers' are bound in C; ours pay for a closure each.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any, Protocol

import numpy as np
from job import decode_tokens

Spec = dict[str, str]


@dataclass(frozen=True, slots=True)
class Matcher:
    mask: Callable[[], Any]
    advance: Callable[[int], Any]
    row: Any = None  # where the mask is written; None: `mask` returns it


class Compiled(Protocol):
    def matcher(self) -> Matcher: ...


class Engine(Protocol):
    def compile(self, spec: Spec) -> Compiled: ...
    def versions(self) -> str: ...


class Refused(Exception):
    """The engine does not take this spec."""


# --- constrain


class ConstrainCompiled:
    def __init__(self, constraint: Any):
        self.constraint = constraint

    def matcher(self) -> Matcher:
        c_mask, c_advance = self.constraint.mask, self.constraint.advance
        state = self.constraint.init()

        def mask() -> Any:
            return c_mask(state)

        def advance(token: int) -> None:
            nonlocal state
            state = c_advance(state, token)

        return Matcher(mask, advance)


class Constrain:
    def __init__(self, vocabulary: dict[str, Any]):
        import constrain

        self.package = constrain
        self.vocabulary = constrain.Vocabulary(decode_tokens(vocabulary), [vocabulary["eos"]])
        self.doors: dict[str, Callable[[str], Any]] = {
            "json": lambda _: constrain.json(),
            "json_schema": constrain.json_schema,
            "regex": constrain.regex,
            "lark": constrain.cfg,
        }

    def compile(self, spec: Spec) -> ConstrainCompiled:
        try:
            grammar = self.doors[spec["kind"]](spec.get("text", ""))
            return ConstrainCompiled(self.package.compile(grammar, self.vocabulary))
        except self.package.ConstrainError as error:
            raise Refused(str(error)) from error

    def versions(self) -> str:
        return f"constrain {self.package.__version__}, numba {version('numba')}"


# --- llguidance

LARK_JSON = r"""
%llguidance {"allow_initial_skip": true}
start: value TAIL?
value: object | array | STRING | NUMBER | "true" | "false" | "null"
object: "{" [member ("," member)*] "}"
member: STRING ":" value
array: "[" [value ("," value)*] "]"
STRING: /"([^"\\\x00-\x1f]|\\["\\\/bfnrt]|\\u[0-9a-fA-F]{4})*"/
NUMBER: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/
TAIL: /[ \t\n\r]+/
%ignore /[ \t\n\r]+/
"""


class LlguidanceCompiled:
    def __init__(self, inner: Any, n_vocab: int):
        self.inner = inner
        self.row = np.zeros((n_vocab + 31) // 32, dtype=np.int32)

    def matcher(self) -> Matcher:
        """The same matcher from its start again: what its lexer has learned stays.

        The row is filled by address, the call with the least overhead that the package has.
        """
        self.inner.reset()
        fill = partial(self.inner.unsafe_compute_mask_ptr, self.row.ctypes.data, self.row.nbytes)
        return Matcher(fill, self.inner.consume_token, self.row)


class Llguidance:
    def __init__(self, vocabulary: dict[str, Any]):
        from llguidance import LLMatcher, LLTokenizer

        tokens = decode_tokens(vocabulary)
        self.n_vocab = len(tokens)
        self.tokenizer = LLTokenizer.from_tiktoken(
            encoder={token: i for i, token in enumerate(tokens) if token is not None},
            special_tokens=vocabulary["special"],
            pattern=vocabulary["pattern"],
            eos_token=vocabulary["eos"],
            n_vocab=self.n_vocab,
        )
        self.matcher = LLMatcher
        self.doors: dict[str, Callable[[str], str]] = {
            "json": lambda _: LLMatcher.grammar_from_lark(LARK_JSON),
            "json_schema": LLMatcher.grammar_from_json_schema,
            "regex": LLMatcher.grammar_from_regex,
            "lark": LLMatcher.grammar_from_lark,
        }

    def compile(self, spec: Spec) -> LlguidanceCompiled:
        grammar = self.doors[spec["kind"]](spec.get("llguidance", spec.get("text", "")))
        inner = self.matcher(self.tokenizer, grammar)
        if inner.is_error():  # it never raises
            raise Refused(inner.get_error())
        return LlguidanceCompiled(inner, self.n_vocab)

    def versions(self) -> str:
        return f"llguidance {version('llguidance')}"


# --- xgrammar


class XgrammarCompiled:
    def __init__(self, package: Any, compiled: Any, n_vocab: int):
        self.package, self.compiled = package, compiled
        self.bitmask = package.allocate_token_bitmask(1, n_vocab)

    def matcher(self) -> Matcher:
        inner = self.package.GrammarMatcher(self.compiled)
        fill = partial(inner.fill_next_token_bitmask, self.bitmask)
        return Matcher(fill, inner.accept_token, self.bitmask.numpy()[0])


class Xgrammar:
    """One thread, no cache between compilations; RAW vocabulary with b"" for special tokens."""

    def __init__(self, vocabulary: dict[str, Any]):
        import xgrammar

        self.package = xgrammar
        tokens = [token or b"" for token in decode_tokens(vocabulary)]
        self.n_vocab = len(tokens)
        info = xgrammar.TokenizerInfo(
            tokens,
            xgrammar.VocabType.RAW,
            vocab_size=self.n_vocab,
            stop_token_ids=[vocabulary["eos"]],
        )
        compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self.doors: dict[str, Callable[[str], Any]] = {
            "json": lambda _: compiler.compile_builtin_json_grammar(),
            "json_schema": lambda text: compiler.compile_json_schema(
                text, any_whitespace=True, strict_mode=False
            ),
            "regex": compiler.compile_regex,
        }

    def compile(self, spec: Spec) -> XgrammarCompiled:
        try:
            compiled = self.doors[spec["kind"]](spec.get("text", ""))
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from error
        return XgrammarCompiled(self.package, compiled, self.n_vocab)

    def versions(self) -> str:
        return f"xgrammar {version('xgrammar')}, torch {version('torch')}"


ENGINES: dict[str, Callable[[dict[str, Any]], Engine]] = {
    "constrain": Constrain,
    "llguidance": Llguidance,
    "xgrammar": Xgrammar,
}
