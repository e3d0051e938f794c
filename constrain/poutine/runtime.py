"""The handler stack: effect handlers after Pyro's poutine (Bingham et al. 2019).

A site builds a message and applies the stack to it, in three phases: inward to outward every
messenger may `process` it, until one sets `stop`; then the message's default happens; then, from
the outermost messenger that saw it inward, each may `postprocess` the result.

The stack is a tuple in a context variable, so that threads, asyncio tasks and programs that run
side by side never see each other's.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial, wraps
from inspect import iscoroutinefunction
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from constrain.lm.protocol import run_alone

from .messages import Call, Message

P = ParamSpec("P")
T = TypeVar("T")
M = TypeVar("M", bound=Message)

_STACK: ContextVar[tuple[Messenger, ...]] = ContextVar("constrain_poutine_stack", default=())


class NonlocalExit(Exception):
    """Leaves a running program at a site; raised by handlers that ran it for what came before."""

    def __init__(self, site: Message):
        self.site = site
        super().__init__(site.name)


class DeadEnd(NonlocalExit):
    """The run has weight 0 from this site on; nothing after it needs to happen."""


class Messenger:
    """A handler: a context manager, and a decorator of functions, coroutines and methods.

    A subclass says what it does at a kind of site in methods `process_<type>(msg)` and
    `postprocess_<type>(msg)`, which answer with the message that goes on. What it learns while
    installed may be kept in its attributes; a decorated function installs a copy for each call.
    """

    def process(self, msg: Any) -> Any:
        """The message as it goes outward, before it has a value."""
        handle = getattr(self, f"process_{_kind(msg)}", None)
        return msg if handle is None else handle(msg)

    def postprocess(self, msg: Any) -> Any:
        """The message as it comes back inward, with its value."""
        handle = getattr(self, f"postprocess_{_kind(msg)}", None)
        return msg if handle is None else handle(msg)

    def __enter__(self) -> Self:
        stack = _STACK.get()
        if any(messenger is self for messenger in stack):
            raise ValueError(f"{type(self).__name__} is already installed; make a second one")
        _STACK.set((*stack, self))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool | None:
        stack = _STACK.get()
        here = next(i for i, messenger in enumerate(stack) if messenger is self)
        _STACK.set(stack[:here])
        return None

    def __call__(self, fn: Callable[P, T]) -> Callable[P, T]:
        """`fn` with this handler around every call of it."""
        if waits(fn):
            waiting: Any = fn

            @wraps(fn)
            async def awaited(*args: P.args, **kwargs: P.kwargs) -> Any:
                with copy.copy(self):
                    return await waiting(*args, **kwargs)

            return awaited  # type: ignore[return-value]

        @wraps(fn)
        def called(*args: P.args, **kwargs: P.kwargs) -> T:
            with copy.copy(self):
                return fn(*args, **kwargs)

        return called

    @classmethod
    def register(
        cls, fn: Callable[[Any, Any], Any] | None = None, type: str = "", post: bool = False
    ) -> Any:
        """Add `fn(messenger, msg) -> msg` as this class's answer to sites of a type."""
        if fn is None:
            return partial(cls.register, type=type, post=post)
        setattr(cls, f"{'postprocess' if post else 'process'}_{type}", fn)
        return fn

    @classmethod
    def unregister(cls, type: str) -> None:
        """Take away this class's own answers to sites of a type."""
        for name in (f"process_{type}", f"postprocess_{type}"):
            if name in vars(cls):
                delattr(cls, name)


def waits(fn: Callable[..., Any]) -> bool:
    """Does a call give a coroutine? Objects that stand for functions say so by `waits`."""
    return iscoroutinefunction(fn) or bool(getattr(fn, "waits", False))


def _kind(msg: Message) -> str:
    return msg.kind if isinstance(msg, Call) else msg.type


def _outward(msg: M, stack: tuple[Messenger, ...]) -> tuple[M, tuple[Messenger, ...]]:
    """Phase one: the message as the handlers leave it, and those of them that saw it."""
    for depth in range(len(stack) - 1, -1, -1):
        msg = stack[depth].process(msg)
        if msg.stop:
            return msg, stack[depth:]
    return msg, stack


def _inward(msg: M, seen: tuple[Messenger, ...]) -> M:
    """Phase three."""
    for messenger in seen:
        msg = messenger.postprocess(msg)
    if msg.continuation is not None:
        msg.continuation(msg)
    return msg


async def apply_stack_async(msg: M) -> M:
    """Apply the handlers of this context to a message; waits where a model is asked."""
    await msg.prepare()
    msg, seen = _outward(msg, _STACK.get())
    return _inward(await msg.default(), seen)


def apply_stack(msg: M) -> M:
    """`apply_stack_async` for plain functions: a model that is asked is called at once."""
    return run_alone(apply_stack_async(msg))


def effectful(fn: Callable[P, T] | None = None, type: str = "") -> Any:
    """Make a call of `fn` a site of its own type; its keyword `name` names the site.

    For plain functions and coroutines.
    """
    if fn is None:
        return partial(effectful, type=type)

    def message(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call:
        infer = kwargs.pop("infer", None) or {}
        name = kwargs.pop("name", None) or type
        return Call(name=name, kind=type, fn=fn, args=args, kwargs=kwargs, infer=infer)

    if iscoroutinefunction(fn):

        @wraps(fn)
        async def awaited(*args: Any, **kwargs: Any) -> Any:
            return (await apply_stack_async(message(args, kwargs))).value

        return awaited

    @wraps(fn)
    def called(*args: Any, **kwargs: Any) -> Any:
        return apply_stack(message(args, kwargs)).value

    return called


def am_i_wrapped() -> bool:
    """Is any handler installed here?"""
    return bool(_STACK.get())


def installed() -> tuple[Messenger, ...]:
    """The handlers of this context, outermost first."""
    return _STACK.get()


def install(stack: tuple[Messenger, ...]) -> None:
    """Make these the handlers of this context, outermost first."""
    _STACK.set(stack)


@contextmanager
def block_messengers(predicate: Callable[[Messenger], bool]) -> Generator[list[Messenger]]:
    """Within the block, installed handlers for which `predicate` holds see nothing."""
    stack = _STACK.get()
    _STACK.set(tuple(messenger for messenger in stack if not predicate(messenger)))
    try:
        yield [messenger for messenger in stack if predicate(messenger)]
    finally:
        _STACK.set(stack)
