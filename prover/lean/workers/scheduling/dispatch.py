"""Assignment of waiting jobs to idle workers: pure decisions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, Protocol

from prover.lean.workers.jobs import ImportSet, Job, JobQueue


class Slot(Protocol):
    """The properties of a worker's slot that decisions need."""

    @property
    def imports(self) -> ImportSet:
        """The imports that its worker has loaded or is loading."""
        ...

    @property
    def idle_since(self) -> float | None:
        """Loop time at which its worker became idle; None if it is not."""
        ...

    @property
    def up_since(self) -> float:
        """Loop time at which its worker came up."""
        ...

    @property
    def busy(self) -> bool:
        """Whether it has a job."""
        ...

    @property
    def fresh(self) -> bool:
        """Whether its worker has served no request yet."""
        ...


def next_pair(slots: Sequence[Slot], queue: JobQueue, max_active: int) -> tuple[int, Job[Any]] | None:
    """Return the next job and the index of its slot, or None.

    Jobs are ordered by `JobQueue.rank`. Workers that have served before are preferred, so that fresh ones remain for
    requests that need one. At most `max_active` workers are busy; the others are spares.
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
    """Return the idle slot that should restart its worker for other imports, and these imports; None if there is none.

    An import set without workers gets one: from slots without waiting jobs at once; after `patience` seconds also from
    slots whose own set has jobs waiting, if they have served it that long. A set with a worker gets more only from
    slots that were idle for `patience` seconds, and never the last of the default set. Unless `away`, only the default
    set gets workers.
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
