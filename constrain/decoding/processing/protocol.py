"""What a logits processor is: a pair of functions whose state is a value outside of them.

A processor holds tables and settings, which all rows share. What belongs to a row (a state of a
grammar, tokens still to be forced) is in the state that `init` makes and `process` returns, so
that rows can be gathered, copied and dropped: see `rows.take`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

Array: TypeAlias = Any
"""An array of any library of the array API: numpy in tests, torch where the model is."""

Role: TypeAlias = Literal["target", "constraint", "proposal", "critic"]
"""What a processor means for exact inference.

target: redefines the model (temperature, repetition penalty). No weight.
constraint: forbids what leads outside a language. Weighs what it leaves of the probability.
proposal: changes only how tokens are drawn (top-k). Weighs log p(token) - log q(token).
critic: judges texts after the draw. Weighs the difference that the token made.
"""


@dataclass(frozen=True, eq=False)
class Context:
    """Where a batch of texts stands. `init` and every `process` see the same keys.

    token_ids: integers (rows, length): prompts with their padding, then what was generated.
    prompt_length: columns that are prompt.
    """

    token_ids: Array
    prompt_length: int

    @property
    def rows(self) -> int:
        """Texts in the batch: the axis that per-row state has first."""
        return int(self.token_ids.shape[0])

    @property
    def length(self) -> int:
        """Columns so far, prompt included."""
        return int(self.token_ids.shape[1])

    @property
    def generated(self) -> Array:
        """The columns after the prompt."""
        return self.token_ids[:, self.prompt_length :]


class Processor(Protocol):
    """A target, constraint or proposal: logits in, logits out, a new array each time.

    Law: `process` may be called with a context that is several tokens on; then its state reads
    them all. So a state can be found again from the tokens alone.
    """

    @property
    def role(self) -> Role: ...

    def init(self, context: Context) -> Any:
        """The state of `context.rows` texts of which the prompt has been read."""
        ...

    def process(self, state: Any, logits: Array, context: Context) -> tuple[Any, Array]:
        """(state, logits (rows, vocab)) for the tokens that come after the context."""
        ...


class Critic(Protocol):
    """Multiplies the target by a potential of the text so far; the last one is the text's own."""

    @property
    def role(self) -> Literal["critic"]: ...

    def init(self, context: Context) -> Any: ...

    def score(self, state: Any, context: Context) -> tuple[Any, Array]:
        """(state, log-potentials (rows,), in nats) of the texts; -inf stays so for good."""
        ...


@dataclass(frozen=True, eq=False)
class Stateless:
    """A function (logits, context) -> logits as a processor."""

    function: Callable[[Array, Context], Array]
    role: Role = "target"
    truncates: bool = False

    def init(self, context: Context) -> tuple[()]:
        return ()

    def process(self, state: tuple[()], logits: Array, context: Context) -> tuple[tuple[()], Array]:
        return state, self.function(logits, context)


def truncates(processor: Processor | Critic) -> bool:
    """May this leave nothing of what a grammar allows, because it drops all but likely tokens?"""
    return bool(getattr(processor, "truncates", False))
