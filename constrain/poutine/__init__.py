"""Programs as sites and handlers: what a program does at a site is for its handlers to say.

Handlers are context managers, decorators and wrappers alike; `h(g(program))` puts h outside. A
message goes from the innermost handler outward, then happens, then comes back inward. README.md
beside this file says what each handler means for programs over text.
"""

from .annotating import config_enumerate, infer_config
from .blocking import block
from .chains import markov
from .collapsing import collapse
from .conditioning import condition, uncondition
from .enumerating import enum, log_evidence
from .equalizing import equalize
from .grammars import constrain
from .guides import GuideMessenger, split_trace
from .intervening import do
from .messages import Barrier, Call, Factor, Logits, Message, Samplable, Sample, Scored
from .params import Param, lift, param, substitute
from .plates import CondIndepStackFrame, Plate, block_plate, broadcast, get_plates, plate
from .replaying import replay
from .runtime import (
    DeadEnd,
    Messenger,
    NonlocalExit,
    am_i_wrapped,
    apply_stack,
    apply_stack_async,
    block_messengers,
    effectful,
    installed,
)
from .searching import (
    BestFirst,
    StopSearch,
    all_escape,
    discrete_escape,
    enum_extend,
    enumerate_traces,
    escape,
    mc_extend,
    queue,
)
from .seeding import seed
from .sites import barrier, factor, logits, observe, sample
from .staging import BytesReparam, GumbelReparam, Reparam, StagedReparam, reparam
from .traces import Trace, prune_subsample_sites
from .tracing import TraceMessenger, identify_dense_edges, trace
from .weighting import get_mask, mask, scale
from .wrapping import Handler, execute, handler

__all__ = [
    "Barrier",
    "BestFirst",
    "BytesReparam",
    "Call",
    "CondIndepStackFrame",
    "DeadEnd",
    "Factor",
    "GuideMessenger",
    "GumbelReparam",
    "Handler",
    "Logits",
    "Message",
    "Messenger",
    "NonlocalExit",
    "Param",
    "Plate",
    "Reparam",
    "Samplable",
    "Sample",
    "Scored",
    "StagedReparam",
    "StopSearch",
    "Trace",
    "TraceMessenger",
    "all_escape",
    "am_i_wrapped",
    "apply_stack",
    "apply_stack_async",
    "barrier",
    "block",
    "block_messengers",
    "block_plate",
    "broadcast",
    "collapse",
    "condition",
    "config_enumerate",
    "constrain",
    "discrete_escape",
    "do",
    "effectful",
    "enum",
    "enum_extend",
    "enumerate_traces",
    "equalize",
    "escape",
    "execute",
    "factor",
    "get_mask",
    "get_plates",
    "handler",
    "identify_dense_edges",
    "infer_config",
    "installed",
    "lift",
    "log_evidence",
    "logits",
    "markov",
    "mask",
    "mc_extend",
    "observe",
    "param",
    "plate",
    "prune_subsample_sites",
    "queue",
    "reparam",
    "replay",
    "sample",
    "scale",
    "seed",
    "split_trace",
    "substitute",
    "trace",
    "uncondition",
]
