"""Searches that came to nothing, with what they were given: who asks for no more need not search again."""

import hashlib
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select

from prover.events import Ending, Finished
from prover.options import Budget
from prover.receipts.receipt import Toolchain
from prover.store.database import Database
from prover.store.records.keys import failure_key
from prover.store.tables import FailureRow
from prover.theorem import Theorem

_MOST = 1_000_000
_TRIM_EVERY = 1000  # insertions

# The other endings say something about the request or the service, and nothing about how hard the theorem is.
_IN_VAIN = frozenset({Ending.SAMPLERS_EXHAUSTED, Ending.SAMPLES_SPENT, Ending.CHECKS_SPENT, Ending.SECONDS_SPENT})
_WHOLE = 0.9  # of the time asked for: a search that took so much of it counts as one that took it all


@dataclass(frozen=True, slots=True)
class Failure:
    """A search that found fewer proofs than were wanted.

    Attributes:
        model: how it searched, for people.
        samples, checks, seconds: its budget; `checks` of None: no bound; `seconds` are those that it worked, if it ran out
            of them, and not those in which others had the workers.
        found: proofs it found.
        sampled, checked, elapsed: what of the budget it spent.
        created: when, in seconds since the epoch.
    """

    model: str
    samples: int
    checks: int | None
    seconds: float
    found: int
    sampled: int
    checked: int
    elapsed: float
    created: float = 0.0


class FailureStore:
    """The failures of one database."""

    def __init__(self, database: Database, toolchain: Toolchain) -> None:
        """Failures under `toolchain`."""
        self._database = database
        self._toolchain = toolchain
        self._added = 0

    async def remember(self, theorem: Theorem, effort: str, model: str, budget: Budget, finished: Finished) -> None:
        """Keep how a search ended, if it failed for want of budget; what a smaller budget failed at is forgotten.

        Args:
            theorem: what was to be proved.
            effort: all that says how it was searched (samplers, limits, policy), besides the budget.
            model: the same for people.
            budget: what the search was given.
            finished: how it ended.

        Raises:
            StoreError: the database cannot be written.
        """
        spent = finished.spent
        if finished.ending not in _IN_VAIN or spent.proofs >= budget.proofs or not spent.checked + spent.requests:
            return
        seconds = budget.seconds
        if finished.ending is Ending.SECONDS_SPENT and (worked := spent.seconds - spent.waited) < _WHOLE * seconds:
            seconds = worked
        failure = Failure(
            model,
            budget.samples,
            budget.checks,
            seconds,
            spent.proofs,
            spent.sampled,
            spent.checked,
            spent.seconds,
        )
        await self._database.write(lambda connection: self._insert(connection, theorem, effort, failure))
        self._added += 1
        if self._added >= _TRIM_EVERY:
            self._added = 0
            await self._database.write(lambda connection: trim(self._database, connection, None))

    async def known(self, theorem: Theorem, effort: str, budget: Budget) -> Failure | None:
        """A search that was given at least `budget` and found fewer proofs than are wanted now.

        Raises:
            StoreError: the database cannot be read.
        """
        return await self._database.read(lambda connection: self._find(connection, theorem, effort, budget))

    def _insert(self, connection: Connection, theorem: Theorem, effort: str, failure: Failure) -> None:
        key, now = failure_key(theorem, self._toolchain), self._database.now(connection)
        smaller: list[ColumnElement[bool]] = [
            FailureRow.theorem == key,
            FailureRow.effort == _hash(effort),
            FailureRow.samples <= failure.samples,
            FailureRow.seconds <= failure.seconds,
            FailureRow.found >= failure.found,
        ]
        if failure.checks is not None:
            smaller.append(FailureRow.checks <= failure.checks)
        connection.execute(delete(FailureRow).where(*smaller))
        values = {name: getattr(failure, name) for name in failure.__slots__} | {"created": now}
        connection.execute(insert(FailureRow).values(theorem=key, effort=_hash(effort), **values))

    def _find(self, connection: Connection, theorem: Theorem, effort: str, budget: Budget) -> Failure | None:
        enough: list[ColumnElement[bool]] = [FailureRow.checks.is_(None)]
        if budget.checks is not None:
            enough.append(FailureRow.checks >= budget.checks)
        query = (
            select(*(getattr(FailureRow, name) for name in Failure.__slots__))
            .where(
                FailureRow.theorem == failure_key(theorem, self._toolchain),
                FailureRow.effort == _hash(effort),
                FailureRow.samples >= budget.samples,
                FailureRow.seconds >= budget.seconds,
                FailureRow.found < budget.proofs,
                or_(*enough),
            )
            .limit(1)
        )
        row = connection.execute(query).first()
        return Failure(*row) if row is not None else None


def trim(database: Database, connection: Connection, older_than: float | None, most: int = _MOST) -> int:
    """Delete failures older than so many seconds, and the oldest beyond `most`; returns how many."""
    deleted = 0
    if older_than is not None:
        since = database.now(connection) - older_than
        deleted += connection.execute(delete(FailureRow).where(FailureRow.created < since)).rowcount
    beyond = select(FailureRow.id).order_by(FailureRow.created.desc(), FailureRow.id.desc()).offset(most)
    return deleted + connection.execute(delete(FailureRow).where(FailureRow.id.in_(beyond))).rowcount


def _hash(effort: str) -> str:
    return hashlib.sha256(effort.encode()).hexdigest()
