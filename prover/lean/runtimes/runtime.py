"""How a Lean process is started: the seam between the pool and the Lean that is installed."""

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
        argv: command line; the worker program is already on it.
        env: the whole environment of the process; nothing is inherited.
        cwd: working directory.
        cancel: `memory`: the process takes `cancel N` on an inherited socket whose number is given in
            `LEANSIEVE_CONTROL_FD`; `stdin`: as a request on stdin (docs/worker-protocol.md).
        stack_bytes: soft limit of the process's stack; None: as it is.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: Path
    cancel: Literal["memory", "stdin"]
    stack_bytes: int | None = None

    @property
    def command(self) -> Sequence[str]:
        """The command line, under the stack limit it wants: set by a shell, as code run between fork and exec may deadlock."""
        if self.stack_bytes is None:
            return self.argv
        return ["/bin/sh", "-c", 'ulimit -S -s "$0" && exec "$@"', str(self.stack_bytes // 1024), *self.argv]


class RuntimeUnavailableError(RuntimeError):
    """No Lean of this kind can run here; the text says what is missing and what to do."""


class LeanRuntime(Protocol):
    """A Lean that can run worker processes. Two implementations: `EmbeddedLean` and `NativeToolchain`."""

    @property
    def name(self) -> str:
        """`embedded` or `native`."""
        ...

    @property
    def single_import_set(self) -> bool:
        """Whether a worker keeps the imports it started with for life."""
        ...

    @property
    def contained(self) -> bool:
        """Whether nothing counts that its shared workers say: every text goes into quarantine. Known after `prepare`."""
        ...

    @property
    def shares_memory(self) -> bool:
        """Whether its workers have a good part of their memory in common. Blocking."""
        ...

    def prepare(self) -> None:
        """Do once what must exist before the first launch; cheap when already done. Blocking.

        Raises:
            RuntimeUnavailableError: something is missing.
        """
        ...

    def has_module(self, module: str) -> bool:
        """Whether `module` may be there to import; False only if that is sure without asking Lean, after `prepare`."""
        ...

    def first(self, imports: Sequence[str]) -> AbstractAsyncContextManager[None]:
        """Around the start of a pool's first worker for `imports`: its process is waited for inside. Raises as `prepare`."""
        ...

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        """How to start one process that will serve `imports`. An elaborator is sealed, as it runs unvetted code.

        Raises:
            RuntimeUnavailableError: it cannot be started, or not be sealed, here.
        """
        ...
