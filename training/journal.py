"""Append-only files of one JSON object per line that survive kill -9, for results of long work."""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Self


class JournalError(ValueError):
    """The file cannot be used; the text is one sentence with the reason."""


class Journal:
    """A journal file, held by one process at a time. An incomplete last line of a killed writer is removed."""

    def __init__(self, path: Path) -> None:
        """Open the file; create it and its folder if needed.

        Raises:
            JournalError: another process writes to it.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._file = path.open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._file.close()
            raise JournalError(
                f"{path} is being written by another process: wait for it, or name another file."
            ) from None
        self._drop_torn_line()

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Return the lines of earlier runs, with line numbers from 1."""
        self._file.seek(0)
        yield from enumerate(self._file, start=1)

    def append(self, line: str) -> None:
        """Add a line; when this returns, the line is with the operating system.

        Raises:
            OSError: it cannot be written, for instance because the disk is full.
        """
        self._file.write(line.encode() + b"\n")
        self._file.flush()

    def close(self) -> None:
        """Close and unlock the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _drop_torn_line(self) -> None:
        end = self._file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - (64 << 10))
            self._file.seek(start)
            if (last := self._file.read(end - start).rfind(b"\n")) >= 0:
                self._file.truncate(start + last + 1)
                return
            end = start
        self._file.truncate(0)
