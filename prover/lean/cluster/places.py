"""One host as the driver knows it, and which host gets which job: pure decisions."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from prover.lean.cluster.handle import Handle
from prover.lean.cluster.questions import HostState
from prover.lean.workers.jobs import ImportSet, Job, JobQueue


@dataclass(eq=False)
class HostPlace:
    """A host in use.

    Attributes:
        key: under which the cluster names it.
        state: what it said last; None: it is starting.
        in_work: jobs sent there, by number.
        gone: set when it is given up.
    """

    key: str
    handle: Handle
    state: HostState | None = None
    in_work: dict[int, Job[Any]] = field(default_factory=dict)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def lost(self) -> bool:
        """Whether it was given up."""
        return self.gone.is_set()

    @property
    def size(self) -> int:
        """Most checks at once there; 0 while no worker is up."""
        return self.state.size if self.state and self.state.live else 0

    @property
    def room(self) -> int:
        """How many more jobs it gets: as many as it has workers, and some that are at hand when one is free."""
        return self.size + -(-self.size // 4) - len(self.in_work)

    @property
    def imports(self) -> set[ImportSet]:
        """Sets that its workers have loaded."""
        return {worker.imports for worker in self.state.stats.workers} if self.state else set()


def next_pair(
    hosts: Sequence[HostPlace], queue: JobQueue, now: float, patience: float
) -> tuple[HostPlace, Job[Any]] | None:
    """The next job and the host that gets it, or None.

    In the order of `JobQueue.rank`. A job goes to the host with most room that has its imports loaded; where no host has
    them, or those that do had no room for `patience` seconds, to the one with most room of all.
    """
    free = [host for host in hosts if host.room > 0]
    best: tuple[tuple[bool, int, int], HostPlace, Job[Any]] | None = None
    for imports, since in queue.import_sets() if free else ():
        job = queue.head(imports, fresh=True)
        having = [host for host in hosts if imports in host.imports]
        able = [host for host in having if host.room > 0]
        if job is None or (having and not able and now - since <= patience):
            continue
        host = max(able or free, key=lambda host: host.room / max(host.size, 1))
        if best is None or queue.rank(job) < best[0]:
            best = queue.rank(job), host, job
    return None if best is None else best[1:]
