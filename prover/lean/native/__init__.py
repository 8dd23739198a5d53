"""The Lean of a Lake project: its own toolchain, with everything the project can import."""

from prover.lean.native.limits import ResourceLimits
from prover.lean.native.sandbox import Sandbox
from prover.lean.native.toolchain import NativeToolchain

__all__ = ["NativeToolchain", "ResourceLimits", "Sandbox"]
