"""How `make test` shares the tests out over its processes."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILES = ("tests/prover/test_header.py", "tests/prover/test_atomic.py")


def test_all_tests_of_a_file_run_in_one_process() -> None:
    """Groups had no effect with a newer pytest: each process started every server and every model, and nothing said so."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    (distribution,) = set(re.findall(r"--dist=\S+ --no-loadscope-reorder", makefile))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-vv", "--numprocesses=2", *distribution.split(), *FILES],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    ran = re.findall(r"\[(gw\d)\].* PASSED (\S+?)::", done.stdout)
    assert len(ran) > 10, done.stdout
    for file in FILES:
        assert len({process for process, name in ran if name == file}) == 1, done.stdout
