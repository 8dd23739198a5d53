"""Separate environments for third-party programs of tests: made once from a pinned list, kept in the user's cache folder."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from prover.lean.runtimes.embedded.cache.install import cache_directory

_REQUIREMENTS = Path(__file__).resolve().parents[3] / "requirements"
_SECONDS = 300


def environment(name: str) -> Path:
    """The `bin` folder of an environment with what `requirements/NAME.txt` pins; skips the test where that cannot be installed."""
    pinned = _REQUIREMENTS / f"{name}.txt"
    version = ".".join(map(str, sys.version_info[:2]))
    folder = cache_directory() / "tools" / f"{name}-{version}-{hashlib.sha256(pinned.read_bytes()).hexdigest()[:12]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{folder}.lock"):
        if not (folder / "complete").is_file():
            shutil.rmtree(folder, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
            pip = [
                sys.executable,
                "-m",
                "pip",
                "--python",
                folder / "bin" / "python",
                "install",
                "--quiet",
                "-r",
                pinned,
            ]
            free = {key: value for key, value in os.environ.items() if key != "PIP_CONSTRAINT"}
            done = subprocess.run(pip, env=free, capture_output=True, text=True, timeout=_SECONDS, check=False)
            if done.returncode:
                pytest.skip(f"requirements/{name}.txt cannot be installed: {done.stderr.strip().splitlines()[-1]}")
            (folder / "complete").touch()
    return folder / "bin"
