"""Statistics of a pool: a snapshot for metrics, `doctor` and tests."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prover.lean.processes.ending import End
from prover.verdict import VerdictKind


class State(StrEnum):
    """State of a worker."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"
    """It did not start; a retry follows."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """Statistics of a worker.

    `served` counts requests answered by the process, `memory_bytes` is the resident memory of its process tree.
    """

    state: State
    pid: int | None
    imports: tuple[str, ...]
    served: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class HostStats:
    """A host of a cluster.

    Attributes:
        live: number of running workers.
        size: maximum number of concurrent checks when all its workers run; 0 before it has reported.
        in_work: number of unanswered questions sent to it.
        answered: number of questions answered since it joined.
        failure: reason why no worker runs, if known.
    """

    name: str
    live: int
    size: int
    in_work: int
    answered: int
    failure: str = ""


@dataclass(frozen=True, slots=True)
class PoolStats:
    """A snapshot of a pool.

    Attributes:
        workers: all workers, without isolated ones.
        queued: number of requests waiting for a worker.
        verdicts: answered checks by verdict; checks whose caller left count in `abandoned`.
        ends: ended workers by reason.
        failed_starts: number of failed starts.
        isolated: number of isolated checkers lent out now.
        hosts: hosts of the workers, if there are several.
        hosts_lost: number of hosts lost so far.
        rechecks: verdicts repeated on another host, by outcome.
    """

    workers: tuple[WorkerStats, ...]
    queued: int
    verdicts: Mapping[VerdictKind, int]
    abandoned: int
    ends: Mapping[End, int]
    failed_starts: int
    isolated: int
    hosts: tuple[HostStats, ...] = ()
    hosts_lost: int = 0
    rechecks: Mapping[str, int] = field(default_factory=dict)

    def in_state(self, state: State) -> int:
        """Return the number of workers in `state`."""
        return sum(worker.state is state for worker in self.workers)


class Tally:
    """The counters behind `PoolStats`."""

    def __init__(self) -> None:
        """Start all counters at zero."""
        self.verdicts: Counter[VerdictKind] = Counter()
        self.ends: Counter[End] = Counter()
        self.abandoned = 0
        self.failed_starts = 0
