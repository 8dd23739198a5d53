"""Interface between the pool and the installed Lean: how a Lean process is started."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from prover.lean.wire.role import ProcessRole


@dataclass(frozen=True, slots=True)
class Launch:
    """One worker process to start.

    Attributes:
        argv: command line, including the worker program.
        env: complete environment of the process; nothing is inherited.
        cwd: working directory.
        cancel: `memory`: the process takes `cancel N` on an inherited socket whose number is given in
            `LEANSIEVE_CONTROL_FD`; `stdin`: as a request on stdin (docs/worker-protocol.md).
        stack_bytes: soft limit of the process's stack; None: unchanged.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    cancel: Literal["memory", "stdin"]
    stack_bytes: int | None = None

    @property
    def command(self) -> Sequence[str]:
        """Return the command line under its stack limit, which a shell sets, because code run between fork and exec may
        deadlock.
        """
        if self.stack_bytes is None:
            return self.argv
        return ["/bin/sh", "-c", 'ulimit -S -s "$0" && exec "$@"', str(self.stack_bytes // 1024), *self.argv]


class RuntimeUnavailableError(RuntimeError):
    """No Lean of this kind can run here; the text says what is missing and what to do."""


class LeanRuntime(Protocol):
    """A Lean that can run worker processes. Implementations: `EmbeddedLean` and `NativeToolchain`."""

    @property
    def name(self) -> str:
        """`embedded` or `native`."""
        ...

    @property
    def single_import_set(self) -> bool:
        """Whether a worker keeps its initial imports for its whole life."""
        ...

    @property
    def contained(self) -> bool:
        """Whether verdicts of its shared workers do not count, so that every text goes to quarantine.

        Known after `prepare`.
        """
        ...

    @property
    def shares_memory(self) -> bool:
        """Whether its workers share a large part of their memory. Blocking."""
        ...

    def prepare(self) -> None:
        """Do the one-time preparation before the first launch; fast if already done. Blocking.

        Raises:
            RuntimeUnavailableError: something is missing.
        """
        ...

    def has_module(self, module: str) -> bool:
        """Whether `module` may be importable; False only if this is certain without asking Lean, after `prepare`."""
        ...

    def first(self, imports: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Context around the start of a pool's first worker for `imports`; the caller waits for that process inside.

        Raises as `prepare`.
        """
        ...

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """Return how to start one process that will serve `imports`. An elaborator is sandboxed, because it runs
        unvetted code.

        Raises:
            RuntimeUnavailableError: it cannot be started or sandboxed here.
        """
        ...
