"""Stored batches: their submission, state and removal. Their items are leased in `queue`."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Select, delete, func, insert, select

from prover.store.database import Database
from prover.store.tables import BatchRow, ItemRow


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


def submit(
    database: Database, connection: Connection, submission: Submission, max_items: int, max_of_owner: int
) -> StoredBatch:
    """Store a batch with its items; see `BatchQueue.submit`."""
    if submission.key is not None:
        same_key = (BatchRow.owner == submission.owner, BatchRow.key == submission.key)
        known = connection.execute(select(BatchRow.id, BatchRow.digest).where(*same_key)).first()
        if known is not None:
            if known.digest != submission.digest:
                raise KeyUsedError(f"the key {submission.key!r} was used for another batch")
            batch = find(connection, known.id)
            assert batch is not None
            return batch
    unanswered = func.coalesce(func.sum(BatchRow.total - BatchRow.answered), 0)
    for limit, of_owner in ((max_items, ()), (max_of_owner, (BatchRow.owner == submission.owner,))):
        unfinished = connection.scalar(select(unanswered).where(BatchRow.finished.is_(None), *of_owner)) or 0
        if unfinished + len(submission.items) > limit:
            raise QueueFullError(f"{unfinished} items are unfinished; there is room for {limit}")
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
            created=database.now(connection),
        )
    )
    rows = [
        {"batch": batch_id, "name": name, "request": request, "state": "waiting", "attempt": 0}
        for name, request in submission.items
    ]
    connection.execute(insert(ItemRow), rows)
    batch = find(connection, batch_id)
    assert batch is not None
    return batch


def trim(database: Database, connection: Connection, older_than: float) -> int:
    """Delete batches that were finished so many seconds ago, with their answers; returns their number."""
    since = database.now(connection) - older_than
    return connection.execute(delete(BatchRow).where(BatchRow.finished < since)).rowcount


def find(connection: Connection, batch: str) -> StoredBatch | None:
    """Return a batch; None if there is none with that id."""
    row = connection.execute(all_batches().where(BatchRow.id == batch)).first()
    return None if row is None else StoredBatch(*row)


def all_batches() -> Select[Any]:
    """Select the columns of `StoredBatch`."""
    in_progress = (ItemRow.batch == BatchRow.id, ItemRow.state == "running")
    running = select(func.count()).select_from(ItemRow).where(*in_progress).scalar_subquery()
    columns = (BatchRow.id, BatchRow.owner, BatchRow.label, BatchRow.total, BatchRow.answered, running)
    return select(*columns, BatchRow.created, BatchRow.cancelled, BatchRow.finished)
