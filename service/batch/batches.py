"""Requests and answers about batches: the interface between the calls (`CreateBatch`, …) and the component that runs
them.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from prover.errors import UserError
from prover.events import Ending, Progress, Proof, Refutation, StatementNote
from prover.options import SearchOptions
from prover.theorem import Theorem
from prover.verdict import Verdict
from service.auth.identity import Quota

NO_QUOTA = Quota()
"""No quota but the one in the settings."""


class NoBatchError(UserError):
    """The batch does not exist or belongs to another owner (the caller is not told which)."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A theorem of a batch.

    Attributes:
        id: the client's name for it, unique in the batch; at most 1,024 characters.
        theorem: the theorem to prove.
        guard: the library theorem that is proved anew, see `Policy.guard`; empty: that of the batch's options.
        family: group in reports, for instance a library module; may be empty.
    """

    id: str
    theorem: Theorem
    guard: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch to be created.

    Attributes:
        items: at least one.
        options: options of each search.
        key: idempotency key: a second submission under a key of the same owner returns the existing batch; empty:
            always creates a new batch.
        label: display name in reports; may be empty.
    """

    items: tuple[BatchItem, ...]
    options: SearchOptions = field(default_factory=lambda: SearchOptions(repeat=False))
    key: str = ""
    label: str = ""


class BatchState(StrEnum):
    """State of a batch."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ItemOutcome(StrEnum):
    """The outcome of an item.

    PROVED: at least one verified proof. REFUTED: the theorem is false. UNPROVED: the search ended without one.
    KNOWN_HARD: not searched, because an earlier search with at least this budget failed. INVALID: Lean rejects the
    statement. REFUSED: the service cannot serve the item's options. FAILED: its server died or failed at every attempt.
    """

    PROVED = "proved"
    REFUTED = "refuted"
    UNPROVED = "unproved"
    KNOWN_HARD = "known_hard"
    INVALID = "invalid"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class ItemAnswer:
    """The answer to one item.

    Attributes:
        id: as in `BatchItem`.
        family: as in `BatchItem`.
        outcome: the outcome.
        proofs: distinct verified proofs, in the order in which they were found.
        ending: reason why its search ended, if there was one.
        spent: spending of its search.
        verdict: verdict on the statement, for `INVALID`, and for `UNPROVED` if the statement did not elaborate in time.
        error: one sentence, for `REFUSED` and `FAILED`.
        attempts: number of attempts; more than one if a server died.
        notes: peculiarities of the statement.
        refutation: the refutation, for `REFUTED`.
    """

    id: str
    outcome: ItemOutcome
    family: str = ""
    proofs: tuple[Proof, ...] = ()
    ending: Ending | None = None
    spent: Progress = field(default_factory=Progress)
    verdict: Verdict | None = None
    error: str = ""
    attempts: int = 1
    notes: tuple[StatementNote, ...] = ()
    refutation: Refutation | None = None


@dataclass(frozen=True, slots=True)
class BatchStatus:
    """Status of a batch.

    Attributes:
        id: 32 hexadecimal digits.
        items: number of items.
        answered: number of answered items; the position of the last answer.
        running: number of items in progress.
        created, finished: seconds since the epoch; `finished` is None while it runs.
    """

    id: str
    label: str
    state: BatchState
    items: int
    answered: int
    running: int
    created: float
    finished: float | None = None


@dataclass(frozen=True, slots=True)
class Answered:
    """An item's answer with its position.

    Positions count 1, 2, 3, … in the order of finishing and never change, so they serve as cursors.
    """

    position: int
    answer: ItemAnswer


BatchEvent = Answered | BatchStatus
"""An answer, or the batch's status: first, periodically, and last, with a `state` other than RUNNING."""


class Batches(Protocol):
    """Runs batches. `owner` is the caller: batches of other owners are invisible to it; None sees every batch."""

    async def submit(self, request: BatchRequest, owner: str = "", quota: Quota = NO_QUOTA) -> BatchStatus:
        """Create a batch; when this returns it is on disk and will be done even if this server dies.

        Its work is charged to the owner's quota (`quota` or the settings); no item starts while the quota is used up.

        Raises:
            InputError: it has no items, too many or too large ones, or duplicate ids, or its key was used for another
                batch.
            BusyError: the owner, or all owners together, have too many unfinished items.
            UnavailableError: the database cannot be used.
        """
        ...

    def watch(self, batch_id: str, after: int = 0, owner: str | None = "") -> AsyncGenerator[BatchEvent, None]:
        """Yield the answers after position `after`, each once and in order, as they arrive; ends after the last status.

        Raises:
            NoBatchError: the owner has no such batch.
            UnavailableError: the database cannot be used.
        """
        ...

    async def status(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """Return the batch's status. Raises as `watch`."""
        ...

    async def cancel(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """Cancel the batch: existing answers stay, other items are stopped or not started. Raises as `watch`."""
        ...

    async def page(self, most: int, after: str = "", owner: str | None = "") -> list[BatchStatus]:
        """Return at most `most` batches created before the batch `after`, newest first.

        Raises as `watch` if `after` does not exist.
        """
        ...

    async def delete(self, batch_id: str, owner: str | None = "") -> None:
        """Delete the batch with its answers; items in progress are stopped. Raises as `watch`."""
        ...
