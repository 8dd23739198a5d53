"""The folder of a batch: what was asked, what is answered, written so that any end of the process can be resumed.

    run.json       what was asked, and how the items are parted into batches; written once, last of the preparations
    items.jsonl    the theorems, as they were read when the run began
    results.jsonl  an answer a line, in the order in which they came
    report.html, report.json

One process at a time holds a folder. A batch's key is made of the run's name and the batch's number, so that to submit it
again, to the same database, is to find it.
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
from service.jsonl.lines import Row, message_row, note_rows, refutation_row
from training.journal import Journal, JournalError

_MOST_ITEMS = 500  # of a batch: so many answers may be under way or unread
_ENTRY = TypeAdapter(Entry)


class BatchRun(BaseModel):
    """What was asked, and how it is parted.

    Attributes:
        name: 16 hexadecimal digits, new for each run.
        asked: inputs and options, as they must be asked again to resume.
        label: for people.
        items: how many there are.
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
    """A batch on disk. Use it as a context manager, for the lock."""

    def __init__(self, path: Path) -> None:
        """Nothing is read yet."""
        self.path = path
        self.answered: set[int] = set()
        """Numbers of the items that are answered."""
        self.cursors: dict[str, int] = {}
        """The position of the last answer that is written, for each batch of the server."""
        self._journal: Journal | None = None
        self._offsets: list[int] = []

    def __enter__(self) -> Self:
        """Lock it.

        Raises:
            UserError: another process works in it, or it cannot be written.
        """
        try:
            self._journal = Journal(self.path / "results.jsonl")
        except JournalError as error:
            raise UserError(str(error)) from None
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        return self

    def __exit__(self, *_exc: object) -> None:
        """Let it go."""
        if self._journal is not None:
            self._journal.close()

    def run(self, asked: dict[str, Any]) -> BatchRun | None:
        """What an earlier process began; None: nothing.

        Raises:
            UserError: it is no run, or one of something else than `asked`.
        """
        path = self.path / "run.json"
        if not path.exists():
            return None
        try:
            run = BatchRun.model_validate_json(path.read_bytes())
        except (ValidationError, OSError):
            raise UserError(f"{path} is no batch of this version: name another folder") from None
        for name in sorted({*run.asked, *asked}):
            # What is not asked for is None, False, empty or not there.
            if (run.asked.get(name) or None) != (asked.get(name) or None):
                raise UserError(
                    f"{self.path} holds a batch with another {name} ({run.asked.get(name)!r}, now {asked.get(name)!r}): "
                    "ask for the same to resume it, or name another folder"
                )
        return run

    def begin(self, asked: dict[str, Any], label: str, entries: Iterable[Entry], batch_bytes: int) -> BatchRun:
        """Write down what is to be done; entries that cannot be taken are answered at once.

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
                left = entry.verdict is not None and entry.verdict.kind is VerdictKind.INCOMPLETE
                outcome = ItemOutcome.UNPROVED if left else ItemOutcome.INVALID
                self._append(_row(at, entry, "", 0, ItemAnswer("", outcome, entry.family, verdict=entry.verdict)))
            self.replace("run.json", run.model_dump_json(indent=2))
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        return run

    def resume(self) -> Iterator[Row]:
        """The answers of earlier processes.

        Raises:
            UserError: the file holds something else.
        """
        assert self._journal is not None
        for number, line in self._journal.lines():
            try:
                row = json.loads(line)
                self._note(row)
            except (ValueError, KeyError, TypeError):
                raise UserError(f"{self._journal.path}:{number} is no answer: name another folder") from None
            yield row

    def entries(self, numbers: Iterable[int]) -> dict[int, Entry]:
        """Items by their numbers, from 1.

        Raises:
            UserError: the file of items was changed.
        """
        path = self.path / "items.jsonl"
        try:
            with path.open("rb") as stream:
                if not self._offsets:
                    # Whole at once: several threads read entries.
                    self._offsets = [0, *itertools.accumulate(map(len, stream))]
                found: dict[int, Entry] = {}
                for number in numbers:
                    stream.seek(self._offsets[number - 1])
                    found[number] = _ENTRY.validate_json(stream.readline())
                return found
        except (OSError, IndexError, ValidationError):
            raise UserError(f"{path} was changed since the batch began: name another folder") from None

    def add(self, number: int, entry: Entry, batch: str, answered: Answered) -> Row | None:
        """Write an answer down; None if the item had one: its batch was submitted anew to an emptied database.

        Raises:
            UserError: it cannot be written.
        """
        if number in self.answered:
            self.cursors[batch] = answered.position
            return None
        return self._written(_row(number, entry, batch, answered.position, answered.answer))

    def answer(self, number: int, entry: Entry, answer: ItemAnswer) -> Row:
        """Write an answer down that no batch gave.

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
        """Write a file whole, or leave it as it was. Raises OSError."""
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
    """One line of results.jsonl."""
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
