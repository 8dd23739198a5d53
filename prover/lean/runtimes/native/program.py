"""Stores the worker program as a file for a native Lean."""

import hashlib
from pathlib import Path

from prover.atomic import atomic_write
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.runtime import RuntimeUnavailableError


def publish(program: str) -> Path:
    """Write the program to the user's cache, once per version of its source.

    Raises:
        RuntimeUnavailableError: it cannot be written.
    """
    data = program.encode()
    folder = cache_directory() / "native"
    file = folder / f"Worker-{hashlib.sha256(data).hexdigest()[:16]}.lean"
    try:
        # The file will be run, so its content is compared: its name alone proves nothing.
        if file.is_file() and file.read_bytes() == data:
            return file
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(file, 0o600) as stream:
            stream.write(data)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"the worker program cannot be written to {folder}: {error.strerror}; set LEANSIEVE_CACHE to another folder"
        ) from error
    return file
