"""Looking inside a model: what each layer, head and neuron adds, and to which tokens."""

from .interface import ModelInfo, TransparentLlm
from .transparent import HFTransparentLlm

__all__ = ["HFTransparentLlm", "ModelInfo", "TransparentLlm"]
