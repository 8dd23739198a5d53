"""LeanDojo: steps through proofs in its own Lean, in processes that nothing is believed of."""

from prover.lean.dojo.pool import DojoPool
from prover.lean.dojo.process import DojoConfig, DojoUnavailableError

__all__ = ["DojoConfig", "DojoPool", "DojoUnavailableError"]
