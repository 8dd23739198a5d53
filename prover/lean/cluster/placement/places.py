"""A host as the driver knows it, and the choice of a host for a job: pure decisions."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from prover.lean.cluster.handle import Handle
from prover.lean.cluster.questions import HostState
from prover.lean.workers.jobs import ImportSet, Job, JobQueue
from prover.lean.workers.stats import HostStats

_PICKED = 16  # hosts compared for one job


@dataclass(eq=False)
class HostPlace:
    """A host in use.

    Attributes:
        key: the host's key in the cluster.
        state: last reported state; None while it starts.
        in_work: jobs sent to the host, by number.
        gone: set when the host is dropped.
        answered: number of answered questions.
        held: lent processes, and questions outside `in_work`.
    """

    key: str
    handle: Handle
    state: HostState | None = None
    in_work: dict[int, Job[Any]] = field(default_factory=dict)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    answered: int = 0
    held: int = 0

    @property
    def lost(self) -> bool:
        """Whether the host was dropped."""
        return self.gone.is_set()

    @property
    def size(self) -> int:
        """Maximum number of concurrent checks on the host; 0 while no worker runs."""
        return self.state.size if self.state and self.state.live else 0

    @property
    def settled(self) -> bool:
        """Whether it is known if the host has workers."""
        return self.state is not None and bool(self.state.live or self.state.failure)

    @property
    def room(self) -> int:
        """Number of additional jobs that the host may get: one per worker, and a few in reserve for workers that become
        free.
        """
        return self.size + -(-self.size // 4) - len(self.in_work)

    def has(self, imports: ImportSet) -> bool:
        """Whether a worker has these imports loaded."""
        return self.state is not None and any(worker.imports == imports for worker in self.state.stats.workers)

    def stats(self) -> HostStats:
        """A snapshot for metrics."""
        if (state := self.state) is None:
            return HostStats(self.handle.name, 0, 0, len(self.in_work), self.answered)
        return HostStats(self.handle.name, state.live, state.size, len(self.in_work), self.answered, state.failure)


class HostRoom:
    """Index of hosts with free capacity and of loaded imports. Used for every job, so it never scans all hosts."""

    def __init__(self) -> None:
        """Start without hosts."""
        self._free: set[HostPlace] = set()
        self._loaded: dict[ImportSet, set[HostPlace]] = {}
        self._of: dict[HostPlace, frozenset[ImportSet]] = {}

    def told(self, place: HostPlace) -> None:
        """Record a host's state."""
        workers = place.state.stats.workers if place.state else ()
        self._load(place, frozenset(worker.imports for worker in workers))
        self.moved(place)

    def moved(self, place: HostPlace) -> None:
        """Record a host's jobs in progress."""
        if place.room > 0 and not place.lost:
            self._free.add(place)
        else:
            self._free.discard(place)

    def drop(self, place: HostPlace) -> None:
        """Remove a host."""
        self._free.discard(place)
        self._load(place, frozenset())

    def next_pair(self, queue: JobQueue, now: float, patience: float) -> tuple[HostPlace, Job[Any]] | None:
        """Return the next job and its host, or None.

        Jobs are ordered by `JobQueue.rank`. A job goes to a host with much free capacity that has its imports loaded.
        If no host has them, or those that do had no capacity for `patience` seconds, it goes to any host with much free
        capacity.
        """
        best: tuple[tuple[bool, int, int], set[HostPlace], Job[Any]] | None = None
        for imports, since in queue.import_sets() if self._free else ():
            job = queue.head(imports, fresh=True)
            having = self._loaded.get(imports, set())
            able = self._free & having
            if job is None or (having and not able and now - since <= patience):
                continue
            if best is None or queue.rank(job) < best[0]:
                best = queue.rank(job), able or self._free, job
        return None if best is None else (_with_room(best[1]), best[2])

    def _load(self, place: HostPlace, sets: frozenset[ImportSet]) -> None:
        before = self._of.pop(place, frozenset())
        if sets:
            self._of[place] = sets
        for imports in before - sets:
            self._loaded[imports].discard(place)
            if not self._loaded[imports]:
                del self._loaded[imports]
        for imports in sets - before:
            self._loaded.setdefault(imports, set()).add(place)


def _with_room(hosts: set[HostPlace]) -> HostPlace:
    """Return the host with most relative free capacity out of a random sample: nearly as even as a full scan."""
    some = random.sample(list(hosts), _PICKED) if len(hosts) > _PICKED else hosts
    return max(some, key=lambda host: host.room / max(host.size, 1))
