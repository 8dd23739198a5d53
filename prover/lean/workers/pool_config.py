"""Configuration of a pool of Lean workers."""

from dataclasses import dataclass

from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import ImportSet
from prover.theorem import DEFAULT_IMPORTS


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """Configuration of a pool. Sizes in bytes, times in seconds. The defaults fit the embedded Lean, whose heap is
    limited to 2 GiB.

    Attributes:
        workers: maximum number of concurrent requests; None: as many as processors and memory allow.
        spares: additional warm workers that replace ended ones; None: one if memory allows.
        imports: default imports of a worker.
        allowed_imports: modules that requests may import, each with everything below it; None: all.
        contained_imports: further modules that only processes of one client and judges may import, each with everything
            below it.
        role: role of the processes.
        contained: whether answers of shared workers do not count, so that every text goes to quarantine, as with
            `LeanRuntime.contained`.
        isolated: maximum number of isolated checkers lent out; each is an additional process.
        quarantines: maximum number of clients whose code runs in elaborators at the same time; each has one or two
            processes.
        idle_seconds: time after which a client loses unused elaborators.
        turn_seconds: time that a client keeps elaborators in use while others wait for a place.
        max_queued: maximum number of waiting requests.
        max_queued_bytes: maximum memory of waiting requests.
        grace_seconds: time for Lean to stop at a deadline before its process is killed.
        start_seconds: limit of a worker's start. The first start of a new program takes half a minute of processor
            time.
        switch_seconds: time that a request waits for imports that no worker has before a worker is restarted for them
            although requests for its own imports wait.
        switch_share: maximum share of the workers' time spent on restarts for imports other than `imports`, and back;
            requests beyond it are asked to retry later. None: unlimited, for callers that trust each other.
        worker_bytes: memory of one worker, for computing their number.
        further_bytes: memory of each further worker, if workers of this runtime share memory.
        recycle_bytes: size above which a worker is replaced between requests.
        kill_bytes: size above which a worker is killed during a request.
        watch_seconds: interval of memory measurements.
        flood_bytes: limit of other output during one request.
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
