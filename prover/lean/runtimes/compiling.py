"""Builds what is written in C, once for each version of its text, with the C compiler of the machine."""

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
    """The file in the folder `into` that the compiler made of `sources`; it is made if it is not there.

    Args:
        what: what it is called in messages.
        into: made where it is missing, for its owner alone.
        name: how the file's name begins; a digest of sources and flags follows.
        sources: C files, and headers, which are only looked at for the digest.
        flags: of the compiler.
        more: flags after the sources, which make no difference to what is built.

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
