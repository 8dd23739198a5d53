"""Theorems of existing Lean code with their proofs' steps and premises, collected file by file into a corpus.

Each theorem stands under the imports of its own file and after what stands before it there, so it can be proved anew
without being among what is imported. A file is done when its line is in the journal; an interrupted run goes on after it.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict

from training.corpus.record import TheoremRecord
from training.journal import Journal


class TracedFile(BaseModel):
    """What was found in one file; one line of the journal."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    file: str
    """Path in the project."""
    version: str
    """Version of the file: a commit, or the SHA-256 of its text; another version is traced again."""
    theorems: tuple[TheoremRecord, ...] = ()
    """In the order of the file."""
    skipped: int = 0
    """Theorems that no record can hold, or that our Lean does not take as they stand."""


class TracingRun:
    """A run over many files. A context manager: one process holds the journal at a time."""

    def __init__(self, journal: Path) -> None:
        """Go on with what the journal holds.

        Raises:
            JournalError: another process writes to it.
            ValueError: it holds something else.
        """
        self._journal = Journal(journal)
        self._files: dict[str, TracedFile] = {}
        for number, line in self._journal.lines():
            try:
                traced = TracedFile.model_validate_json(line)
            except ValueError:
                self._journal.close()
                raise ValueError(f"{journal}:{number} is no line of a tracing; name another file") from None
            self._files[traced.file] = traced

    def done(self, file: str, version: str) -> bool:
        """Whether this version of a file is traced already."""
        return file in self._files and self._files[file].version == version

    def files(self, version: str) -> list[str]:
        """The files of this version that are traced already."""
        return [file for file, traced in self._files.items() if traced.version == version]

    def add(self, traced: TracedFile) -> None:
        """Keep what was found in a file."""
        self._journal.append(traced.model_dump_json(exclude_defaults=True))
        self._files[traced.file] = traced

    def records(self, files: Iterable[str]) -> list[TheoremRecord]:
        """The theorems of these files; of two with the same name, the second is given another one."""
        records: dict[str, TheoremRecord] = {}
        for file in files:
            for record in self._files[file].theorems if file in self._files else ():
                unique = _renamed(record, records)
                records[unique.name] = unique
        return list(records.values())

    @property
    def skipped(self) -> int:
        """Theorems that could not be taken."""
        return sum(traced.skipped for traced in self._files.values())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self._journal.close()


def _renamed(record: TheoremRecord, taken: dict[str, TheoremRecord]) -> TheoremRecord:
    """The record under a name that is free: names in different namespaces are often written alike."""
    name, number = record.name, 2
    while name in taken:
        name, number = f"{record.name}_{number}", number + 1
    if name == record.name:
        return record
    statement = re.sub(
        r"(?<=theorem)(\s+)\S+?(?=\.\{|[\s({\[:⦃])", lambda found: found[1] + name, record.statement, count=1
    )
    return TheoremRecord.model_validate({**record.model_dump(), "name": name, "statement": statement})
