"""How a pool of Lean workers is made up."""

from dataclasses import dataclass

from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import ImportSet
from prover.theorem import DEFAULT_IMPORTS


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """How a pool is made up. Sizes in bytes, times in seconds. The sizes fit the embedded Lean, whose heap ends at 2 GiB.

    Attributes:
        workers: most requests in work at once; None: as many as processors and memory carry.
        spares: workers kept warm beyond that, to stand in for one that is replaced; None: one if memory allows.
        imports: what a worker loads unless a request wants something else.
        allowed_imports: modules that requests may import, each with everything below it; None: all there are.
        contained_imports: further modules that only processes of one client and judges import, each with everything below it.
        role: what the processes are for.
        contained: nothing counts that the shared workers say: every text goes into quarantine, as with `LeanRuntime.contained`.
        isolated: most isolated checkers lent out at once; each is one more process.
        quarantines: most clients at once whose code runs in elaborators; each has a process of its own, or two.
        idle_seconds: how long a client keeps elaborators that it does not use.
        turn_seconds: how long a client keeps its elaborators while it uses them and others wait for a place.
        max_queued: most requests waiting.
        max_queued_bytes: most memory taken by requests waiting.
        grace_seconds: how long Lean may take to stop at a deadline before its process is killed.
        start_seconds: how long a worker may take to come up. The first of a new program takes half a minute of a processor.
        switch_seconds: how long a request waits for imports that no worker has before one with work is taken away.
        switch_share: most of the workers' time that goes into starting them for other imports than `imports`, and back; what
            comes beyond is told to come back. None: no bound, for callers that trust each other.
        worker_bytes: what one worker takes, for sizing the pool.
        further_bytes: what each further one takes if workers of this runtime share memory.
        recycle_bytes: a worker above this is replaced between requests.
        kill_bytes: a worker above this is killed within a request.
        watch_seconds: how often memory is measured.
        flood_bytes: most output that is no answer during one request.
    """

    workers: int | None = None
    spares: int | None = None
    imports: ImportSet = DEFAULT_IMPORTS
    allowed_imports: tuple[str, ...] | None = ("Init", "Std")
    contained_imports: tuple[str, ...] = ("Lean",)
    role: ProcessRole = ProcessRole.WORKER
    contained: bool = False
    isolated: int = 1
    quarantines: int = 2
    idle_seconds: float = 60.0
    turn_seconds: float = 60.0
    max_queued: int = 4_096
    max_queued_bytes: int = 256 << 20
    grace_seconds: float = 1.0
    start_seconds: float = 600.0
    switch_seconds: float = 10.0
    switch_share: float | None = None
    worker_bytes: int = 1_100 << 20
    further_bytes: int = 550 << 20
    recycle_bytes: int = 1_700 << 20
    kill_bytes: int = 2_100 << 20
    watch_seconds: float = 1.0
    flood_bytes: int = 64 << 20
