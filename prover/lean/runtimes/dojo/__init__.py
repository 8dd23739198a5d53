"""LeanDojo: steps through proofs in its own Lean, in processes that nothing is believed of."""

from prover.lean.runtimes.dojo.launch import DojoConfig, DojoUnavailableError
from prover.lean.runtimes.dojo.pool import DojoPool

__all__ = ["DojoConfig", "DojoPool", "DojoUnavailableError"]
