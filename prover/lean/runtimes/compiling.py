"""Builds C sources with the machine's compiler, once per version of the source."""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from prover.lean.runtimes.runtime import RuntimeUnavailableError

_BUILD_SECONDS = 120.0


def build(
    what: str, into: Path, name: str, sources: Sequence[Path], flags: Sequence[str], more: Sequence[str] = ()
) -> Path:
    """Return the compiled file in the folder `into`; it is built if missing.

    Args:
        what: name of the result in messages.
        into: target folder; created if missing, accessible to its owner only.
        name: prefix of the file name; a digest of sources and flags is appended.
        sources: C files, and headers, which only enter the digest.
        flags: compiler flags.
        more: flags after the sources that do not change the result.

    Raises:
        RuntimeUnavailableError: there is no C compiler, or it fails.
    """
    sources = sorted(sources)
    digest = hashlib.sha256(repr(tuple(flags)).encode())
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    target = into / f"{name}-{digest.hexdigest()[:16]}"
    if target.is_file() and os.access(target, os.X_OK):
        return target
    compiler = shutil.which(os.environ.get("CC", "cc")) or shutil.which("gcc")
    if compiler is None:
        raise RuntimeUnavailableError(f"{what} needs a C compiler once: install gcc, or name one in CC")
    code = [str(source) for source in sources if source.suffix == ".c"]
    try:
        into.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.TemporaryDirectory(dir=into) as scratch:
            built = Path(scratch, "built")
            command = [compiler, *flags, "-o", str(built), *code, *more]
            done = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_SECONDS, check=False)
            if done.returncode != 0:
                raise RuntimeUnavailableError(f"{what} cannot be built: {done.stderr.strip()[:400]}")
            built.replace(target)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeUnavailableError(f"{what} cannot be built in {into}: {error}") from error
    return target
