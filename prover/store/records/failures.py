"""Failed searches with their budgets: a search with at most the same budget need not be repeated."""

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

# The other endings describe the request or the service, not the difficulty of the theorem.
_IN_VAIN = frozenset({Ending.SAMPLERS_EXHAUSTED, Ending.SAMPLES_SPENT, Ending.CHECKS_SPENT, Ending.SECONDS_SPENT})
_WHOLE = 0.9  # of the time budget: a search that used this share counts as having used all of it


@dataclass(frozen=True, slots=True)
class Failure:
    """A search that found fewer proofs than requested.

    Attributes:
        model: description of the search for display.
        samples, checks, seconds: its budget. `checks` None: unlimited. If it ran out of time, `seconds` is its working
            time, without time in which other requests had the workers.
        found: number of proofs found.
        sampled, checked, elapsed: spent part of the budget.
        created: time in seconds since the epoch.
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
    """The failures in a database."""

    def __init__(self, database: Database, toolchain: Toolchain) -> None:
        """Create the store for failures under `toolchain`."""
        self._database = database
        self._toolchain = toolchain
        self._added = 0

    async def remember(self, theorem: Theorem, effort: str, model: str, budget: Budget, finished: Finished) -> None:
        """Store a search if it failed because its budget was used up; failures with smaller budgets are deleted.

        Args:
            theorem: the theorem.
            effort: all options of the search other than its budget (samplers, limits, policy).
            model: description of the search for display.
            budget: budget of the search.
            finished: final event of the search.

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
        """Return a search that had at least `budget` and found fewer proofs than `budget` asks for.

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
    """Delete failures older than so many seconds, and the oldest beyond `most`; returns the number deleted."""
    deleted = 0
    if older_than is not None:
        since = database.now(connection) - older_than
        deleted += connection.execute(delete(FailureRow).where(FailureRow.created < since)).rowcount
    beyond = select(FailureRow.id).order_by(FailureRow.created.desc(), FailureRow.id.desc()).offset(most)
    return deleted + connection.execute(delete(FailureRow).where(FailureRow.id.in_(beyond))).rowcount


def _hash(effort: str) -> str:
    return hashlib.sha256(effort.encode()).hexdigest()
