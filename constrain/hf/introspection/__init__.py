"""Looking inside a model: what each layer, head and neuron adds, and to which tokens.

`contribution_graph`, `paths_to_predictions` and `strongest_path` are in `.graph`, which needs
networkx.
"""

from .attribution import Attribution, attribute, token_weights
from .contributions import (
    attention_contributions,
    contributions,
    ffn_contributions,
    neuron_contributions,
    threshold_and_renormalize,
)
from .html import html_page, html_section
from .interface import ModelInfo, TransparentLlm
from .steps import (
    Push,
    RunReport,
    Step,
    TokenShare,
    explain_generation,
    explain_run,
    mass_gradient,
)
from .tokens import RankChange, TokenLogit, logit_lens, promoted_and_suppressed, rank_changes
from .transparent import HFTransparentLlm

__all__ = [
    "Attribution",
    "HFTransparentLlm",
    "ModelInfo",
    "Push",
    "RankChange",
    "RunReport",
    "Step",
    "TokenLogit",
    "TokenShare",
    "TransparentLlm",
    "attention_contributions",
    "attribute",
    "contributions",
    "explain_generation",
    "explain_run",
    "ffn_contributions",
    "html_page",
    "html_section",
    "logit_lens",
    "mass_gradient",
    "neuron_contributions",
    "promoted_and_suppressed",
    "rank_changes",
    "threshold_and_renormalize",
    "token_weights",
]
