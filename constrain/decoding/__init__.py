"""Token tables as functional, per-sequence state."""

from .compile import compile
from .constraint import Constraint, State

__all__ = ["Constraint", "State", "compile"]
