"""Times the commands of docs/training.md, "A first run".

    python -m benchmarks.service.first_run [--folder DIR] [--json FILE]

Runs them one after the other in an empty folder with a copy of `examples/`, except the last, which serves. Stops at the
first failure.
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
    """Return the lines of the page's block."""
    page = (ROOT / "docs" / "training.md").read_text(encoding="utf-8")
    section = page[page.index("## A first run") : page.index("## 1. ")]
    (block,) = re.findall(r"^```sh\n(.*?)^```", section, re.MULTILINE | re.DOTALL)
    return [line for line in block.splitlines() if line]


def prepare(folder: Path) -> dict[str, str]:
    """Copy the examples to `folder`, and return the environment of its commands."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    return os.environ | {"PYTHONPATH": str(ROOT), "LEANSIEVE_LEAN__WORKERS": "1"}


def arguments(line: str, folder: Path) -> list[str]:
    """Return the command with this interpreter."""
    program, *words = shlex.split(line)
    assert program == "leansieve"
    found = [name for word in words for name in (sorted(map(str, folder.glob(word))) if "*" in word else [word])]
    return [sys.executable, "-m", "service", *found]


def run(line: str, folder: Path, environment: dict[str, str]) -> tuple[float, str]:
    """Run a command to its end, and return its seconds and its stderr.

    Raises:
        RuntimeError: it failed; the error has its stderr.
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
    """Measure, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, help="folder to keep the results of the commands")
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
