"""The worker program as a file that a native Lean can run."""

import hashlib
from pathlib import Path

from prover.atomic import atomic_write
from prover.lean.runtimes.embedded.cache.install import cache_directory
from prover.lean.runtimes.runtime import RuntimeUnavailableError


def publish(program: str) -> Path:
    """Write the program to the user's cache, once for each version of its text.

    Raises:
        RuntimeUnavailableError: it cannot be written.
    """
    data = program.encode()
    folder = cache_directory() / "native"
    file = folder / f"Worker-{hashlib.sha256(data).hexdigest()[:16]}.lean"
    try:
        if file.is_file() and file.read_bytes() == data:  # what lies there is run: its name alone is no proof
            return file
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_write(file, 0o600) as stream:
            stream.write(data)
    except OSError as error:
        raise RuntimeUnavailableError(
            f"the worker program cannot be written to {folder}: {error.strerror}; set LEANSIEVE_CACHE to another folder"
        ) from error
    return file
