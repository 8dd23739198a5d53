"""Lean 4 as WebAssembly under Node: prepared once, then started like any other Lean."""

from prover.lean.embedded.package import Progress
from prover.lean.embedded.runtime import EmbeddedLean

__all__ = ["EmbeddedLean", "Progress"]
