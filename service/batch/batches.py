"""What is asked of batches and what they answer: the seam between the calls (`CreateBatch`, …) and who runs them."""

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
"""As the settings say."""


class NoBatchError(UserError):
    """There is no such batch, or it belongs to somebody else (who asks is not told which)."""


@dataclass(frozen=True, slots=True)
class BatchItem:
    """A theorem of a batch.

    Attributes:
        id: the client's name for it, unique in the batch; at most 1,024 characters.
        theorem: to prove.
        guard: the library theorem that is proved anew, see `Policy.guard`; empty: that of the batch's options.
        family: what reports group it by, for instance a library module; may be empty.
    """

    id: str
    theorem: Theorem
    guard: str = ""
    family: str = ""


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """A batch to be done.

    Attributes:
        items: at least one.
        options: of each search.
        key: idempotency key: submitting again under a key that the same owner has used gives the batch that there is;
            empty: always a new batch.
        label: for people, shown in reports; may be empty.
    """

    items: tuple[BatchItem, ...]
    options: SearchOptions = field(default_factory=lambda: SearchOptions(repeat=False))
    key: str = ""
    label: str = ""


class BatchState(StrEnum):
    """Where a batch stands."""

    RUNNING = "running"
    DONE = "done"
    CANCELLED = "cancelled"


class ItemOutcome(StrEnum):
    """What became of an item.

    PROVED: at least one verified proof. REFUTED: the theorem is false. UNPROVED: the search ended without one. KNOWN_HARD: not searched, because at
    least the same budget was spent without success before. INVALID: Lean does not take the statement. REFUSED: the service does
    not offer what the item asks for. FAILED: its server died or broke each time it was tried.
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
    """What became of one item.

    Attributes:
        id: as in `BatchItem`.
        family: as in `BatchItem`.
        outcome: see there.
        proofs: verified, distinct, in the order in which they were found.
        ending: why its search ended, if there was one.
        spent: what its search took.
        verdict: of the statement, for `INVALID`.
        error: one sentence, for `REFUSED` and `FAILED`.
        attempts: how often it was begun; more than one after a server died.
        notes: what is odd about the statement.
        refutation: for `REFUTED`.
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
    """A batch as it stands.

    Attributes:
        id: 32 hexadecimal digits.
        items: how many it has.
        answered: how many of them are answered; the position of the last answer.
        running: how many are being worked on.
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
    """An item is answered. Positions count 1, 2, 3, … in the order of finishing and never change: they are cursors."""

    position: int
    answer: ItemAnswer


BatchEvent = Answered | BatchStatus
"""An answer; or how the batch stands: first, now and then, and last, with a `state` that is not RUNNING."""


class Batches(Protocol):
    """Runs batches. `owner` is who asks: another owner's batch does not exist for them; None sees every batch."""

    async def submit(self, request: BatchRequest, owner: str = "", quota: Quota = NO_QUOTA) -> BatchStatus:
        """Take a batch in; when this returns it is on disk and will be done, whatever happens to this server.

        What it takes is charged to its owner, as far as `quota` or the settings bound it; nothing of it is begun while the
        owner has spent that.

        Raises:
            InputError: it holds no items, too many or too large ones, two of one id, or its key was used for another
                batch.
            BusyError: the owner, or everybody together, have too many unfinished items.
            UnavailableError: the database cannot be used.
        """
        ...

    def watch(self, batch_id: str, after: int = 0, owner: str | None = "") -> AsyncGenerator[BatchEvent, None]:
        """The answers after position `after`, each once and in order, as they come; ends after the last status.

        Raises:
            NoBatchError: there is none of that name for this owner.
            UnavailableError: the database cannot be used.
        """
        ...

    async def status(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """How the batch stands. Raises as `watch`."""
        ...

    async def cancel(self, batch_id: str, owner: str | None = "") -> BatchStatus:
        """End it: what is answered stays, the rest is not begun and what is under way is stopped. Raises as `watch`."""
        ...

    async def page(self, most: int, after: str = "", owner: str | None = "") -> list[BatchStatus]:
        """At most `most` batches, the newest first, older than the batch `after`. Raises as `watch`, if `after` names none."""
        ...

    async def delete(self, batch_id: str, owner: str | None = "") -> None:
        """Remove it with its answers; what is under way is stopped. Raises as `watch`."""
        ...
