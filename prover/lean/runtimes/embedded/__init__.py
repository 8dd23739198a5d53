"""Lean 4 as WebAssembly under Node: prepared once, then started like any other runtime."""

from prover.lean.runtimes.embedded.cache.package import Progress
from prover.lean.runtimes.embedded.runtime import EmbeddedLean

__all__ = ["EmbeddedLean", "Progress"]
