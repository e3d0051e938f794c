"""Programs as sites and handlers: what a program does at a site is for its handlers to say."""

from .messages import Barrier, Call, Factor, Logits, Message, Samplable, Sample, Scored
from .runtime import (
    Messenger,
    NonlocalExit,
    am_i_wrapped,
    apply_stack,
    apply_stack_async,
    block_messengers,
    effectful,
)
from .sites import barrier, factor, logits, observe, sample

__all__ = [
    "Barrier",
    "Call",
    "Factor",
    "Logits",
    "Message",
    "Messenger",
    "NonlocalExit",
    "Samplable",
    "Sample",
    "Scored",
    "am_i_wrapped",
    "apply_stack",
    "apply_stack_async",
    "barrier",
    "block_messengers",
    "effectful",
    "factor",
    "logits",
    "observe",
    "sample",
]
