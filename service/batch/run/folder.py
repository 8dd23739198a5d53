"""The folder of a batch run: requests and answers, written such that the run can be resumed after any end of the
process.

    run.json       the request, and the partition of items into batches; written once, as the last preparation
    items.jsonl    the theorems, as read when the run began
    results.jsonl  one answer per line, in order of arrival
    report.html, report.json

One process at a time locks a folder. A batch's idempotency key consists of the run's name and the batch's number, so
that submitting it again to the same database finds it.
"""

import itertools
import json
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from prover.atomic import atomic_write_text
from prover.errors import UserError
from prover.theorem import Theorem
from prover.verdict import VerdictKind
from service.batch.batches import Answered, ItemAnswer, ItemOutcome
from service.batch.run.inputs import Entry
from service.jsonl.rows import Row, message_row, note_rows, refutation_row
from training.journal import Journal, JournalError

_MOST_ITEMS = 500  # items per batch, which limits the answers in progress or unread
_ENTRY = TypeAdapter(Entry)


class BatchRun(BaseModel):
    """The request of a run and its partition.

    Attributes:
        name: 16 hexadecimal digits, new for each run.
        asked: inputs and options; a resumed run must have the same ones.
        label: display name.
        items: number of items.
        batches: for each batch the numbers of its items.
        created: seconds since the epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = 1
    name: str
    asked: dict[str, Any]
    label: str
    items: int
    batches: tuple[tuple[int, ...], ...] = Field(validation_alias=AliasChoices("batches", "jobs"))
    created: float


class Folder:
    """The folder of a run. Use it as a context manager, for the lock."""

    def __init__(self, path: Path) -> None:
        """Create the object; nothing is read."""
        self.path = path
        self.answered: set[int] = set()
        """Numbers of the answered items."""
        self.cursors: dict[str, int] = {}
        """Position of the last stored answer, for each batch of the server."""
        self._journal: Journal | None = None
        self._offsets: list[int] = []

    def __enter__(self) -> Self:
        """Lock the folder.

        Raises:
            UserError: another process uses it, or it cannot be written.
        """
        try:
            self._journal = Journal(self.path / "results.jsonl")
        except JournalError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        return self

    def __exit__(self, *_exc: object) -> None:
        """Unlock the folder."""
        if self._journal is not None:
            self._journal.close()

    def run(self, asked: dict[str, Any]) -> BatchRun | None:
        """Return the run that an earlier process began; None if there is none.

        Raises:
            UserError: the files are invalid, or the run has another request than `asked`.
        """
        path = self.path / "run.json"
        if not path.exists():
            return None
        try:
            run = BatchRun.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            raise UserError(f"{path} is not a batch of this version: name another folder") from None
        for name in sorted({*run.asked, *asked}):
            # Unused options are None, False, empty or absent.
            if (run.asked.get(name) or None) != (asked.get(name) or None):
                raise UserError(
                    f"{self.path} holds a batch with another {name} ({run.asked.get(name)!r}, now {asked.get(name)!r}): "
                    "ask for the same to resume it, or name another folder"
                )
        return run

    def begin(self, asked: dict[str, Any], label: str, entries: Iterable[Entry], batch_bytes: int) -> BatchRun:
        """Store a new run; invalid entries are answered at once.

        Raises:
            UserError: it cannot be written.
        """
        batches: list[list[int]] = []
        refused: list[tuple[int, Entry]] = []
        number, room = 0, 0
        try:
            with (self.path / "items.jsonl").open("wb") as stream:
                for number, entry in enumerate(entries, start=1):
                    line = _ENTRY.dump_json(entry) + b"\n"
                    stream.write(line)
                    if entry.part is not None:
                        continue
                    if entry.theorem is None:
                        refused.append((number, entry))
                        continue
                    if not batches or len(batches[-1]) == _MOST_ITEMS or len(line) > room:
                        batches.append([])
                        room = batch_bytes
                    batches[-1].append(number)
                    room -= len(line)
            run = BatchRun(
                name=secrets.token_hex(8),
                asked=asked,
                label=label,
                items=number,
                batches=tuple(map(tuple, batches)),
                created=time.time(),
            )
            for at, entry in refused:
                incomplete = entry.verdict is not None and entry.verdict.kind is VerdictKind.INCOMPLETE
                outcome = ItemOutcome.UNPROVED if incomplete else ItemOutcome.INVALID
                self._append(_row(at, entry, "", 0, ItemAnswer("", outcome, entry.family, verdict=entry.verdict)))
            self.replace("run.json", run.model_dump_json(indent=2))
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        return run

    def resume(self) -> Iterator[Row]:
        """Read the answers of earlier processes.

        Raises:
            UserError: the file is invalid.
        """
        assert self._journal is not None
        for number, line in self._journal.lines():
            try:
                row = json.loads(line)
                self._note(row)
            except (ValueError, KeyError, TypeError):
                raise UserError(f"{self._journal.path}:{number} is not an answer: name another folder") from None
            yield row

    def entries(self, numbers: Iterable[int]) -> dict[int, Entry]:
        """Return items by their numbers, from 1.

        Raises:
            UserError: the file of items was changed.
        """
        path = self.path / "items.jsonl"
        try:
            with path.open("rb") as stream:
                if not self._offsets:
                    # Read with one call, because several threads read entries.
                    self._offsets = [0, *itertools.accumulate(map(len, stream))]
                found: dict[int, Entry] = {}
                for number in numbers:
                    stream.seek(self._offsets[number - 1])
                    found[number] = _ENTRY.validate_json(stream.readline())
                return found
        except (OSError, IndexError, ValidationError):
            raise UserError(f"{path} was changed since the batch began: name another folder") from None

    def add(self, number: int, entry: Entry, batch: str, answered: Answered) -> Row | None:
        """Store an answer; None if the item had one already, because its batch was submitted again to an emptied
        database.

        Raises:
            UserError: it cannot be written.
        """
        if number in self.answered:
            self.cursors[batch] = answered.position
            return None
        return self._written(_row(number, entry, batch, answered.position, answered.answer))

    def answer(self, number: int, entry: Entry, answer: ItemAnswer) -> Row:
        """Store an answer that did not come from a batch.

        Raises:
            UserError: it cannot be written.
        """
        return self._written(_row(number, entry, "", 0, answer))

    def _written(self, row: Row) -> Row:
        try:
            self._append(row)
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; run again to resume") from None
        return row

    def replace(self, name: str, text: str) -> None:
        """Write a file atomically. Raises OSError."""
        atomic_write_text(self.path / name, text)

    def _append(self, row: Row) -> None:
        assert self._journal is not None
        self._journal.append(json.dumps(row, ensure_ascii=False))
        self._note(row)

    def _note(self, row: Row) -> None:
        self.answered.add(row["number"])
        if batch := row.get("batch", row.get("job")):  # earlier versions wrote `job`
            self.cursors[batch] = row["position"]


def _row(number: int, entry: Entry, batch: str, position: int, answer: ItemAnswer) -> Row:
    """Return one line of results.jsonl."""
    theorem = entry.theorem or Theorem("")
    row: dict[str, Any] = {
        "id": entry.id,
        "family": entry.family,
        "outcome": answer.outcome.value,
        "statement": theorem.statement,
        "proofs": [
            {
                "proof": proof.candidate.text,
                "trust": proof.verdict.trust.name,
                "axioms": list(proof.verdict.axioms),
                "axioms_complete": proof.verdict.axioms_complete,
                "term": proof.verdict.term,
                "source": proof.candidate.source,
                "seed": proof.candidate.seed,
                "tokens": proof.candidate.tokens,
                "stored": proof.stored,
                "elapsed_ms": round(1e3 * proof.seconds, 3),
            }
            for proof in answer.proofs
        ],
        "ending": answer.ending.value if answer.ending else None,
        "sampled": answer.spent.sampled,
        "checked": answer.spent.checked,
        "elapsed_ms": round(1e3 * answer.spent.seconds, 3),
        "attempts": answer.attempts,
        "error": answer.error,
        "messages": [message_row(message) for message in answer.verdict.messages] if answer.verdict else [],
        **({"notes": note_rows(answer.notes)} if answer.notes else {}),
        **({"refutation": refutation_row(answer.refutation)} if answer.refutation else {}),
        "number": number,
        "batch": batch,
        "position": position,
        "at": round(time.time(), 3),
    }
    return row
