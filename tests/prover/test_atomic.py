"""Files are written whole or not at all."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from prover.atomic import atomic_write, atomic_write_text

DIES = """
import os, signal, sys
from pathlib import Path
from prover.atomic import atomic_write
with atomic_write(Path(sys.argv[1])) as stream:
    stream.write(b"half of")
    stream.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_fails_leaves_the_old_content_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "file"
    atomic_write_text(file, "old ∀\n")

    def fail() -> None:
        with atomic_write(file) as stream:
            stream.write(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert file.read_text(encoding="utf-8") == "old ∀\n"
    assert list(tmp_path.iterdir()) == [file]


def test_a_kill_leaves_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "file"
    atomic_write_text(file, "old\n")
    done = subprocess.run([sys.executable, "-c", DIES, str(file)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert file.read_text(encoding="utf-8") == "old\n"


def test_a_new_file_has_the_mode_that_is_asked_and_an_old_one_keeps_its_own(tmp_path: Path) -> None:
    private, shared = tmp_path / "private", tmp_path / "shared"
    shared.touch()
    shared.chmod(0o640)
    before = os.umask(0o027)
    try:
        for file in (private, shared):
            with atomic_write(file, 0o600, lasting=True) as stream:
                stream.write(b"new")
    finally:
        os.umask(before)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (private, shared)] == [0o600, 0o640]


def test_a_link_is_replaced_and_what_it_leads_to_is_left(tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old")
    link.symlink_to(target)
    atomic_write_text(link, "new")
    assert (target.read_text(), link.read_text(), link.is_symlink()) == ("old", "new", False)
