"""The guard that keeps held-out theorems, and what is nearly one of them, out of training."""

from collections.abc import Iterable

from training.corpus.dedupe import outline
from training.corpus.newness import key
from training.corpus.record import TheoremRecord


class HeldOut:
    """Held-out theorems. `record in held_out`: it is one of them, the same library theorem, or a near duplicate by its outline or key."""

    def __init__(self, records: Iterable[TheoremRecord]) -> None:
        """Read the held-out theorems."""
        records = list(records)
        self._outlines = {outline(record) for record in records}
        self._keys = {key(record) for record in records}
        self._guards = {record.guard for record in records if record.guard}

    def __contains__(self, record: TheoremRecord) -> bool:
        """Return whether nothing may be trained on the record."""
        return record.guard in self._guards or outline(record) in self._outlines or key(record) in self._keys


def without_leaks(records: Iterable[TheoremRecord], held_out: Iterable[TheoremRecord]) -> list[TheoremRecord]:
    """Return the records that are not held out."""
    guard = HeldOut(held_out)
    return [record for record in records if record not in guard]
