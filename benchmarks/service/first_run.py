"""The commands of docs/training.md, "A first run", as they stand, each with its seconds.

    python -m benchmarks.service.first_run [--folder DIR] [--json FILE]

Runs them one after the other in an empty folder that has a copy of `examples/`, but the last, which serves; ends at the first
that fails.
"""

import argparse
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]


def commands() -> list[str]:
    """The lines of the page's block."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    section = page[page.index("## A first run") : page.index("## 1. ")]
    (block,) = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line]


def prepare(folder: Path) -> dict[str, str]:
    """Lay the examples in `folder`; returns the environment that commands have there."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return os.environ | {"PYTHONPATH": str(ROOT), "LEANSIEVE_LEAN__WORKERS": "1"}


def arguments(line: str, folder: Path) -> list[str]:
    """The command as a shell in `folder` would start it, with this interpreter."""
    program, *words = shlex.split(line)
    assert program == "leansieve"
    found = [name for word in words for name in (sorted(map(str, folder.glob(word))) if "*" in word else [word])]
    return [sys.executable, "-m", "service", *found]


def run(line: str, folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Run a command to its end: its seconds, and what it printed on stderr.

    Raises:
        RuntimeError: it failed; the error holds its stderr.
    """
    began = time.monotonic()
    done = subprocess.run(
        arguments(line, folder),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{line}\n{done.stderr}")
    return time.monotonic() - began, done.stderr


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="keep what the commands make here")
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    took = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = chosen.folder or Path(temporary)
        environment = prepare(folder)
        *steps, _serving = commands()
        for line in steps:
            took[line], _ = run(line, folder, environment)
            print(f"{took[line]:6.1f} s  {line}", flush=True)
    print(f"{sum(took.values()):6.1f} s  in all")
    if chosen.json:
        figures = {"load_average": os.getloadavg()[0], "seconds": {line: round(took[line], 1) for line in steps}}
        chosen.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
