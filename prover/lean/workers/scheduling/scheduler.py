"""The queue of one pool: the imports it serves, the assignment of jobs to workers, and the restarts for other
imports.
"""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from prover.concurrency.allowance import Allowance
from prover.lean.processes.ending import End
from prover.lean.runtimes.runtime import LeanRuntime
from prover.lean.wire.role import ProcessRole
from prover.lean.workers.jobs import Charge, ImportSet, Job, JobQueue, PoolBusyError
from prover.lean.workers.pool_config import PoolConfig
from prover.lean.workers.scheduling.retrying import SHUTTING_DOWN
from prover.verdict import VerdictKind

_REMEMBERED_REJECTIONS = 100
_SHOWN = 200  # characters of a module's name shown in a message


class ImportPolicy:
    """Decides about the imports of requests: which are allowed, which exist, and which Lean has rejected.

    Attributes:
        default: default imports of workers.
    """

    def __init__(self, runtime: LeanRuntime, config: PoolConfig) -> None:
        """Allow the imports listed in `config` that `runtime` has."""
        self._runtime = runtime
        self._allowed = config.allowed_imports
        self._contained = config.contained_imports
        self._shared = config.role is ProcessRole.WORKER
        self._rejected: OrderedDict[ImportSet, str] = OrderedDict()
        self.default = config.imports
        self.default = self.key(config.imports)

    def key(self, imports: ImportSet) -> ImportSet:
        """Return the key that determines which workers can serve these imports.

        `Init`, which every file imports, and the order are ignored.
        """
        return tuple(sorted({"Init", *imports})) if self._runtime.single_import_set else self.default

    def refusal(self, imports: ImportSet) -> tuple[VerdictKind, str] | None:
        """Explain why a request with these imports needs no worker: not allowed, rejected by Lean, or missing."""
        for module in imports:
            if not self._is_allowed(module):
                allowed = ", ".join(self._allowed or ())
                reason = f"`import {module[:_SHOWN]}` is not allowed here; allowed are {allowed} and below"
                if self._runtime.name == "embedded":
                    reason += "; modules of a Lake project are checked with it (`--project`, docs/native.md)"
                return VerdictKind.FORBIDDEN, reason
        if (answer := self._rejected.get(imports)) is not None:
            return VerdictKind.INVALID_STATEMENT, answer
        if reason := self.absence(imports):
            return VerdictKind.INVALID_STATEMENT, reason
        return None

    def absence(self, imports: ImportSet) -> str:
        """Return a sentence about the first module that does not exist; empty if all exist."""
        for module in imports:
            if not self._runtime.has_module(module):
                name = module[:_SHOWN]
                if self._runtime.single_import_set:
                    return f"unknown module `{name}`"
                return f"there is no module `{name}` to import: it does not exist, or `lake build {name}` was not run"
        return ""

    def reject(self, imports: ImportSet, reason: str) -> None:
        """Remember that Lean cannot load these imports."""
        self._rejected[imports] = reason
        if len(self._rejected) > _REMEMBERED_REJECTIONS:
            self._rejected.popitem(last=False)

    def only_contained(self, imports: ImportSet) -> bool:
        """Whether one of these imports is reserved for processes of one client."""
        return any(not self._is_allowed(module) and _is_below(module, self._contained) for module in imports)

    def _is_allowed(self, module: str) -> bool:
        if self._allowed is None or _is_below(module, self._allowed):
            return True
        return not self._shared and _is_below(module, self._contained)


def _is_below(module: str, roots: Iterable[str]) -> bool:
    return any(module == root or module.startswith(f"{root}.") for root in roots)


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

    def give(self, job: Job[Any]) -> None:
        """Give a job to its idle worker."""
        ...

    def dismiss(self, end: End, imports: ImportSet | None = None, *charges: Charge) -> object:
        """Replace its idle worker; see `WorkerSlot.dismiss`."""
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


_SAVED_SECONDS = 120.0  # spent on starts for other imports before the limit applies
_LEAST_SECONDS = 0.01


class Scheduler:
    """Queues jobs and pairs them with idle workers; restarts workers for requested imports.

    Attributes:
        queue: waiting jobs.
        max_active: maximum number of jobs in progress; 0 before `open`.
        closed: whether new jobs are refused.
    """

    def __init__(self, config: PoolConfig, imports: ImportPolicy) -> None:
        """Create a scheduler without jobs or workers."""
        self._config = config
        self._imports = imports
        self._slots: Sequence[Slot] = ()
        self._switching: Allowance | None = None
        self.queue = JobQueue(config.max_queued, config.max_queued_bytes)
        self.max_active = 0
        self.closed = False

    def open(self, slots: Sequence[Slot], max_active: int) -> None:
        """Start to give jobs to the workers of these slots, at most `max_active` at once."""
        self._slots = slots
        self.max_active = max_active
        if (share := self._config.switch_share) is not None:
            clock = asyncio.get_running_loop().time
            self._switching = Allowance(share * max_active * _SAVED_SECONDS, _SAVED_SECONDS, clock)

    def close(self) -> None:
        """Fail all waiting jobs and all later ones."""
        self.closed = True
        for job in self.queue.drain():
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)

    def push(self, job: Job[Any]) -> None:
        """Queue a job and dispatch as far as possible. Raises PoolBusyError."""
        if self.closed:
            job.fail(VerdictKind.INFRASTRUCTURE, SHUTTING_DOWN)
            return
        self.queue.push(job)
        self.dispatch()

    def dispatch(self) -> None:
        """Assign waiting jobs to idle workers, and restart idle workers for requested imports."""
        now = asyncio.get_running_loop().time()
        if wait := self._switching.wait(_LEAST_SECONDS) if self._switching else 0.0:
            self._put_off(wait)
        default, patience = self._imports.default, self._config.switch_seconds
        while switch := import_switch(self._slots, self.queue, default, now, patience, away=not wait):
            index, imports = switch
            if absence := self._imports.absence(imports):
                self.refuse(imports, absence)
            else:
                self._slots[index].dismiss(End.IMPORTS, imports, *self._payers(imports))
        while pair := next_pair(self._slots, self.queue, self.max_active):
            index, job = pair
            self.queue.take(job)
            self._slots[index].give(job)

    def refuse(self, imports: ImportSet, reason: str) -> None:
        """Answer all jobs with these imports, which cannot be loaded."""
        for job in self.queue.drain(imports):
            job.fail(VerdictKind.INVALID_STATEMENT, reason)

    def _put_off(self, seconds: float) -> None:
        """Ask jobs whose imports no worker has to retry later."""
        served = {self._imports.default, *(slot.imports for slot in self._slots)}
        for imports, _ in self.queue.import_sets():
            if imports not in served:
                text = "no worker has these imports, and too many were started for other imports of late"
                for job in self.queue.drain(imports):
                    job.refuse(PoolBusyError(f"{text}; try again in {seconds:.0f} s", seconds))

    def _payers(self, imports: ImportSet) -> list[Charge]:
        """Return who is charged for starting a worker for `imports`: the pool, and the first job that needs other
        imports.
        """
        payers: list[Charge] = [self._switching.take] if self._switching else []
        job = self.queue.head(imports, fresh=True)
        return payers if imports == self._imports.default or job is None else [*payers, job.charge]
