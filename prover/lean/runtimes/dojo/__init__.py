"""LeanDojo: stepwise proving in its own Lean, in untrusted processes."""

from prover.lean.runtimes.dojo.launch import DojoConfig, DojoUnavailableError
from prover.lean.runtimes.dojo.pool import DojoPool

__all__ = ["DojoConfig", "DojoPool", "DojoUnavailableError"]
