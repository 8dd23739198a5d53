"""The output of a run, one JSON object per line, which a later run resumes."""

import fcntl
import json
import os
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import IO, Self

from prover.errors import UserError
from service.jsonl.rows import Id, Row


class Answers:
    """The output of a run: opened by one process at a time, appended line by line, repaired after a crash."""

    def __init__(self, path: Path, finished: Callable[[Row], bool], good: Callable[[Row], bool]) -> None:
        """Write to `path`; rows of an earlier run for which `finished` is false are removed, to be answered again.

        Args:
            good: whether a row is a success: VERIFIED, or with a proof.
        """
        self.path = path
        self.done: set[Id] = set()
        """Ids with an answer."""
        self.good: set[Id] = set()
        """Ids with a success."""
        self._finished = finished
        self._good = good
        self._stream: IO[bytes] | None = None

    def __enter__(self) -> Self:
        """Open, lock and repair the file.

        Raises:
            UserError: it cannot be written, another process writes it, or its content is invalid.
        """
        try:
            self._stream = _locked(self.path)
            self._resume(self._stream)
        except OSError as error:
            self.__exit__(None, None, None)
            raise UserError(f"cannot write {self.path}: {error.strerror}") from None
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, *_exc: object) -> None:
        """Close the file."""
        if self._stream is not None:
            with suppress(OSError):  # write errors were reported by `write`
                self._stream.close()
            self._stream = None

    def write(self, row: Row) -> None:
        """Append one answer.

        Raises:
            UserError: it cannot be written, for instance because the disk is full.
        """
        assert self._stream is not None
        try:
            self._stream.write(_encode(row))
            self._stream.flush()
        except OSError as error:
            raise UserError(f"cannot write {self.path}: {error.strerror}; run again to resume") from None
        self._note(row)

    def _note(self, row: Row) -> None:
        self.done.add(row["id"])
        if self._good(row):
            self.good.add(row["id"])

    def _resume(self, stream: IO[bytes]) -> None:
        dropped: set[int] = set()
        for number, line in enumerate(stream, start=1):
            if not line.endswith(b"\n"):  # torn by a crash
                dropped.add(number)
                break
            try:
                row = json.loads(line)
                if self._finished(row):
                    self._note(row)
                else:
                    dropped.add(number)
            except (ValueError, KeyError, TypeError, RecursionError):
                raise UserError(
                    f"{self.path}:{number} is not an answer of an earlier run; name another file, or move this one away"
                ) from None
        if dropped:
            stream.seek(0)
            self._stream = _replaced(self.path, (line for n, line in enumerate(stream, start=1) if n not in dropped))
            stream.close()


def _locked(path: Path) -> IO[bytes]:
    if path.exists() and not path.is_file():
        raise UserError(f"cannot write {path}: it is not an ordinary file, so that a run could not be resumed")
    stream = path.open("a+b")
    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stream.close()
        raise UserError(f"another run is writing {path}; wait for it or name another file") from None
    stream.seek(0)
    return stream


def _replaced(path: Path, lines: Iterable[bytes]) -> IO[bytes]:
    """Create a new file of that name with these lines, locked before any other process can see it."""
    descriptor, draft = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        stream = os.fdopen(descriptor, "w+b")
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        stream.writelines(lines)
        stream.flush()
        os.chmod(draft, path.stat().st_mode)
        os.replace(draft, path)
    except BaseException:
        os.unlink(draft)
        raise
    return stream


def _encode(row: Row) -> bytes:
    return json.dumps(row, ensure_ascii=False, allow_nan=False).encode() + b"\n"
