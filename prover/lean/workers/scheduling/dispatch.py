"""Who gets what: pure decisions over idle workers and waiting jobs."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from prover.lean.workers.jobs import ImportSet, Job, JobQueue


class Slot(Protocol):
    """A worker's slot, as far as decisions need to know it."""

    @property
    def imports(self) -> ImportSet:
        """What its worker has loaded, or will have."""
        ...

    @property
    def idle_since(self) -> float | None:
        """Loop time since when it could take a job; None if it cannot."""
        ...

    @property
    def up_since(self) -> float:
        """Loop time when its worker came up."""
        ...

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether its worker is fresh: it has served no request yet."""
        ...


def next_pair(slots: Sequence[Slot], queue: JobQueue, max_active: int) -> tuple[int, Job[Any]] | None:
    """The next job to hand out and the index of the slot that gets it, or None.

    In the order of `JobQueue.rank`. Workers that have served before go first, so that fresh ones are
    kept for requests that need one; at most `max_active` work at once, the others are spares.
    """
    if sum(slot.busy for slot in slots) >= max_active:
        return None
    best: tuple[tuple[tuple[bool, int, int], bool], int, Job[Any]] | None = None
    for index, slot in enumerate(slots):
        if slot.idle_since is None or (job := queue.head(slot.imports, slot.fresh)) is None:
            continue
        rank = (queue.rank(job), slot.fresh)
        if best is None or rank < best[0]:
            best = rank, index, job
    return None if best is None else best[1:]


def import_switch(
    slots: Sequence[Slot],
    queue: JobQueue,
    default: ImportSet,
    now: float,
    patience: float,
    away: bool = True,
) -> tuple[int, ImportSet] | None:
    """Which idle slot should restart its worker for other imports, and for which; None if none should.

    A set that no worker has gets one: of those without work at once; after `patience` seconds also of those whose
    own set has work waiting, if they have had as long to do it. A set that has one gets more only from slots that were
    idle for `patience` seconds, and never the last of the default set. Unless `away`, only the default set gets workers.
    """
    workers = Counter(slot.imports for slot in slots)
    for imports, since in queue.import_sets():
        if not away and imports != default:
            continue
        starving = not workers[imports]
        if not starving and now - since <= patience:
            continue
        offers: list[tuple[tuple[bool, bool, float], int]] = []
        for index, slot in enumerate(slots):
            if slot.idle_since is None or slot.imports == imports:
                continue
            needed = queue.head(slot.imports, fresh=True) is not None
            if starving:
                free = not needed or now - max(since, slot.up_since) > patience
            else:
                last = slot.imports == default and workers[default] == 1
                free = not needed and not last and now - slot.idle_since > patience
            if free:
                offers.append(((workers[slot.imports] == 1, slot.imports == default, slot.idle_since), index))
        if offers:
            return min(offers)[1], imports
    return None
