"""What a pool is doing and has done: a snapshot for metrics, `doctor` and tests."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from prover.lean.processes.ending import End
from prover.verdict import VerdictKind


class State(StrEnum):
    """What a worker is doing."""

    STARTING = "starting"
    IDLE = "idle"
    BUSY = "busy"
    WAITING = "waiting"
    """It did not start and will be tried again."""


@dataclass(frozen=True, slots=True)
class WorkerStats:
    """One worker. `served` counts the requests answered by the process, `memory_bytes` is resident memory of its tree."""

    state: State
    pid: int | None
    imports: tuple[str, ...]
    served: int
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class HostStats:
    """A host of a cluster.

    Attributes:
        live: workers that are up.
        size: most checks at once when all its workers are up; 0 before it has said so.
        in_work: questions sent there that are not answered.
        answered: questions that it has answered since it was used last.
        failure: why no worker is up, as far as known.
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
        workers: every worker, isolated ones not counted.
        queued: requests that wait for a worker.
        verdicts: checks answered so far, by verdict; checks whose caller left are in `abandoned`.
        ends: workers that ended so far, by reason.
        failed_starts: starts that came to nothing.
        isolated: isolated checkers lent out now.
        hosts: where workers are on several hosts.
        hosts_lost: hosts given up so far.
        rechecks: verdicts asked again of another host, by what came of it.
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
        """How many workers are in `state`."""
        return sum(worker.state is state for worker in self.workers)


class Tally:
    """The counters behind `PoolStats`."""

    def __init__(self) -> None:
        """Start from nothing."""
        self.verdicts: Counter[VerdictKind] = Counter()
        self.ends: Counter[End] = Counter()
        self.abandoned = 0
        self.failed_starts = 0
