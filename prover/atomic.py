"""Files that appear whole or not at all, whatever ends the process that writes them."""

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def atomic_write(path: Path, mode: int = 0o666, lasting: bool = False) -> Iterator[BinaryIO]:
    """A file that takes the place of `path` when the block ends well; else all stays as it was.

    Args:
        path: in a folder that is there. A link is replaced, not followed.
        mode: of the file, less the umask; one that is replaced keeps its own mode, and its owner where that is allowed.
        lasting: the content is on the disk before its name is, for what a power failure must not take back.

    Raises:
        OSError: it cannot be written.
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
