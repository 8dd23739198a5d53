"""POSIX resource limits of native workers."""

from collections.abc import Sequence
from dataclasses import dataclass

_GIB = 1 << 30
_SLACK = 4 * _GIB
"""Address space besides heap and library: thread stacks, reserve of the allocator, Lean's shared libraries."""


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """Limits of one worker process and its `lake` wrapper. None: no limit.

    Attributes:
        memory_bytes: private memory; mapped `.olean` files, which workers share, are not included.
        cpu_seconds: total processor time, after which the worker is replaced.
        file_bytes: maximum size of a file that it writes; Lake caches a project's configuration.
    """

    memory_bytes: int | None = 8 * _GIB
    cpu_seconds: int | None = 12 * 3600
    file_bytes: int | None = 64 << 20

    def address_space(self, library_bytes: int) -> int | None:
        """Return the address space in bytes for a worker that maps a library of that size."""
        return None if self.memory_bytes is None else self.memory_bytes + library_bytes + _SLACK


def limited(argv: Sequence[str], limits: ResourceLimits, library_bytes: int) -> list[str]:
    """Return the command line under these limits and without core dumps.

    A shell sets the limits, because code run between fork and exec may deadlock. A limit that cannot be set is stricter
    already.
    """
    wanted = [("c", 0)]
    if (space := limits.address_space(library_bytes)) is not None:
        wanted.append(("v", space // 1024))
    if limits.cpu_seconds is not None:
        wanted.append(("t", limits.cpu_seconds))
    if limits.file_bytes is not None:
        wanted.append(("f", limits.file_bytes // 512))
    script = "".join(f"ulimit -{letter} {value} 2>/dev/null; " for letter, value in wanted)
    return ["/bin/sh", "-c", f'{script}exec "$@"', "leansieve", *argv]
