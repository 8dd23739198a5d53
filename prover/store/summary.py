"""Counts of a database's content."""

from dataclasses import dataclass

from sqlalchemy import Connection, distinct, func, select

from prover.store.tables import BatchRow, ClassroomRow, FailureRow, LearnerRow, ProofRow


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts.

    Attributes:
        proofs, theorems: numbers of proofs and of theorems with proofs.
        size: total size of their receipts in bytes.
        failures: number of failed searches.
        running, done, cancelled: numbers of batches by state.
        unfinished: number of unanswered items in running batches.
        classrooms, learners: numbers of classrooms and learners, including ended ones that are not deleted yet.
    """

    proofs: int
    theorems: int
    size: int
    failures: int
    running: int
    done: int
    cancelled: int
    unfinished: int
    classrooms: int
    learners: int


def summary(connection: Connection) -> Summary:
    """Count the content of a database."""
    proofs = connection.execute(
        select(func.count(), func.count(distinct(ProofRow.theorem)), func.coalesce(func.sum(ProofRow.size), 0))
    ).one()
    failures = connection.scalar(select(func.count()).select_from(FailureRow))
    all_batches = select(func.count()).select_from(BatchRow)
    running = connection.scalar(all_batches.where(BatchRow.finished.is_(None)))
    cancelled = connection.scalar(all_batches.where(BatchRow.cancelled.is_not(None)))
    finished = connection.scalar(all_batches.where(BatchRow.finished.is_not(None)))
    unanswered = func.coalesce(func.sum(BatchRow.total - BatchRow.answered), 0)
    unfinished = connection.scalar(select(unanswered).where(BatchRow.finished.is_(None)))
    classrooms = connection.scalar(select(func.count()).select_from(ClassroomRow))
    learners = connection.scalar(select(func.count()).select_from(LearnerRow))
    counts = (failures, running, (finished or 0) - (cancelled or 0), cancelled, unfinished, classrooms, learners)
    return Summary(*(int(count or 0) for count in (*proofs, *counts)))
