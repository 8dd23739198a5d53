"""The queue of batches: several servers take items from one table, and each item is answered exactly once.

A server takes an item under a lease and renews it while it works on the item. If the server dies or drops the item, the
lease expires and any server may take the item again. `attempt` is a fencing token: an answer counts only if its attempt
holds the lease. The answers of a batch have positions 1, 2, 3, … without gaps, in the order in which they become
visible, so that a position serves as a cursor.
"""

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from prover.store.database import Database
from prover.store.tables import BatchRow, ItemRow

_FREE: dict[str, Any] = {"state": "waiting", "lease": None, "lease_until": None}


class KeyUsedError(ValueError):
    """The owner has used this idempotency key for another submission."""


class QueueFullError(RuntimeError):
    """The maximum number of unfinished items is reached."""


@dataclass(frozen=True, slots=True)
class Submission:
    """A batch to be queued. Requests and `options` are opaque to the queue.

    Attributes:
        key: idempotency key; None: always creates a new batch.
        digest: digest of the whole submission.
        items: names and requests.
    """

    owner: str
    key: str | None
    digest: str
    label: str
    options: str
    items: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class StoredBatch:
    """The state of a batch. Times in seconds since the epoch."""

    id: str
    owner: str
    label: str
    total: int
    answered: int
    running: int
    created: float
    cancelled: float | None
    finished: float | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """Number of unfinished items, and the age of the oldest batch with a waiting item."""

    waiting: int = 0
    running: int = 0
    oldest_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Lease:
    """An item leased to this server. `options` belong to its batch; `attempt` counts from 1."""

    item: int
    batch: str
    owner: str
    name: str
    request: str
    options: str
    attempt: int


class BatchQueue:
    """The batches in a database, as seen by one server."""

    def __init__(self, database: Database) -> None:
        """Create the queue for a server with a unique name."""
        self._database = database
        self._server = secrets.token_hex(16)

    async def submit(self, submission: Submission, most: int, most_each: int) -> StoredBatch:
        """Queue a batch, or return the one submitted under the same key.

        Args:
            submission: the batch.
            most: maximum number of unfinished items of all owners, including this batch.
            most_each: maximum number of its owner.

        Raises:
            KeyUsedError: the key belongs to another submission.
            QueueFullError: a maximum would be exceeded.
            StoreError: the database cannot be written.
        """
        try:
            return await self._database.write(lambda c: self._submit(c, submission, most, most_each))
        except IntegrityError:  # PostgreSQL: a concurrent submission has used this key
            return await self._database.write(lambda c: self._submit(c, submission, most, most_each))

    async def find(self, batch: str) -> StoredBatch | None:
        """Return a batch; None if there is none with that id. Raises StoreError."""
        return await self._database.read(lambda c: _batch(c, batch))

    async def backlog(self) -> Backlog:
        """Return the `Backlog`. Raises StoreError."""
        return await self._database.read(self._backlog)

    async def answers(self, batch: str, after: int, most: int) -> list[tuple[int, str]]:
        """Return at most `most` positions and answers after position `after`. Raises StoreError."""
        query = (
            select(ItemRow.position, ItemRow.answer)
            .where(ItemRow.batch == batch, ItemRow.position > after)
            .order_by(ItemRow.position)
            .limit(most)
        )
        return await self._database.read(lambda c: [(row.position, row.answer) for row in c.execute(query)])

    async def claim(
        self,
        most: int,
        seconds: float,
        without: Callable[[str], bool] = lambda _owner: False,
        in_hand: Collection[int] = (),
    ) -> list[Lease]:
        """Lease at most `most` items for so many seconds, in turn from the owners and batches with the fewest items in
        progress.

        Args:
            most: maximum number of items.
            seconds: duration of the leases.
            without: returns whether to skip an owner's items; called in another thread.
            in_hand: items in progress on this server; they are skipped even if their leases expired while the database
                was unavailable.

        Raises:
            StoreError: the database cannot be written.
        """
        return await self._database.write(lambda c: self._claim(c, most, seconds, without, in_hand))

    async def renew(self, seconds: float, in_hand: Collection[int]) -> set[int]:
        """Renew the leases of items in progress on this server for so many seconds; returns those of `in_hand` that it
        still holds.

        Leases of items that it does not work on expire, and a later claim takes them. Raises StoreError.
        """
        if not in_hand:
            return set()

        def work(connection: Connection) -> set[int]:
            until = self._database.now(connection) + seconds
            theirs = (self._held(), ItemRow.id.in_(in_hand))
            return set(
                connection.scalars(update(ItemRow).where(*theirs).values(lease_until=until).returning(ItemRow.id))
            )

        return await self._database.write(work)

    async def answer(self, lease: Lease, answer: str) -> int | None:
        """Store the answer of an item; returns its position, or None if the lease was lost and the answer does not
        count. Raises StoreError.
        """
        return await self._database.write(lambda c: self._answer(c, lease, answer))

    async def release(self, lease: Lease) -> None:
        """Release an item to be retried; the attempt counts. Raises StoreError."""
        mine = (self._held(), ItemRow.id == lease.item, ItemRow.attempt == lease.attempt)
        await self._database.write(lambda c: c.execute(update(ItemRow).where(*mine).values(_FREE)))

    async def give_back(self) -> None:
        """Release all items that this server holds; the attempts do not count. Raises StoreError."""
        values = _FREE | {"attempt": ItemRow.attempt - 1}
        await self._database.write(lambda c: c.execute(update(ItemRow).where(self._held()).values(values)))

    async def take_back(self) -> None:
        """Release all leases; for a process that has the database to itself. Raises StoreError."""
        values = {"state": "waiting", "lease": None, "lease_until": None}
        await self._database.write(
            lambda c: c.execute(update(ItemRow).where(ItemRow.state == "running").values(values))
        )

    async def cancel(self, batch: str) -> StoredBatch | None:
        """Cancel a batch: its unanswered items get no answer. None: there is no such batch. Raises StoreError."""

        def work(connection: Connection) -> StoredBatch | None:
            now = self._database.now(connection)
            unfinished = (BatchRow.id == batch, BatchRow.finished.is_(None))
            if connection.execute(update(BatchRow).where(*unfinished).values(cancelled=now, finished=now)).rowcount:
                values = {"state": "cancelled", "lease": None, "lease_until": None}
                open_items = (ItemRow.batch == batch, ItemRow.state.in_(("waiting", "running")))
                connection.execute(update(ItemRow).where(*open_items).values(values))
            return _batch(connection, batch)

        return await self._database.write(work)

    async def page(self, most: int, before: StoredBatch | None = None, owner: str | None = None) -> list[StoredBatch]:
        """Return at most `most` batches of an owner created before `before`, newest first. Owner None: of every owner.

        Raises StoreError.
        """
        query = _batches().order_by(BatchRow.created.desc(), BatchRow.id.desc()).limit(most)
        if owner is not None:
            query = query.where(BatchRow.owner == owner)
        if before is not None:
            query = query.where(tuple_(BatchRow.created, BatchRow.id) < (before.created, before.id))
        return await self._database.read(lambda c: [StoredBatch(*row) for row in c.execute(query)])

    async def delete(self, batch: str) -> None:
        """Delete a batch with its items and answers, if it exists. Raises StoreError."""
        await self._database.write(lambda c: c.execute(delete(BatchRow).where(BatchRow.id == batch)))

    async def trim(self, older_than: float) -> int:
        """See `trim`. Raises StoreError."""
        return await self._database.write(lambda c: trim(self._database, c, older_than))

    def _held(self) -> ColumnElement[bool]:
        return and_(ItemRow.lease == self._server, ItemRow.state == "running")

    def _backlog(self, connection: Connection) -> Backlog:
        open_batches = BatchRow.finished.is_(None)
        left = connection.scalar(select(func.sum(BatchRow.total - BatchRow.answered)).where(open_batches)) or 0
        running = connection.scalar(
            select(func.count()).select_from(ItemRow).join(BatchRow).where(open_batches, ItemRow.state == "running")
        )
        waits = select(ItemRow.id).where(ItemRow.batch == BatchRow.id, ItemRow.state == "waiting").exists()
        oldest = connection.scalar(select(func.min(BatchRow.created)).where(open_batches, waits))
        age = 0.0 if oldest is None else max(0.0, self._database.now(connection) - oldest)
        return Backlog(int(left) - int(running or 0), int(running or 0), age)

    def _submit(self, connection: Connection, submission: Submission, most: int, most_each: int) -> StoredBatch:
        if submission.key is not None:
            same_key = (BatchRow.owner == submission.owner, BatchRow.key == submission.key)
            known = connection.execute(select(BatchRow.id, BatchRow.digest).where(*same_key)).first()
            if known is not None:
                if known.digest != submission.digest:
                    raise KeyUsedError(f"the key {submission.key!r} was used for another batch")
                batch = _batch(connection, known.id)
                assert batch is not None
                return batch
        left = func.coalesce(func.sum(BatchRow.total - BatchRow.answered), 0)
        for bound, whose in ((most, ()), (most_each, (BatchRow.owner == submission.owner,))):
            unfinished = connection.scalar(select(left).where(BatchRow.finished.is_(None), *whose)) or 0
            if unfinished + len(submission.items) > bound:
                raise QueueFullError(f"{unfinished} items are unfinished; there is room for {bound}")
        batch_id = secrets.token_hex(16)
        connection.execute(
            insert(BatchRow).values(
                id=batch_id,
                owner=submission.owner,
                key=submission.key,
                digest=submission.digest,
                label=submission.label,
                options=submission.options,
                total=len(submission.items),
                answered=0,
                created=self._database.now(connection),
            )
        )
        rows = [
            {"batch": batch_id, "name": name, "request": request, "state": "waiting", "attempt": 0}
            for name, request in submission.items
        ]
        connection.execute(insert(ItemRow), rows)
        batch = _batch(connection, batch_id)
        assert batch is not None
        return batch

    def _claim(
        self,
        connection: Connection,
        most: int,
        seconds: float,
        without: Callable[[str], bool],
        in_hand: Collection[int],
    ) -> list[Lease]:
        now = self._database.now(connection)
        unfinished = select(BatchRow.id, BatchRow.owner, BatchRow.options, BatchRow.created).where(
            BatchRow.finished.is_(None)
        )
        # 1. Find the batch whose turn it is: batches with waiting items, and the number in progress of each.
        batches = {row.id: row for row in connection.execute(unfinished) if not without(row.owner)}
        at_work: dict[str, int] = dict.fromkeys(batches, 0)
        query = select(ItemRow.batch, func.count()).where(
            ItemRow.batch.in_(batches), ItemRow.state == "running", ItemRow.lease_until >= now
        )
        for batch, count in connection.execute(query.group_by(ItemRow.batch)):
            at_work[batch] = count
        leases: list[Lease] = []
        while at_work and len(leases) < most:
            owners: dict[str, int] = {}
            for batch, count in at_work.items():
                owners[batches[batch].owner] = owners.get(batches[batch].owner, 0) + count
            batch = min(
                at_work, key=lambda batch: (owners[batches[batch].owner], at_work[batch], batches[batch].created)
            )
            # 2. Take its first item that is not leased, or whose lease has expired.
            lost = and_(ItemRow.state == "running", ItemRow.lease_until < now)
            free = (
                select(ItemRow.id, ItemRow.name, ItemRow.request, ItemRow.attempt)
                .where(ItemRow.batch == batch, ItemRow.id.not_in(in_hand), or_(ItemRow.state == "waiting", lost))
                .order_by(ItemRow.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            row = connection.execute(free).first()
            if row is None:
                del at_work[batch]
                continue
            values = {"state": "running", "lease": self._server, "lease_until": now + seconds}
            taken = update(ItemRow).where(ItemRow.id == row.id).values(values | {"attempt": row.attempt + 1})
            connection.execute(taken)
            of_batch = batches[batch]
            leases.append(
                Lease(row.id, batch, of_batch.owner, row.name, row.request, of_batch.options, row.attempt + 1)
            )
            at_work[batch] += 1
        return leases

    def _answer(self, connection: Connection, lease: Lease, answer: str) -> int | None:
        # As everywhere, the batch is locked first, so that transactions cannot deadlock, and until the commit, so that
        # positions become visible in order.
        batch = connection.execute(
            select(BatchRow.answered, BatchRow.total).where(BatchRow.id == lease.batch).with_for_update()
        ).first()
        if batch is None:
            return None
        position = int(batch.answered) + 1
        values = {"state": "answered", "answer": answer, "position": position, "lease": None, "lease_until": None}
        mine = (self._held(), ItemRow.id == lease.item, ItemRow.attempt == lease.attempt)
        if not connection.execute(update(ItemRow).where(*mine).values(values)).rowcount:
            return None
        finished = self._database.now(connection) if position == batch.total else None
        connection.execute(
            update(BatchRow).where(BatchRow.id == lease.batch).values(answered=position, finished=finished)
        )
        return position


def trim(database: Database, connection: Connection, older_than: float) -> int:
    """Delete batches that were finished so many seconds ago, with their answers; returns their number."""
    since = database.now(connection) - older_than
    return connection.execute(delete(BatchRow).where(BatchRow.finished < since)).rowcount


def _batch(connection: Connection, batch: str) -> StoredBatch | None:
    row = connection.execute(_batches().where(BatchRow.id == batch)).first()
    return None if row is None else StoredBatch(*row)


def _batches() -> Select[Any]:
    """Select the columns of `StoredBatch`."""
    at_work = (ItemRow.batch == BatchRow.id, ItemRow.state == "running")
    running = select(func.count()).select_from(ItemRow).where(*at_work).scalar_subquery()
    columns = (BatchRow.id, BatchRow.owner, BatchRow.label, BatchRow.total, BatchRow.answered, running)
    return select(*columns, BatchRow.created, BatchRow.cancelled, BatchRow.finished)
