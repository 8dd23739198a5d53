"""A scripted process that speaks the worker protocol: emulates the faults of a Lean process.

Real processes, real pipes, real signals, no Lean. The proof of a `check` is a JSON object that tells the process what
to do; what is no such object is verified. Used to see what the pool makes of each fault; what Lean itself does is
tested with real Lean (`test_pool_lean.py`).
"""

import contextlib
import json
import os
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import psutil

from prover.candidate import Candidate
from prover.lean.checker import Terms
from prover.lean.runtimes.runtime import Launch, RuntimeUnavailableError
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.pool import PoolConfig, WorkerPool
from prover.theorem import Header, Theorem
from prover.verdict import Limits, Verdict
from tests.support.pools import pids

_PROGRAM = Path(__file__).with_name("scripted_process.py")


def proof(**script: Any) -> Candidate:
    """A candidate whose text tells the scripted process what to do."""
    return Candidate(json.dumps(script))


def theorem(name: str = "a", imports: tuple[str, ...] = ("Init", "Std")) -> Theorem:
    """A theorem; the scripted process reports its statement as its name."""
    return Theorem(f"theorem {name} : True", Header(imports))


@dataclass
class ScriptedRuntime:
    """Starts `scripted_process.py` as the worker.

    Attributes:
        start: what the process does before it answers `hello`: a script as in a proof.
        missing: modules that the process refuses.
        absent: modules of which the runtime knows that they are not there.
    """

    cancel: Literal["memory", "stdin"] = "memory"
    start: Mapping[str, Any] = field(default_factory=dict)
    missing: Sequence[str] = ()
    absent: Sequence[str] = ()
    single_import_set: bool = True
    contained: bool = False
    shares_memory: bool = False
    name: str = "scripted"
    prepared: int = 0
    launched: int = 0
    unavailable: str = ""
    stack_bytes: int | None = None

    def prepare(self) -> None:
        self.prepared += 1
        if self.unavailable:
            raise RuntimeUnavailableError(self.unavailable)

    def has_module(self, module: str) -> bool:
        return module not in self.absent

    def first(self, imports: Sequence[str]) -> contextlib.AbstractAsyncContextManager[None]:
        return contextlib.nullcontext()

    def launch(self, imports: Sequence[str], role: ProcessRole = ProcessRole.WORKER) -> Launch:
        self.launched += 1
        settings = json.dumps({"start": dict(self.start), "missing": list(self.missing)})
        argv = [sys.executable, "-I", "-S", str(_PROGRAM), settings]
        return Launch(argv, {"PATH": os.environ["PATH"]}, Path("/"), self.cancel, self.stack_bytes)


SHORT = Terms(Limits(seconds=0.2))
LONG = Terms(Limits(seconds=60))


@contextlib.asynccontextmanager
async def pool_of(
    workers: int = 1, spares: int = 0, runtime: ScriptedRuntime | None = None, **config: Any
) -> AsyncIterator[WorkerPool]:
    pool = WorkerPool(
        runtime or ScriptedRuntime(), PoolConfig(workers=workers, spares=spares, **config), vetting={"kinds": []}
    )
    async with pool:
        try:
            yield pool
        finally:
            children = pids(pool)
    assert not any(psutil.pid_exists(pid) for pid in children)


def server(verdict: Verdict) -> tuple[int, int]:
    """Process that gave the verdict and how many checks it has served."""
    pid, served = verdict.messages[0].text.split()
    return int(pid), int(served)


def no_child_runs(name: str) -> bool:
    return not any(name in _command(child) for child in psutil.Process().children(recursive=True))


def _command(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.NoSuchProcess):  # a zombie, too, has ended
        return " ".join(process.cmdline())
    return ""
