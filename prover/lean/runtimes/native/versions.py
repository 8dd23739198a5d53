"""Which versions of Lean the worker program runs on, and why."""

import re
from typing import NamedTuple

from prover.lean.runtimes.runtime import RuntimeUnavailableError


class LeanVersion(NamedTuple):
    """A release line of Lean; patches and pre-releases do not change what the worker uses."""

    major: int
    minor: int

    def __str__(self) -> str:
        """As releases are called: `4.28`."""
        return f"{self.major}.{self.minor}"


OLDEST = LeanVersion(4, 27)
"""The worker is a `module` with a `public import`, a `public def main` and `compiler.checkMeta`: Lean takes those without
further options since 4.27, where modules stopped to be experimental (lean4#11637)."""
TESTED = LeanVersion(4, 28)
"""The line that the worker was written and is tested against: the embedded Lean's."""
NEWEST = LeanVersion(4, 36)
"""The newest line that is taken, if it certifies itself (`prover.lean.certify`). Up to 4.35, what the worker calls by name is known
to be there under that name (tests/prover/lean/crosscheck/test_worker_names.py); docs/native.md has what else is known."""

_VERSION = re.compile(r"Lean \(version (\d+)\.(\d+)\.\d+[^,)]*")


def parse(text: str) -> LeanVersion:
    """The version in what `lean --version` prints.

    Raises:
        RuntimeUnavailableError: it prints something else.
    """
    match = _VERSION.search(text)
    if match is None:
        raise RuntimeUnavailableError(f"`lean --version` does not name a version of Lean 4: {text.strip()[:200]!r}")
    return LeanVersion(int(match[1]), int(match[2]))


def refusal(version: LeanVersion) -> str | None:
    """Why the worker does not run on this Lean; None if it does."""
    if version < OLDEST:
        return f"Lean {version} is too old: leansieve runs on {OLDEST} to {NEWEST}; update the project's lean-toolchain"
    if version > NEWEST:
        return (
            f"Lean {version} is newer than what leansieve takes, {OLDEST} to {NEWEST}: "
            "update leansieve, use an older lean-toolchain, or set `any_version` to take it untested"
        )
    return None
