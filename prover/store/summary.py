"""What lies in a database, in figures."""

from dataclasses import dataclass

from sqlalchemy import Connection, distinct, func, select

from prover.store.tables import FailureRow, JobRow, ProofRow


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts.

    Attributes:
        proofs, theorems: proofs, and theorems that have any.
        size: bytes of their receipts.
        failures: searches in vain.
        running, done, cancelled: jobs.
        unfinished: items of running jobs that are not answered.
    """

    proofs: int
    theorems: int
    size: int
    failures: int
    running: int
    done: int
    cancelled: int
    unfinished: int


def summary(connection: Connection) -> Summary:
    """Count what there is."""
    proofs = connection.execute(
        select(func.count(), func.count(distinct(ProofRow.theorem)), func.coalesce(func.sum(ProofRow.size), 0))
    ).one()
    failures = connection.scalar(select(func.count()).select_from(FailureRow))
    all_jobs = select(func.count()).select_from(JobRow)
    running = connection.scalar(all_jobs.where(JobRow.finished.is_(None)))
    cancelled = connection.scalar(all_jobs.where(JobRow.cancelled.is_not(None)))
    finished = connection.scalar(all_jobs.where(JobRow.finished.is_not(None)))
    left = func.coalesce(func.sum(JobRow.total - JobRow.answered), 0)
    unfinished = connection.scalar(select(left).where(JobRow.finished.is_(None)))
    counts = (failures, running, (finished or 0) - (cancelled or 0), cancelled, unfinished)
    return Summary(*(int(count or 0) for count in (*proofs, *counts)))
