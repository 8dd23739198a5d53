"""bubblewrap around a native worker: no network, nothing writable, only Lean and the project readable."""

import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path

_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/nix/store")
_PROBE_SECONDS = 20.0


class Sandbox(StrEnum):
    """Use of the sandbox for workers."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


def find_bubblewrap(environment: Mapping[str, str]) -> str | None:
    """Return the program `bwrap`; None if it is not installed."""
    return shutil.which("bwrap", path=environment.get("PATH", os.defpath))


def sandboxed(bwrap: str, argv: Sequence[str], readable: Iterable[Path], folder: Path) -> list[str]:
    """Return the command line in a sandbox: separate namespaces, an empty private `/tmp`, all else read-only.

    Args:
        readable: files and folders visible in addition to the system's programs; missing ones are skipped.
        folder: working directory, in or below one of these.
    """
    options = ["--unshare-all", "--die-with-parent"]
    for place in map(Path, _SYSTEM):
        if place.is_symlink():
            options += ["--symlink", os.readlink(place), str(place)]
        elif place.exists():
            options += ["--ro-bind", str(place), str(place)]
    options += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]
    for place in sorted({place.absolute() for place in readable}):  # outer folders before inner ones
        options += ["--ro-bind-try", str(place), str(place)]
    return [bwrap, *options, "--chdir", str(folder), "--", *argv]


def trouble(bwrap: str) -> str | None:
    """Explain why bubblewrap does not work here (containers often forbid namespaces); None if it works.

    Takes milliseconds.
    """
    command = sandboxed(bwrap, ["/bin/sh", "-c", "exit 0"], (), Path("/"))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else (done.stderr.strip() or f"it exits with status {done.returncode}")[:200]
