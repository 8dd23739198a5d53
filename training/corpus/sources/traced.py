"""Theorems of existing Lean code with their proofs' steps and premises, collected file by file into a corpus.

Each theorem has the imports of its file and the text before it as context, so it can be proved anew without being
imported. A file is done when its line is in the journal; an interrupted run resumes after it.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from training.corpus.record import TheoremRecord
from training.journal import Journal


class TracedFile(BaseModel):
    """Results for one file; one line of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    file: str
    """Path in the project."""
    version: str
    """Version of the file: a commit, or the SHA-256 of its text; a changed file is traced again."""
    theorems: tuple[TheoremRecord, ...] = ()
    """In the order of the file."""
    skipped: int = 0
    """Number of theorems that a record cannot represent, or that this Lean rejects in their place."""


class TracingRun:
    """A run over many files. Use it as a context manager: one process holds the journal at a time."""

    def __init__(self, journal: Path) -> None:
        """Resume from the journal.

        Raises:
            JournalError: another process writes to it.
            ValueError: it has other content.
        """
        self._journal = Journal(journal)
        self._files: dict[str, TracedFile] = {}
        for number, line in self._journal.lines():
            try:
                traced = TracedFile.model_validate_json(line)
            except ValueError:
                self._journal.close()
                raise ValueError(f"{journal}:{number} is not a line of a tracing; name another file") from None
            self._files[traced.file] = traced

    def done(self, file: str, version: str) -> bool:
        """Whether this version of a file was traced already."""
        return file in self._files and self._files[file].version == version

    def files(self, version: str) -> list[str]:
        """Return the files of this version that were traced already."""
        return [file for file, traced in self._files.items() if traced.version == version]

    def add(self, traced: TracedFile) -> None:
        """Store the results for a file."""
        self._journal.append(traced.model_dump_json(exclude_defaults=True))
        self._files[traced.file] = traced

    def records(self, files: Iterable[str]) -> list[TheoremRecord]:
        """Return the theorems of these files; repeated names are changed."""
        records: dict[str, TheoremRecord] = {}
        for file in files:
            for record in self._files[file].theorems if file in self._files else ():
                unique = _renamed(record, records)
                records[unique.name] = unique
        return list(records.values())

    @property
    def skipped(self) -> int:
        """Number of theorems left out."""
        return sum(traced.skipped for traced in self._files.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._journal.close()


def _renamed(record: TheoremRecord, taken: dict[str, TheoremRecord]) -> TheoremRecord:
    """Return the record with a free name: names from different namespaces are often written alike."""
    name, number = record.name, 2
    while name in taken:
        name, number = f"{record.name}_{number}", number + 1
    if name == record.name:
        return record
    statement = re.sub(
        r"(?<=theorem)(\s+)\S+?(?=\.\{|[\s({\[:⦃])", lambda found: found[1] + name, record.statement, count=1
    )
    return TheoremRecord.model_validate({**record.model_dump(), "name": name, "statement": statement})
