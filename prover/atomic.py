"""Atomic file writes: a file appears complete or not at all, even if the writing process dies."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: Path, mode: int = 0o666, lasting: bool = False) -> Iterator[BinaryIO]:
    """Yield a temporary file that replaces `path` if the block succeeds; on an error `path` stays unchanged.

    Args:
        path: file in an existing folder. A symbolic link is replaced, not followed.
        mode: mode of a new file, less the umask; an existing file keeps its mode, and its owner if permitted.
        lasting: whether to sync the content to disk before the rename, so that it survives a power failure.

    Raises:
        OSError: the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as stream:
            yield stream
            stream.flush()
            with contextlib.suppress(FileNotFoundError):
                _take_after(path, handle)
            if lasting:
                os.fsync(handle)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def atomic_write_text(path: Path, text: str) -> None:
    """Write a text as `atomic_write` does, in UTF-8. Raises OSError."""
    with atomic_write(path) as stream:
        stream.write(text.encode())


def _take_after(old: Path, handle: int) -> None:
    before = old.stat()
    with contextlib.suppress(PermissionError):
        os.fchown(handle, before.st_uid, before.st_gid)
    os.fchmod(handle, before.st_mode & 0o777)
