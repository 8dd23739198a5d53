"""A PostgreSQL server for tests: Debian's, with a temporary cluster."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")


class NoPostgresError(Exception):
    """There is no server to start here; the text says why."""


@contextlib.contextmanager
def running_cluster() -> Iterator[str]:
    """The URL of a fresh server, which listens on a socket in a folder alone and is gone afterwards."""
    bin_folder = _programs()
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="leansieve-postgres-"))
    try:
        if user is not None:
            shutil.chown(folder, user)
        data = folder / "data"
        _run(
            user, bin_folder / "initdb", "-D", data, "-U", "leansieve", "-A", "trust", "-N", "--locale=C", "-E", "UTF8"
        )
        options = f"-c listen_addresses='' -c unix_socket_directories={folder} -c fsync=off"
        _run(user, bin_folder / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start")
        try:
            yield f"postgresql://leansieve@/postgres?host={folder}"
        finally:
            _run(user, bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder)


def _programs() -> Path:
    if _DEBIAN.is_dir() and (found := sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))):
        return found[-1].parent
    if found_in_path := shutil.which("initdb"):
        return Path(found_in_path).resolve().parent
    raise NoPostgresError("needs PostgreSQL: apt install postgresql")


def _unprivileged() -> str | None:
    """Return the user to run it as, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name).pw_name
    raise NoPostgresError("PostgreSQL does not run as root, and there is no other user here")


def _run(user: str | None, *command: str | Path) -> None:
    done = subprocess.run(
        [str(part) for part in command], user=user, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} failed: {done.stderr}")
