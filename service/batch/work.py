"""Works on batches: leases items from the database, searches, and stores their answers.

Any number of servers may share a database. The leases of a dead server expire, and other servers, or the same one after
a restart, take its items. An item on which three servers died is answered as FAILED.
"""

import asyncio
import contextlib
import functools
import itertools
import random
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Self, TypeVar

import structlog

from prover.concurrency.tasks import Changes, ended, unbroken, wait
from prover.errors import UserError
from prover.events import Ending, Finished, Progress, Proof
from prover.lean.workers.client import Scopes
from prover.requests import BusyError, Search, Service, StatementError, UnavailableError
from prover.store.errors import StoreError
from prover.store.records.queue import Backlog, BatchQueue, Lease
from prover.verdict import Verdict, VerdictKind
from service.auth.identity import Identity
from service.batch.batches import BatchItem, ItemAnswer, ItemOutcome
from service.batch.stored import ANSWER, StoredOptions, read_options, read_search
from service.core.limits.admission import Account, Quotas
from service.ops.config import BatchSettings

_log = structlog.get_logger(__name__)

T = TypeVar("T")

_MOST_ATTEMPTS = 3
_BROKEN_SECONDS = 15.0  # after a failure of the service, multiplied by the number of attempts, to let it recover
_TIDY_SECONDS = 3600.0
_COUNT_SECONDS = 5.0
_LONGEST_PAUSE_SECONDS = 5.0  # between attempts to write to a failing database
POLL_SECONDS = 1.0
"""Interval at which changes by other servers are noticed."""


@dataclass(slots=True)
class Figures:
    """Figures for metrics: last known content of the database, and this server's answers since its start."""

    backlog: Backlog = field(default_factory=Backlog)
    answers: Counter[ItemOutcome] = field(default_factory=Counter)


class Work:
    """One server's work on the batches in a database.

    Use it as an async context manager; at the end, its items are released.
    """

    def __init__(
        self,
        service: Service,
        queue: BatchQueue,
        settings: BatchSettings,
        quotas: Quotas | None,
        changes: Changes,
        may: Callable[[str], bool],
    ) -> None:
        """Create the worker.

        Args:
            service: searches at `Priority.BATCH`.
            queue: the queue of items.
            settings: settings of batches.
            quotas: accounts of owners, if any.
            changes: signals and observes changes.
            may: returns whether an owner's items are worked on; called in other threads, too.
        """
        self._service = service
        self._queue = queue
        self._settings = settings
        self._quotas = quotas
        self._may = may
        self._changes = changes
        self.figures = Figures()
        self._spent: dict[str, Account] = {}  # owners whose quota is used up
        self._working: dict[int, tuple[Lease, asyncio.Task[None]]] = {}
        self._loops: list[asyncio.Task[None]] = []
        self._scopes = Scopes()  # one for each batch

    async def __aenter__(self) -> Self:
        """Start to work."""
        loops = (self._work, self._renew, self._stop_revoked, self._count, self._tidy)
        self._loops = [asyncio.create_task(_kept_up(loop)) for loop in loops]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        """Stop; items in progress are released for other servers or the next start."""
        await ended(self._loops)
        await ended([task for _, task in self._working.values()])
        await self._scopes.close()
        with contextlib.suppress(StoreError):  # the leases expire by themselves
            await self._queue.give_back()

    def stop(self, batch_id: str) -> None:
        """Stop the items of a batch that are in progress."""
        for lease, task in self._working.values():
            if lease.batch == batch_id:
                task.cancel()

    async def _work(self) -> None:
        """Keep as many items in progress as capacity allows."""
        while True:
            change = self._changes.next
            room = await self._room()
            try:
                spent, seconds = self._without_means(), self._settings.lease_seconds
                left_alone = functools.partial(self._left_alone, spent)
                claimed = self._queue.claim(room, seconds, left_alone, set(self._working)) if room else None
                leases = await unbroken(claimed) if claimed else []
            except StoreError as error:
                _log.warning("batches cannot be worked on", error=str(error))
                leases = []
            for lease in leases:
                task = asyncio.create_task(self._settle(lease))
                self._working[lease.item] = lease, task
                task.add_done_callback(lambda _, item=lease.item: self._done(item))  # type: ignore[misc]
            if len(leases) < max(room, 1):
                await wait(change, POLL_SECONDS * random.uniform(1.0, 1.5))

    async def _room(self) -> int:
        if self._settings.concurrency is not None:
            most = self._settings.concurrency
        else:
            try:
                most = (await self._service.info()).workers
            except UserError:  # for instance, the service has not started yet
                most = 0
        return max(0, most - len(self._working))

    def _left_alone(self, spent: set[str], owner: str) -> bool:
        return owner in spent or not self._may(owner)

    async def _stop_revoked(self) -> None:
        """Stop items of owners who have lost the right to prove; they can be resumed when the right returns."""
        while True:
            await asyncio.sleep(POLL_SECONDS)
            for lease, task in list(self._working.values()):
                if not self._may(lease.owner):
                    _log.info("a batch item is stopped: its owner no longer has a valid token", batch=lease.batch)
                    await ended([task])
                    await self._stored(functools.partial(self._queue.release, lease))

    def _without_means(self) -> set[str]:
        """Return owners whose quota is used up for now."""
        self._spent = {owner: account for owner, account in self._spent.items() if account.wait()}
        return set(self._spent)

    def _done(self, item: int) -> None:
        self._working.pop(item, None)
        self._changes.tell()

    async def _renew(self) -> None:
        """Renew the leases of items in progress; stop items that were taken by others or cancelled."""
        while True:
            await asyncio.sleep(self._settings.lease_seconds / 4)
            working = set(self._working)
            try:
                renewed = await self._queue.renew(self._settings.lease_seconds, working)
            except StoreError as error:
                _log.warning("leases of batch items cannot be renewed", error=str(error))
                continue
            for item in working - renewed:
                if item in self._working:
                    self._working[item][1].cancel()

    async def _count(self) -> None:
        """Count the remaining work, and check that the database answers, even if there is none."""
        while True:
            try:
                self.figures.backlog = await self._queue.backlog()
            except StoreError as error:
                _log.warning("batches cannot be counted", error=str(error))
            await asyncio.sleep(_COUNT_SECONDS)

    async def _tidy(self) -> None:
        """Delete batches that finished long ago."""
        while True:
            try:
                await self._queue.trim(self._settings.keep_days * 86_400)
            except StoreError as error:
                _log.warning("finished batches cannot be deleted", error=str(error))
            await asyncio.sleep(_TIDY_SECONDS)

    async def _settle(self, lease: Lease) -> None:
        """Work on an item until it is answered or released."""
        log = _log.bind(batch=lease.batch, attempt=lease.attempt)
        try:
            options = read_options(lease.options)
            item, request = read_search(lease.request, options.search)
            with self._charging(options):
                answer = await self._answer(item, request, lease)
        except UnavailableError as error:
            log.warning("a batch item is put back", error=str(error))
            await asyncio.sleep(error.seconds or _BROKEN_SECONDS * lease.attempt)
            await self._stored(lambda: self._queue.release(lease))
            return
        except Exception:
            log.exception("a batch item failed")
            answer = ItemAnswer(lease.name, ItemOutcome.FAILED, error="the server failed; its log says where")
        answer = replace(answer, attempts=lease.attempt)
        text = ANSWER.dump_json(answer).decode()
        if await self._stored(lambda: self._queue.answer(lease, text)) is None:
            log.warning("an answer came too late: the item was taken by another server, or cancelled")
            return
        self.figures.answers[answer.outcome] += 1
        log.info("a batch item is answered", outcome=answer.outcome.value, proofs=len(answer.proofs))

    async def _stored(self, tell: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Store a result, retrying until the database accepts it; meanwhile the item's lease is renewed."""
        for attempt in itertools.count():
            try:
                return await tell()
            except StoreError as error:
                seconds = min(_LONGEST_PAUSE_SECONDS, 0.25 * 2**attempt) * random.uniform(0.5, 1.0)
                _log.warning("the database of batches cannot be written", error=str(error), again_in=round(seconds, 1))
                await asyncio.sleep(seconds)
        raise AssertionError("unreachable")

    @contextlib.contextmanager
    def _charging(self, options: StoredOptions) -> Iterator[None]:
        """Charge this task's work to the owner of a batch."""
        if self._quotas is None:
            yield
            return
        account = self._quotas.account(Identity(options.owner, frozenset(), options.quota))
        account.activate()
        try:
            yield
        finally:
            if account.wait():
                self._spent[options.owner] = account

    async def _answer(self, item: BatchItem, request: Search, lease: Lease) -> ItemAnswer:
        if lease.attempt > _MOST_ATTEMPTS:
            error = f"{_MOST_ATTEMPTS} attempts to work on it ended with the server or broke off"
            return ItemAnswer(item.id, ItemOutcome.FAILED, item.family, error=error)
        while True:
            proofs: list[Proof] = []
            spent = Progress()
            try:
                async with self._scopes.of(lease.batch), contextlib.aclosing(self._service.prove(request)) as events:
                    async for event in events:
                        if isinstance(event, Proof):
                            proofs.append(event)
                        elif isinstance(event, Progress):
                            spent = event
                        elif isinstance(event, Finished):
                            return _answered(item, event, proofs)
                raise UnavailableError("a search ended without its last event")
            except BusyError as error:
                await asyncio.sleep(error.seconds * random.uniform(0.5, 1.5))
            except StatementError as error:
                return _not_taken(item, spent, error.verdict)
            except UnavailableError:
                raise
            except UserError as error:
                return ItemAnswer(item.id, ItemOutcome.REFUSED, item.family, spent=spent, error=str(error))


async def _kept_up(loop: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run a loop and restart it after an error, because batches must not stop until the server is restarted."""
    while True:
        try:
            await loop()
        except Exception:
            _log.exception("the loop that works on batches failed, and is restarted")
        await asyncio.sleep(POLL_SECONDS)


def _not_taken(item: BatchItem, spent: Progress, verdict: Verdict) -> ItemAnswer:
    """Return the answer for a statement that Lean did not accept; one that ran out of time is not called invalid."""
    late = verdict.kind is VerdictKind.TIMEOUT
    outcome, ending = (ItemOutcome.UNPROVED, Ending.SECONDS_SPENT) if late else (ItemOutcome.INVALID, None)
    return ItemAnswer(item.id, outcome, item.family, ending=ending, spent=spent, verdict=verdict)


def _answered(item: BatchItem, finished: Finished, found: list[Proof]) -> ItemAnswer:
    proofs = finished.proofs or tuple(found)
    if proofs:
        outcome = ItemOutcome.PROVED
    elif finished.refutation is not None:
        outcome = ItemOutcome.REFUTED
    elif finished.ending is Ending.KNOWN_FAILURE:
        outcome = ItemOutcome.KNOWN_HARD
    else:
        outcome = ItemOutcome.UNPROVED
    return ItemAnswer(
        item.id,
        outcome,
        item.family,
        proofs,
        finished.ending,
        finished.spent,
        notes=finished.notes,
        refutation=finished.refutation,
    )
