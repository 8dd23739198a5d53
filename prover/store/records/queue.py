"""The queue of batches: several servers take items from one table, and each item is answered exactly once.

A server takes an item under a lease and renews it while it works on the item. If the server dies or drops the item, the
lease expires and any server may take the item again. `attempt` is a fencing token: an answer counts only if its attempt
holds the lease. The answers of a batch have positions 1, 2, 3, … without gaps, in the order in which they become
visible, so that a position serves as a cursor.
"""

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from prover.store.database import Database
from prover.store.records import batches
from prover.store.records.batches import StoredBatch, Submission
from prover.store.tables import BatchRow, ItemRow

_FREE: dict[str, Any] = {"state": "waiting", "lease": None, "lease_until": None}


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

    async def submit(self, submission: Submission, max_items: int, max_of_owner: int) -> StoredBatch:
        """Queue a batch, or return the one submitted under the same key.

        Args:
            submission: the batch.
            max_items: maximum number of unfinished items of all owners, including this batch.
            max_of_owner: maximum number of its owner.

        Raises:
            KeyUsedError: the key belongs to another submission.
            QueueFullError: a maximum would be exceeded.
            StoreError: the database cannot be written.
        """
        try:
            return await self._database.write(
                lambda c: batches.submit(self._database, c, submission, max_items, max_of_owner)
            )
        except IntegrityError:  # PostgreSQL: a concurrent submission has used this key
            return await self._database.write(
                lambda c: batches.submit(self._database, c, submission, max_items, max_of_owner)
            )

    async def find(self, batch: str) -> StoredBatch | None:
        """Return a batch; None if there is none with that id. Raises StoreError."""
        return await self._database.read(lambda c: batches.find(c, batch))

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
            held = (self._held(), ItemRow.id.in_(in_hand))
            return set(connection.scalars(update(ItemRow).where(*held).values(lease_until=until).returning(ItemRow.id)))

        return await self._database.write(work)

    async def answer(self, lease: Lease, answer: str) -> int | None:
        """Store the answer of an item; returns its position, or None if the lease was lost and the answer does not
        count. Raises StoreError.
        """
        return await self._database.write(lambda c: self._answer(c, lease, answer))

    async def release(self, lease: Lease) -> None:
        """Release an item to be retried; the attempt counts. Raises StoreError."""
        own_lease = (self._held(), ItemRow.id == lease.item, ItemRow.attempt == lease.attempt)
        await self._database.write(lambda c: c.execute(update(ItemRow).where(*own_lease).values(_FREE)))

    async def give_back(self) -> None:
        """Release all items that this server holds; the attempts do not count. Raises StoreError."""
        values = _FREE | {"attempt": ItemRow.attempt - 1}
        await self._database.write(lambda c: c.execute(update(ItemRow).where(self._held()).values(values)))

    async def take_back(self) -> None:
        """Release all leases; for a process that has the database to itself. Raises StoreError."""
        await self._database.write(lambda c: c.execute(update(ItemRow).where(ItemRow.state == "running").values(_FREE)))

    async def cancel(self, batch: str) -> StoredBatch | None:
        """Cancel a batch: its unanswered items get no answer. None: there is no such batch. Raises StoreError."""

        def work(connection: Connection) -> StoredBatch | None:
            now = self._database.now(connection)
            unfinished = (BatchRow.id == batch, BatchRow.finished.is_(None))
            if connection.execute(update(BatchRow).where(*unfinished).values(cancelled=now, finished=now)).rowcount:
                values = {"state": "cancelled", "lease": None, "lease_until": None}
                open_items = (ItemRow.batch == batch, ItemRow.state.in_(("waiting", "running")))
                connection.execute(update(ItemRow).where(*open_items).values(values))
            return batches.find(connection, batch)

        return await self._database.write(work)

    async def page(self, most: int, before: StoredBatch | None = None, owner: str | None = None) -> list[StoredBatch]:
        """Return at most `most` batches of an owner created before `before`, newest first. Owner None: of every owner.

        Raises StoreError.
        """
        query = batches.all_batches().order_by(BatchRow.created.desc(), BatchRow.id.desc()).limit(most)
        if owner is not None:
            query = query.where(BatchRow.owner == owner)
        if before is not None:
            query = query.where(tuple_(BatchRow.created, BatchRow.id) < (before.created, before.id))
        return await self._database.read(lambda c: [StoredBatch(*row) for row in c.execute(query)])

    async def delete(self, batch: str) -> None:
        """Delete a batch with its items and answers, if it exists. Raises StoreError."""
        await self._database.write(lambda c: c.execute(delete(BatchRow).where(BatchRow.id == batch)))

    async def trim(self, older_than: float) -> int:
        """See `batches.trim`. Raises StoreError."""
        return await self._database.write(lambda c: batches.trim(self._database, c, older_than))

    def _held(self) -> ColumnElement[bool]:
        return and_(ItemRow.lease == self._server, ItemRow.state == "running")

    def _backlog(self, connection: Connection) -> Backlog:
        open_batches = BatchRow.finished.is_(None)
        unfinished = connection.scalar(select(func.sum(BatchRow.total - BatchRow.answered)).where(open_batches)) or 0
        running = connection.scalar(
            select(func.count()).select_from(ItemRow).join(BatchRow).where(open_batches, ItemRow.state == "running")
        )
        waits = select(ItemRow.id).where(ItemRow.batch == BatchRow.id, ItemRow.state == "waiting").exists()
        oldest = connection.scalar(select(func.min(BatchRow.created)).where(open_batches, waits))
        age = 0.0 if oldest is None else max(0.0, self._database.now(connection) - oldest)
        return Backlog(int(unfinished) - int(running or 0), int(running or 0), age)

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
        rows = {row.id: row for row in connection.execute(unfinished) if not without(row.owner)}
        in_progress: dict[str, int] = dict.fromkeys(rows, 0)
        query = select(ItemRow.batch, func.count()).where(
            ItemRow.batch.in_(rows), ItemRow.state == "running", ItemRow.lease_until >= now
        )
        for batch, count in connection.execute(query.group_by(ItemRow.batch)):
            in_progress[batch] = count
        leases: list[Lease] = []
        while in_progress and len(leases) < most:
            owners: dict[str, int] = {}
            for batch, count in in_progress.items():
                owners[rows[batch].owner] = owners.get(rows[batch].owner, 0) + count
            batch = min(
                in_progress, key=lambda batch: (owners[rows[batch].owner], in_progress[batch], rows[batch].created)
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
                del in_progress[batch]
                continue
            values = {"state": "running", "lease": self._server, "lease_until": now + seconds}
            taken = update(ItemRow).where(ItemRow.id == row.id).values(values | {"attempt": row.attempt + 1})
            connection.execute(taken)
            owner, options = rows[batch].owner, rows[batch].options
            leases.append(Lease(row.id, batch, owner, row.name, row.request, options, row.attempt + 1))
            in_progress[batch] += 1
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
        own_lease = (self._held(), ItemRow.id == lease.item, ItemRow.attempt == lease.attempt)
        if not connection.execute(update(ItemRow).where(*own_lease).values(values)).rowcount:
            return None
        finished = self._database.now(connection) if position == batch.total else None
        connection.execute(
            update(BatchRow).where(BatchRow.id == lease.batch).values(answered=position, finished=finished)
        )
        return position
