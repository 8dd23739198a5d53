"""The versions of Lean that the worker program supports, with reasons."""

import re
from typing import NamedTuple

from prover.lean.runtimes.runtime import RuntimeUnavailableError


class LeanVersion(NamedTuple):
    """A release line of Lean; patch releases and pre-releases make no difference to the worker."""

    major: int
    minor: int

    def __str__(self) -> str:
        """Return the name in Lean's releases: `4.28`."""
        return f"{self.major}.{self.minor}"


OLDEST = LeanVersion(4, 27)
"""The worker is a `module` with a `public import`, a `public def main` and `compiler.checkMeta`: Lean accepts these
without further options since 4.27, which made modules stable (lean4#11637).
"""
TESTED = LeanVersion(4, 28)
"""The version that the worker was written and tested for: the embedded Lean's."""
NEWEST = LeanVersion(4, 36)
"""The newest version that is accepted if it passes certification (`prover.lean.certify`).

All names that the worker calls exist up to 4.35 (tests/prover/lean/crosscheck/test_worker_names.py); docs/native.md
lists the other known facts.
"""

_VERSION = re.compile(r"Lean \(version (\d+)\.(\d+)\.\d+[^,)]*")


def parse(text: str) -> LeanVersion:
    """Parse the output of `lean --version`.

    Raises:
        RuntimeUnavailableError: the output has another form.
    """
    match = _VERSION.search(text)
    if match is None:
        raise RuntimeUnavailableError(f"`lean --version` does not name a version of Lean 4: {text.strip()[:200]!r}")
    return LeanVersion(int(match[1]), int(match[2]))


def refusal(version: LeanVersion) -> str | None:
    """Explain why the worker does not run on this Lean; None if it does."""
    if version < OLDEST:
        return f"Lean {version} is too old: leansieve runs on {OLDEST} to {NEWEST}; update the project's lean-toolchain"
    if version > NEWEST:
        return (
            f"Lean {version} is newer than what leansieve takes, {OLDEST} to {NEWEST}: "
            "update leansieve, use an older lean-toolchain, or set `any_version` to take it untested"
        )
    return None
