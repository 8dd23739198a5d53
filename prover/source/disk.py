"""Reading and replacing `.lean` files on disk."""

import itertools
import stat
from collections.abc import Iterator
from pathlib import Path

from prover.atomic import atomic_write
from prover.errors import UserError
from prover.source.lean_file import LeanFile, parse
from prover.theorem import HeaderError

LONGEST = 4 << 20
"""Maximum size of a file in bytes."""
_OPENED = Path("/dev/fd")  # pipes that a shell has opened for the command
_UNREAD = ((stat.S_ISFIFO, "named pipe"), (stat.S_ISCHR, "device"), (stat.S_ISBLK, "device"), (stat.S_ISDIR, "folder"))


def read(path: Path) -> LeanFile:
    """Read and parse a file.

    Raises:
        UserError: it cannot be read, is too large or empty, is not UTF-8, begins with a byte order mark, holds a NUL
            character, or has malformed imports.
    """
    try:
        found = path.stat()
        for is_one, kind in _UNREAD:
            if is_one(found.st_mode) and path.parent != _OPENED:
                raise UserError(f"{path} is a {kind}, not a plain file")  # reading might never end
        with path.open("rb") as stream:
            source = stream.read(LONGEST + 1)
        if len(source) > LONGEST:
            raise UserError(f"{path} is larger than {LONGEST:,} bytes")
        text = source.decode()
    except UnicodeDecodeError as error:
        line = source.count(b"\n", 0, error.start) + 1
        raise UserError(
            f"{path}:{line}: byte {source[error.start]:#04x} is not UTF-8; save the file as UTF-8"
        ) from None
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: a NUL character: this is not Lean source")
    if text.startswith("\ufeff"):
        raise UserError(f"{path}:1: begins with a byte order mark, which Lean does not read: save the file without it")
    if not text.strip():
        raise UserError(f"{path} is empty")
    try:
        return parse(text.replace("\r\n", "\n"))
    except HeaderError as error:
        raise UserError(f"{path}: {error}") from None


def write(path: Path, text: str, was: str) -> None:
    """Replace the file atomically, keeping its line ends and mode; on an error it stays unchanged.

    Args:
        was: the text as read before; if the file has changed since, it is left alone, and `text` is written next to it.

    Raises:
        UserError: it cannot be written, or was changed meanwhile.
    """
    try:
        source = path.read_bytes()
        newline = "\r\n" if b"\r\n" in source else "\n"
        written = text.replace("\n", newline).encode()
        if source.replace(b"\r\n", b"\n") != was.encode():
            copy = next(each for each in _unused_paths(path) if not each.exists())
            _replace(copy, written)
            raise UserError(f"{path} was changed meanwhile and left as it is now; with the proofs it is in {copy}")
        _replace(path, written)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}; it was left as it was") from None


def _unused_paths(path: Path) -> Iterator[Path]:
    for number in itertools.count(1):
        yield path.with_name(f"{path.stem}.proved-{number}{path.suffix}")


def _replace(path: Path, content: bytes) -> None:
    with atomic_write(path.resolve(), lasting=True) as stream:
        stream.write(content)
