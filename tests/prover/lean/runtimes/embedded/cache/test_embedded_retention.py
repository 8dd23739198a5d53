"""Which entries are removed from the cache, and which are kept."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from prover.lean.runtimes.embedded.cache import install
from prover.lean.runtimes.embedded.cache.images import KEPT_IMAGES, images_for
from prover.lean.runtimes.embedded.cache.install import Installation
from prover.lean.runtimes.embedded.cache.retention import KEPT_PROGRAMS, KEPT_RUNTIMES, drop, drop_old, hold, release


def folder(path: Path, age: float) -> Path:
    """A folder with a file in it that was used `age` seconds ago."""
    path.mkdir(parents=True)
    (path / "file").write_text("content")
    os.utime(path, (time.time() - age,) * 2)
    return path


def held_by_another(path: Path) -> subprocess.Popen[str]:
    """A process that holds `path` until its standard input ends."""
    program = "import sys; from pathlib import Path; from prover.lean.runtimes.embedded.cache.retention import hold;"
    program += f"print(hold(Path({str(path)!r})), flush=True); sys.stdin.read()"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=-1, stdout=-1, text=True)
    assert process.stdout
    assert process.stdout.readline() == "True\n"
    return process


def test_the_newest_runtimes_and_programs_stay_and_nothing_else_is_touched(tmp_path: Path) -> None:
    runtimes = [folder(tmp_path / f"runtime-{age}", age) for age in range(5)]
    programs = [folder(tmp_path / f"program-{age}", age) for age in range(12)]
    others = [folder(tmp_path / name, 1e6) for name in ("library", "images", "images/0123")]
    drop_old(tmp_path)
    assert [path.is_dir() for path in runtimes] == [age < KEPT_RUNTIMES for age in range(5)]
    assert [path.is_dir() for path in programs] == [age < KEPT_PROGRAMS for age in range(12)]
    assert all((path / "file").is_file() for path in others)
    assert list(tmp_path.glob(".*")) == []


def test_what_a_live_process_uses_is_never_dropped(tmp_path: Path) -> None:
    runtimes = [folder(tmp_path / f"runtime-{age}", age) for age in range(4)]
    with held_by_another(runtimes[3]) as process:
        os.utime(runtimes[3], (0, 0))
        drop_old(tmp_path)
        assert [path.is_dir() for path in runtimes] == [True, True, False, True]
        process.kill()
        process.wait()
    drop_old(tmp_path)
    assert not runtimes[3].exists()


def test_what_this_process_uses_is_not_dropped_until_it_is_released(tmp_path: Path) -> None:
    used = folder(tmp_path / "used", 0)
    assert hold(used)
    assert hold(used)
    drop([used])
    assert (used / "file").is_file()
    release(used)
    drop([used])
    assert not used.exists()
    assert not hold(used)


def test_a_folder_that_was_made_anew_is_held_anew(tmp_path: Path) -> None:
    used = folder(tmp_path / "used", 0)
    assert hold(used)
    used.rename(tmp_path / "gone")
    folder(used, 0)
    assert hold(used)
    drop([used])
    assert used.is_dir()
    release(used)


def test_use_makes_a_folder_new(tmp_path: Path) -> None:
    used = folder(tmp_path / "used", 1e6)
    assert hold(used)
    release(used)
    assert used.stat().st_mtime > time.time() - 100


def test_what_a_killed_process_left_half_dropped_goes(tmp_path: Path) -> None:
    folder(tmp_path / ".program-1.dropped", 0)
    drop_old(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_preparing_a_new_program_drops_the_oldest(
    prepared: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / prepared.runtime.parent.name
    (root / prepared.runtime.name).mkdir(parents=True)
    (root / "library").mkdir()
    old = [folder(root / f"program-{age}", 1000 + age) for age in range(KEPT_PROGRAMS)]
    monkeypatch.setenv("LEANSIEVE_CACHE", str(tmp_path))
    here = install.install("-- a new program", lambda *_: None)
    assert here.program.is_dir()
    assert [path.is_dir() for path in old] == [True] * (KEPT_PROGRAMS - 1) + [False]
    release(here.runtime)
    release(here.program)


def installation(root: Path) -> Installation:
    return Installation(root / "runtime", root / "library", root / "program", root / "images")


def test_images_that_another_process_starts_from_are_not_dropped(tmp_path: Path) -> None:
    here = installation(tmp_path)
    used = folder(here.images / "used", 1e6)
    for age in range(KEPT_IMAGES + 1):
        folder(here.images / str(age), age)
    with held_by_another(used) as process:
        os.utime(used, (0, 0))
        images_for(here, ["Init"])
        process.kill()
        process.wait()
    assert sorted(path.name for path in here.images.iterdir()) == [*map(str, range(KEPT_IMAGES)), "used"]


def test_this_process_holds_only_the_images_that_it_used_last(tmp_path: Path) -> None:
    here = installation(tmp_path)
    folders = [folder(images_for(here, [f"Module{n}"])[1], 1000 - n) for n in range(3 * KEPT_IMAGES)]
    for n in range(3 * KEPT_IMAGES):
        images_for(here, [f"Module{n}"])
    assert [path.is_dir() for path in folders] == [False] * (2 * KEPT_IMAGES) + [True] * KEPT_IMAGES
    for path in folders:
        release(path)


def test_images_that_cannot_be_kept_do_not_stop_a_start(tmp_path: Path) -> None:
    """As in a cache that cannot be written: nothing can be made in a file."""
    here = installation(tmp_path)
    here.images.write_text("")
    assert len(images_for(here, ["Init"])) == 2
