"""Files that are read again when they change."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

from prover.errors import UserError

_log = structlog.get_logger(__name__)

T = TypeVar("T")


class Watched(Generic[T]):
    """A value read from files, read again when one of them has changed; if that fails, the last valid value stays."""

    def __init__(self, files: Sequence[Path], read: Callable[[], T]) -> None:
        """Read the files for the first time.

        Args:
            files: checked for changes at each use; symbolic links are followed, because Kubernetes swaps them.
            read: reads the value from them, or raises UserError.

        Raises:
            UserError: `read` raised it.
        """
        self._files = files
        self._read = read
        self._seen = self._state()
        self._value = read()

    def current(self) -> T:
        """The current value of the files. Costs one stat call per file."""
        state = self._state()
        if state != self._seen:
            self._seen = state
            names = [str(file) for file in self._files]
            try:
                self._value = self._read()
                _log.info("files were read again", files=names)
            except UserError as error:
                _log.error(
                    "files changed and cannot be read: their last valid content stays in use",
                    files=names,
                    error=str(error),
                )
        return self._value

    def _state(self) -> tuple[tuple[int, int, int] | None, ...]:
        return tuple(_status(file) for file in self._files)


def _status(file: Path) -> tuple[int, int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size
