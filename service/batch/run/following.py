"""Submits the batches of a run and stores their answers, across interruptions of the server."""

import asyncio
import contextlib
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Protocol

from prover.errors import UserError
from prover.options import SearchOptions
from prover.requests import BusyError, UnavailableError
from service.batch.batches import Answered, BatchEvent, BatchItem, BatchRequest, BatchState, BatchStatus, NoBatchError
from service.batch.run.folder import BatchRun, Folder
from service.batch.run.inputs import Entry
from service.jsonl.rows import Row

_AT_ONCE = 2  # batches: while the last theorems of one are in progress, the server can start the next
_LONGEST_WAIT = 30.0


class BatchService(Protocol):
    """A component that runs batches: a server, through its client, or this process."""

    async def submit(self, request: BatchRequest) -> BatchStatus:
        """See `Batches.submit`."""
        ...

    def watch(self, batch_id: str, after: int = 0) -> AsyncGenerator[BatchEvent, None]:
        """See `Batches.watch`."""
        ...

    async def cancel(self, batch_id: str) -> BatchStatus:
        """See `Batches.cancel`."""
        ...


class Follower:
    """One process's work on a run."""

    def __init__(
        self,
        service: BatchService,
        folder: Folder,
        run: BatchRun,
        options: SearchOptions,
        project: str,
        answered: Callable[[Row], None],
        remark: Callable[[str], None],
    ) -> None:
        """Create a follower for the batches of `run`.

        Args:
            service: runs them.
            folder: stores the answers.
            run: the run.
            options: options of each search.
            project: project of theorems that name none.
            answered: called with each new line of results.
            remark: called with a sentence on the reason for a delay, and on its end.
        """
        self._service = service
        self._folder = folder
        self._run = run
        self._options = options
        self._project = project
        self._answered = answered
        self._remark = remark
        self._away = False

    async def finish(self) -> None:
        """Work until every item is answered.

        Raises:
            UserError: the server refuses a batch, or a batch was cancelled.
        """
        places = asyncio.Semaphore(_AT_ONCE)

        async def follow(number: int, items: Sequence[int]) -> None:
            async with places:
                await self._follow(number, items)

        todo = [(n, items) for n, items in enumerate(self._run.batches) if not self._folder.answered.issuperset(items)]
        tasks = [asyncio.create_task(follow(number, items)) for number, items in todo]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def cancel(self) -> int:
        """Cancel the run's remaining batches on the server; returns their number."""
        cancelled = 0
        for number, items in enumerate(self._run.batches):
            if not self._folder.answered.issuperset(items):
                request = await asyncio.to_thread(self._request, number, items)
                status = await self._service.submit(request)  # its id can only be found by its key
                cancelled += (await self._service.cancel(status.id)).state is BatchState.CANCELLED
        return cancelled

    async def _follow(self, number: int, items: Sequence[int]) -> None:
        entries = await asyncio.to_thread(self._folder.entries, items)
        batch = ""
        failures = 0
        while not self._folder.answered.issuperset(items):
            try:
                if not batch:
                    batch = (await self._service.submit(await asyncio.to_thread(self._request, number, items))).id
                after = self._folder.cursors.get(batch, 0)
                async with contextlib.aclosing(self._service.watch(batch, after)) as events:
                    async for event in events:
                        failures = 0
                        self._is_there()
                        self._take(event, entries, batch)
                if not self._folder.answered.issuperset(items):  # results.jsonl lost lines before later ones
                    self._folder.cursors[batch] = 0
                    await asyncio.sleep(1.0)
            except NoBatchError:  # the database was emptied
                batch = ""
            except BusyError as error:
                await asyncio.sleep(error.seconds * random.uniform(0.8, 1.2))
            except UnavailableError as error:
                if not self._away:
                    self._remark(f"{error}; waiting for it")
                self._away = True
                failures += 1
                await asyncio.sleep(min(_LONGEST_WAIT, 0.5 * 2**failures) * random.uniform(0.5, 1.0))

    def _take(self, event: BatchEvent, entries: dict[int, Entry], batch: str) -> None:
        if isinstance(event, Answered):
            number = int(event.answer.id)
            row = self._folder.add(number, entries[number], batch, event)
            if row is not None:
                self._answered(row)
        elif event.state is BatchState.CANCELLED:
            raise UserError("this batch was cancelled; name another folder to start again")

    def _is_there(self) -> None:
        if self._away:
            self._away = False
            self._remark("it is there again; going on")

    def _request(self, number: int, items: Sequence[int]) -> BatchRequest:
        entries = self._folder.entries(items)
        return BatchRequest(
            tuple(self._item(n, entries[n]) for n in items),
            self._options,
            key=f"{self._run.name}/{number}",
            label=self._run.label[:256],
        )

    def _item(self, number: int, entry: Entry) -> BatchItem:
        assert entry.theorem is not None
        return BatchItem(str(number), entry.theorem.within(self._project), entry.guard, entry.family)
