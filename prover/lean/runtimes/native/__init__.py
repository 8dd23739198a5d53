"""The Lean of a Lake project: its toolchain, with all modules the project can import."""

from prover.lean.runtimes.native.limits import ResourceLimits
from prover.lean.runtimes.native.sandbox import Sandbox
from prover.lean.runtimes.native.toolchain import NativeToolchain

__all__ = ["NativeToolchain", "ResourceLimits", "Sandbox"]
