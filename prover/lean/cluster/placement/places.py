"""One host as the driver knows it, and which host gets which job: pure decisions."""

import asyncio
import random
from dataclasses import dataclass, field
from typing import Any

from prover.lean.cluster.handle import Handle
from prover.lean.cluster.questions import HostState
from prover.lean.workers.jobs import ImportSet, Job, JobQueue
from prover.lean.workers.stats import HostStats

_PICKED = 16  # hosts that are compared for one job


@dataclass(eq=False)
class HostPlace:
    """A host in use.

    Attributes:
        key: under which the cluster names it.
        state: what it said last; None: it is starting.
        in_work: jobs sent there, by number.
        gone: set when it is given up.
        answered: questions that it has answered.
        held: processes that it has lent, and questions put to it outside of `in_work`.
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
        """Whether it was given up."""
        return self.gone.is_set()

    @property
    def size(self) -> int:
        """Most checks at once there; 0 while no worker is up."""
        return self.state.size if self.state and self.state.live else 0

    @property
    def settled(self) -> bool:
        """Whether it is known to have workers, or to have none."""
        return self.state is not None and bool(self.state.live or self.state.failure)

    @property
    def room(self) -> int:
        """How many more jobs it gets: as many as it has workers, and some that are at hand when one is free."""
        return self.size + -(-self.size // 4) - len(self.in_work)

    def has(self, imports: ImportSet) -> bool:
        """Whether a worker has them loaded."""
        return self.state is not None and any(worker.imports == imports for worker in self.state.stats.workers)

    def stats(self) -> HostStats:
        """For metrics."""
        if (state := self.state) is None:
            return HostStats(self.handle.name, 0, 0, len(self.in_work), self.answered)
        return HostStats(self.handle.name, state.live, state.size, len(self.in_work), self.answered, state.failure)


class HostRoom:
    """Which hosts have room, and where imports are loaded. Asked for every job, so it never looks at all hosts."""

    def __init__(self) -> None:
        """There are no hosts."""
        self._free: set[HostPlace] = set()
        self._loaded: dict[ImportSet, set[HostPlace]] = {}
        self._of: dict[HostPlace, frozenset[ImportSet]] = {}

    def told(self, place: HostPlace) -> None:
        """Note a host's state."""
        workers = place.state.stats.workers if place.state else ()
        self._load(place, frozenset(worker.imports for worker in workers))
        self.moved(place)

    def moved(self, place: HostPlace) -> None:
        """Note what a host has in work."""
        if place.room > 0 and not place.lost:
            self._free.add(place)
        else:
            self._free.discard(place)

    def drop(self, place: HostPlace) -> None:
        """Forget a host."""
        self._free.discard(place)
        self._load(place, frozenset())

    def next_pair(self, queue: JobQueue, now: float, patience: float) -> tuple[HostPlace, Job[Any]] | None:
        """The next job and the host that gets it, or None.

        In the order of `JobQueue.rank`. A job goes to a host with much room that has its imports loaded; where no host has
        them, or those that do had no room for `patience` seconds, to one with much room of all.
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
    """The one with most room for its size of some that chance picks: nearly as even as if all were looked at."""
    some = random.sample(list(hosts), _PICKED) if len(hosts) > _PICKED else hosts
    return max(some, key=lambda host: host.room / max(host.size, 1))
