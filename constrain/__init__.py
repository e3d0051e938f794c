"""Grammar-constrained decoding: text from a language model that fits a grammar exactly.

Names are loaded when they are first used (PEP 562), so that `import constrain` costs next to
nothing and loads neither torch nor numba.
"""

from __future__ import annotations

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOMES = {
    "constrain.front": (
        "cfg",
        "choice",
        "inspect",
        "json",
        "json_schema",
        "library",
        "literal",
        "regex",
    ),
    "constrain.automata.comparing": ("equals", "includes", "reverse"),
    "constrain.automata.counting": ("count", "sample"),
    "constrain.automata.enumeration": ("enumerate", "longest"),
    "constrain.automata.members": ("is_empty", "is_finite", "shortest"),
    "constrain.syntax.combinators": ("chars", "ref", "rules", "seq", "star", "union"),
    "constrain.syntax.grammar": ("Grammar",),
    "constrain.syntax.substrings": ("substring_of",),
    "constrain.syntax.tagged": ("Tag", "free_text", "tagged"),
    "constrain.tokens.vocabulary": ("Vocabulary",),
    "constrain.decoding": ("Constraint", "compile"),
    "constrain.errors": (
        "ConstrainError",
        "EmptyLanguage",
        "GrammarSyntaxError",
        "LimitExceeded",
        "RegexSyntaxError",
        "SchemaError",
        "SpecError",
        "TokenRejected",
        "Unsupported",
        "VocabularyMismatch",
    ),
}
_NAMES = {name: home for home, names in _HOMES.items() for name in names}
_MODULES = ("distributions", "hf", "llamppl", "lm", "poutine", "smc")


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"constrain.{name}")
    if name not in _NAMES:
        raise AttributeError(f"module 'constrain' has no attribute {name!r}")
    value = getattr(import_module(_NAMES[name]), name)
    setattr(sys.modules[__name__], name, value)
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_NAMES, *_MODULES])


class _Package(ModuleType):
    """Keeps a folder from hiding the function of the same name (`json_schema`).

    Importing a submodule binds it as an attribute of its package; for the names in the table
    the binding is left out, and `__getattr__` answers with what the table says.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _NAMES and isinstance(value, ModuleType)):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package

if TYPE_CHECKING:
    from constrain import (
        distributions as distributions,
        hf as hf,
        llamppl as llamppl,
        lm as lm,
        poutine as poutine,
        smc as smc,
    )
    from constrain.automata.comparing import (
        equals as equals,
        includes as includes,
        reverse as reverse,
    )
    from constrain.automata.counting import count as count, sample as sample
    from constrain.automata.enumeration import enumerate as enumerate, longest as longest
    from constrain.automata.members import (
        is_empty as is_empty,
        is_finite as is_finite,
        shortest as shortest,
    )
    from constrain.decoding import Constraint as Constraint, compile as compile
    from constrain.errors import (
        ConstrainError as ConstrainError,
        EmptyLanguage as EmptyLanguage,
        GrammarSyntaxError as GrammarSyntaxError,
        LimitExceeded as LimitExceeded,
        RegexSyntaxError as RegexSyntaxError,
        SchemaError as SchemaError,
        SpecError as SpecError,
        TokenRejected as TokenRejected,
        Unsupported as Unsupported,
        VocabularyMismatch as VocabularyMismatch,
    )
    from constrain.front import (
        cfg as cfg,
        choice as choice,
        inspect as inspect,
        json as json,
        json_schema as json_schema,
        library as library,
        literal as literal,
        regex as regex,
    )
    from constrain.syntax.combinators import (
        chars as chars,
        ref as ref,
        rules as rules,
        seq as seq,
        star as star,
        union as union,
    )
    from constrain.syntax.grammar import Grammar as Grammar
    from constrain.syntax.substrings import substring_of as substring_of
    from constrain.syntax.tagged import Tag as Tag, free_text as free_text, tagged as tagged
    from constrain.tokens.vocabulary import Vocabulary as Vocabulary
